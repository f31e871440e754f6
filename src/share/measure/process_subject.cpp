// SPDX-License-Identifier: Apache-2.0
#include "share/measure/process_subject.h"

#include "host/frame_table.h"
#include "host/ksm.h"
#include "host/page_map.h"
#include "host/process.h"
#include "share/measure/address_parts.h"
#include "share/measure/cause_rules.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::share {
namespace {

using host::PageFlag;
using host::PageMapEntry;

constexpr std::size_t kReadPages = 64;  // a read: 256 KiB stay in the cache until hashed

// A mapping, or the part of one that is guest RAM.
struct Segment {
  PageRange pages;
  MappingRules rules;
};

// What a subject is made of, before it is one.
struct Source {
  SubjectKind kind = SubjectKind::process;
  std::string name;
  std::string identified_by;
  std::vector<Segment> segments;  // ascending
  std::uint64_t resident_pages = 0;
  ProcessMemory memory;  // of the whole process, when it was opened
};

class ProcessSubject final : public Subject {
 public:
  // Opens the descriptors; segments are filled in by the caller, who looks at smaps after this.
  static Result<std::unique_ptr<ProcessSubject>> open(const host::Host& host,
                                                      host::Process process);
  void describe(Source source);

  [[nodiscard]] SubjectKind kind() const override { return source_.kind; }
  [[nodiscard]] const std::string& name() const override { return source_.name; }
  [[nodiscard]] std::string identified_by() const override { return source_.identified_by; }
  [[nodiscard]] std::optional<int> pid() const override { return process_.pid(); }
  [[nodiscard]] std::span<const Part> parts() const override { return parts_; }
  [[nodiscard]] Pages readable_pages() const override { return Pages(source_.resident_pages); }
  [[nodiscard]] bool has_facts() const override { return frames_.has_value(); }
  [[nodiscard]] std::string why_no_facts() const override { return why_no_facts_; }
  [[nodiscard]] std::optional<ProcessMemory> process_memory() const override {
    return source_.memory;
  }
  [[nodiscard]] Result<std::unique_ptr<SubjectReader>> reader() const override;

  [[nodiscard]] const host::Process& process() const { return process_; }
  [[nodiscard]] const host::PageMap& page_map() const { return page_map_; }
  [[nodiscard]] const host::ProcessMemoryFile& memory() const { return memory_; }
  [[nodiscard]] const host::FrameTable* frames() const { return frames_ ? &*frames_ : nullptr; }
  [[nodiscard]] const KsmState& ksm() const { return ksm_; }
  [[nodiscard]] std::span<const Segment> segments() const { return source_.segments; }
  void set_ksm(KsmState state) { ksm_ = state; }

  // `gone` unless the process is there and is still the program it was.
  [[nodiscard]] Result<void> check_identity() const;

 private:
  ProcessSubject(host::Process process, host::PageMap page_map, host::ProcessMemoryFile memory)
      : process_(std::move(process)), page_map_(std::move(page_map)), memory_(std::move(memory)) {}

  host::Process process_;
  host::PageMap page_map_;
  host::ProcessMemoryFile memory_;
  std::optional<host::FrameTable> frames_;
  std::string why_no_facts_;
  KsmState ksm_;
  Source source_;
  std::vector<Part> parts_;
};

class ProcessReader final : public SubjectReader {
 public:
  explicit ProcessReader(const ProcessSubject& subject)
      : subject_(subject), bytes_(kReadPages * kPageSize) {
    if (subject.frames() != nullptr) frame_reader_.emplace(*subject.frames());
  }

  Result<UnreadPages> read(const Part& part, const BatchSink& sink) override;
  Result<void> reread(std::uint64_t page, std::span<std::byte, kPageSize> out) override;

 private:
  // At most one 2 MiB block of one segment.
  Result<void> read_block(const Segment& segment, PageRange pages, const BatchSink& sink);
  // What the pages of the block are, and, where it can be known, the frames behind them.
  Result<void> look_up(const Segment& segment, PageRange pages);
  // Fills flags_ and counts_ for the block's first `count` pages; spoils frames_.
  Result<void> look_at_frames(std::size_t count);
  // Present pages [first, end) of the block that starts at `block_first`.
  Result<void> read_run(std::uint64_t block_first, std::size_t first, std::size_t end,
                        const BatchSink& sink);

  const ProcessSubject& subject_;
  std::optional<host::FrameReader> frame_reader_;  // none: frames can't be seen
  UnreadPages unread_;
  std::vector<std::byte> bytes_;
  // Of one block, by page:
  std::array<PageMapEntry, kPagesPerHuge> entries_;
  std::array<HostFrame, kPagesPerHuge> frames_;
  std::array<std::uint64_t, kPagesPerHuge> flags_{};
  std::array<std::uint64_t, kPagesPerHuge> counts_{};
  std::array<PageFacts, kPagesPerHuge> facts_;
};

constexpr std::uint64_t kGuardBit = 1ULL << 58;  // MADV_GUARD_INSTALL, Linux 6.13: shown as swap

Result<std::unique_ptr<ProcessSubject>> ProcessSubject::open(const host::Host& host,
                                                             host::Process process) {
  if (process.pid() == ::getpid()) {
    return fail(
        ErrorCode::bad_input,
        fmt::format("process {} is brim itself, which can't scan its own memory", process.pid()));
  }
  BRIM_TRY(const host::ProcessStatus status, process.status());
  if (status.kernel_thread) {
    return fail(ErrorCode::bad_input,
                fmt::format("process {} ({}) is a kernel thread and has no memory of its own",
                            process.pid(), status.name));
  }
  BRIM_TRY(host::PageMap page_map, host::PageMap::open(process));
  BRIM_TRY(host::ProcessMemoryFile memory, host::ProcessMemoryFile::open(process));
  auto subject = std::unique_ptr<ProcessSubject>(
      new ProcessSubject(std::move(process), std::move(page_map), std::move(memory)));
  if (!host::sees_frames(host)) {
    subject->why_no_facts_ = "pagemap hides frame numbers: run as root or with CAP_SYS_ADMIN";
    return subject;
  }
  if (auto frames = host::FrameTable::open(host)) {
    subject->frames_.emplace(std::move(*frames));
  } else {
    subject->why_no_facts_ = error_line(frames.error());
  }
  return subject;
}

void ProcessSubject::describe(Source source) {
  source_ = std::move(source);
  std::vector<PageRange> ranges;
  ranges.reserve(source_.segments.size());
  for (const Segment& segment : source_.segments) ranges.push_back(segment.pages);
  parts_ = cut_into_parts(ranges);
}

Result<std::unique_ptr<SubjectReader>> ProcessSubject::reader() const {
  return std::make_unique<ProcessReader>(*this);
}

Result<void> ProcessSubject::check_identity() const {
  BRIM_CHECK(process_.check_alive());
  PageMapEntry entry;
  const auto probe = page_map_.read(VirtualPage(0), std::span(&entry, 1));
  if (probe) return {};
  if (probe.error().code != ErrorCode::gone) return fail(probe.error());
  BRIM_CHECK(process_.check_alive());  // it may have exited between the two
  return fail(ErrorCode::gone,
              fmt::format("process {} exec'd another program while being scanned", process_.pid()),
              source_.name);
}

Result<UnreadPages> ProcessReader::read(const Part& part, const BatchSink& sink) {
  BRIM_CHECK(subject_.check_identity());
  unread_ = {};
  const std::uint64_t part_end = part.first_page + part.count;
  const auto segments = subject_.segments();
  auto segment = std::upper_bound(
      segments.begin(), segments.end(), part.first_page,
      [](std::uint64_t page, const Segment& candidate) { return page < candidate.pages.end; });
  for (; segment != segments.end() && segment->pages.first < part_end; ++segment) {
    std::uint64_t page = std::max(segment->pages.first, part.first_page);
    const std::uint64_t end = std::min(segment->pages.end, part_end);
    for (;;) {
      const std::uint64_t populated =
          subject_.page_map().first_populated(VirtualPage(page), VirtualPage(end)).number();
      unread_.absent += populated - page;
      page = populated;
      if (page >= end) break;
      const std::uint64_t block_end = (page / kPagesPerHuge + 1) * kPagesPerHuge;
      const PageRange pages{.first = page, .end = std::min(end, block_end)};
      if (auto done = read_block(*segment, pages, sink); !done) {
        BRIM_CHECK(subject_.check_identity());  // says better what became of the process
        return fail(std::move(done).error());
      }
      page = pages.end;
    }
  }
  BRIM_CHECK(subject_.check_identity());
  return unread_;
}

Result<void> ProcessReader::read_block(const Segment& segment, PageRange pages,
                                       const BatchSink& sink) {
  BRIM_CHECK(look_up(segment, pages));
  const std::size_t count = pages.count();
  std::size_t run = 0;
  for (std::size_t i = 0; i <= count; ++i) {
    const bool readable =
        i < count && entries_[i].present() && !host::has(flags_[i], PageFlag::hwpoison);
    if (readable) continue;
    if (i > run) BRIM_CHECK(read_run(pages.first, run, i, sink));
    run = i + 1;
    if (i == count) break;
    const bool guard = (entries_[i].raw() & kGuardBit) != 0;
    if (entries_[i].present()) {
      ++unread_.denied;
    } else if (entries_[i].swapped() && !guard) {
      ++unread_.swapped;
    } else {
      ++unread_.absent;
    }
  }
  return {};
}

Result<void> ProcessReader::look_up(const Segment& segment, PageRange pages) {
  const std::size_t count = pages.count();
  BRIM_CHECK(subject_.page_map().read(VirtualPage(pages.first), std::span(entries_).first(count)));
  if (!frame_reader_) return {};
  for (std::size_t i = 0; i < count; ++i) frames_[i] = entries_[i].frame();
  BRIM_CHECK(look_at_frames(count));
  for (std::size_t i = 0; i < count; ++i) {
    if (!entries_[i].present()) continue;
    facts_[i] = facts_of(segment.rules, entries_[i].frame().number(), flags_[i], counts_[i],
                         subject_.ksm());
  }
  return {};
}

// Most pages have one mapping, and pagemap says so: those need not be looked up. Where many have
// several (merged by KSM), both files are read in one go.
Result<void> ProcessReader::look_at_frames(std::size_t count) {
  const std::span<const HostFrame> frames = std::span(frames_).first(count);
  const auto several = static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(count),
                    [](PageMapEntry entry) { return entry.present() && !entry.exclusive(); }));
  if (several > count / 4)
    return frame_reader_->read(frames, std::span(flags_).first(count),
                               std::span(counts_).first(count));
  BRIM_CHECK(frame_reader_->read(frames, std::span(flags_).first(count), {}));
  counts_.fill(1);
  if (several == 0) return {};
  for (std::size_t i = 0; i < count; ++i)
    if (entries_[i].exclusive()) frames_[i] = HostFrame(0);
  BRIM_CHECK(frame_reader_->read(frames, {}, std::span(counts_).first(count)));
  for (std::size_t i = 0; i < count; ++i)
    if (entries_[i].exclusive()) counts_[i] = 1;
  return {};
}

Result<void> ProcessReader::read_run(std::uint64_t block_first, std::size_t first, std::size_t end,
                                     const BatchSink& sink) {
  while (first < end) {
    const std::size_t wanted = std::min(end - first, kReadPages);
    const VirtualPage start(block_first + first);
    BRIM_TRY(const Bytes got,
             subject_.memory().read(start, std::span(bytes_).first(wanted * kPageSize)));
    const std::size_t pages = whole_pages(got).count();
    if (pages > 0) {
      const bool known = frame_reader_.has_value();
      sink(PageBatch{.first_page = start.number(),
                     .bytes = std::span(bytes_).first(pages * kPageSize),
                     .facts = known ? std::span<const PageFacts>(facts_).subspan(first, pages)
                                    : std::span<const PageFacts>()});
    }
    first += pages;
    if (pages == wanted) continue;
    // The page there could not be read: because it went away meanwhile, or at all.
    PageMapEntry now;
    BRIM_CHECK(subject_.page_map().read(VirtualPage(block_first + first), std::span(&now, 1)));
    ++(now.present() ? unread_.denied : now.swapped() ? unread_.swapped : unread_.absent);
    ++first;
  }
  return {};
}

Result<void> ProcessReader::reread(std::uint64_t page, std::span<std::byte, kPageSize> out) {
  PageMapEntry entry;
  BRIM_CHECK(subject_.page_map().read(VirtualPage(page), std::span(&entry, 1)));
  if (entry.present()) {
    BRIM_TRY(const Bytes got, subject_.memory().read(VirtualPage(page), out));
    if (got.count() == kPageSize) return {};
  }
  return fail(ErrorCode::gone, fmt::format("page {:#x} is not in memory any more", page),
              subject_.name());
}

// What smaps says of a process, as far as it matters here.
struct Layout {
  std::vector<host::SmapsEntry> entries;
  bool merge_any = false;
  KsmState ksm;
};

Result<Layout> read_layout(const host::Host& host, const host::Process& process) {
  Layout layout;
  BRIM_TRY(layout.entries, process.smaps());
  const host::KsmStat stat = process.ksm_stat().value_or(host::KsmStat{});
  layout.merge_any = stat.merge_any.value_or(false);
  std::uint64_t registered_bytes = 0;
  for (const host::SmapsEntry& entry : layout.entries) {
    if (rules_for(entry, layout.merge_any).registered) registered_bytes += entry.anonymous_bytes;
  }
  std::optional<host::Ksm> ksm;
  if (auto read = host::read_ksm(host)) ksm = std::move(*read);
  layout.ksm = ksm_state(ksm, stat, registered_bytes / kPageSize);
  return layout;
}

// The sum over smaps, which was read anyway: smaps_rollup would walk all page tables once more.
ProcessMemory sum_of(const std::vector<host::SmapsEntry>& entries) {
  ProcessMemory sum;
  for (const host::SmapsEntry& entry : entries) {
    sum.rss_bytes += entry.rss_bytes;
    sum.pss_bytes += entry.pss_bytes;
    sum.swap_bytes += entry.swap_bytes;
    sum.anonymous_bytes += entry.anonymous_bytes;
    sum.anon_huge_bytes += entry.anon_huge_bytes;
    if (entry.ksm_bytes) sum.ksm_bytes = sum.ksm_bytes.value_or(0) + *entry.ksm_bytes;
  }
  return sum;
}

// How the largest block of guest RAM is known, and how many more there are.
std::string known_by(const std::vector<host::GuestRam>& ram) {
  const auto largest = std::max_element(ram.begin(), ram.end(), [](const auto& a, const auto& b) {
    return a.end - a.start < b.end - b.start;
  });
  if (ram.size() == 1) return largest->identified_by;
  return fmt::format("{}, and {} more", largest->identified_by, ram.size() - 1);
}

// Adds what of the mapping lies in [start, end) bytes.
void add_segment(const host::SmapsEntry& entry, bool merge_any, std::uint64_t start,
                 std::uint64_t end, Source& source) {
  const host::Mapping& mapping = entry.mapping;
  const std::uint64_t first = std::max(mapping.start, start) / kPageSize;
  const std::uint64_t last = std::min(mapping.end, end) / kPageSize;
  if (first >= last) return;
  const MappingRules rules = rules_for(entry, merge_any);
  const bool usable = mapping.readable || mapping.writable || mapping.executable;
  if (!rules.readable_memory) return;
  if (!usable && entry.rss_bytes == 0 && entry.swap_bytes == 0) return;
  source.segments.push_back({.pages = {.first = first, .end = last}, .rules = rules});
  // Rss leaves hugetlb pages out.
  const std::uint64_t resident = entry.has_flag("ht") ? mapping.bytes() : entry.rss_bytes;
  source.resident_pages += std::min(last - first, resident / kPageSize);
}

}  // namespace

Result<std::unique_ptr<Subject>> open_process_subject(const host::Host& host, int pid) {
  BRIM_TRY(host::Process process, host::Process::open(host, pid));
  BRIM_TRY(std::unique_ptr<ProcessSubject> subject, ProcessSubject::open(host, std::move(process)));
  BRIM_TRY(const Layout layout, read_layout(host, subject->process()));
  BRIM_TRY(const host::ProcessStatus status, subject->process().status());
  Source source{.kind = SubjectKind::process,
                .name = status.name,
                .identified_by = subject->process().executable().value_or("pid"),
                .segments = {},
                .resident_pages = 0,
                .memory = sum_of(layout.entries)};
  for (const host::SmapsEntry& entry : layout.entries) {
    add_segment(entry, layout.merge_any, 0, entry.mapping.end, source);
  }
  subject->set_ksm(layout.ksm);
  subject->describe(std::move(source));
  BRIM_CHECK(subject->check_identity());  // smaps was of the same program as the descriptors
  return subject;
}

Result<std::unique_ptr<Subject>> open_vm_subject(const host::Host& host,
                                                 const host::VirtualMachine& machine) {
  const std::string who = fmt::format("VM {} (process {})", machine.name, machine.pid);
  if (machine.ram.empty()) {
    return fail(ErrorCode::missing, "none of its mappings is known to be guest RAM", who);
  }
  BRIM_TRY(host::Process process, host::Process::open(host, machine.pid));
  if (process.start_ticks() != machine.start_ticks) {
    return fail(ErrorCode::gone, "its process exited, and another has its number now", who);
  }
  BRIM_TRY(std::unique_ptr<ProcessSubject> subject, ProcessSubject::open(host, std::move(process)));
  BRIM_TRY(const Layout layout, read_layout(host, subject->process()));
  Source source{.kind = SubjectKind::vm,
                .name = machine.name,
                .identified_by = known_by(machine.ram),
                .segments = {},
                .resident_pages = 0,
                .memory = sum_of(layout.entries)};
  for (const host::SmapsEntry& entry : layout.entries) {
    for (const host::GuestRam& ram : machine.ram) {
      add_segment(entry, layout.merge_any, ram.start, ram.end, source);
    }
  }
  if (source.segments.empty()) {
    return fail(ErrorCode::gone, "its guest RAM is not mapped any more", who);
  }
  subject->set_ksm(layout.ksm);
  subject->describe(std::move(source));
  BRIM_CHECK(subject->check_identity());
  return subject;
}

}  // namespace brim::share
