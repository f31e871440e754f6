// SPDX-License-Identifier: Apache-2.0
#include "share/measure/process_subject.h"

#include "host/ksm.h"
#include "host/process.h"
#include "share/measure/address_parts.h"
#include "share/measure/cause_rules.h"
#include "share/measure/process_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::share {
namespace {

// What a subject is made of, before it is one.
struct Source {
  SubjectKind kind = SubjectKind::process;
  std::string name;
  std::string identified_by;
  KsmState ksm;
  std::vector<Segment> segments;  // ascending; describe() moves them into the LiveMemory
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
  [[nodiscard]] std::optional<int> pid() const override { return memory_.process.pid(); }
  [[nodiscard]] std::span<const Part> parts() const override { return parts_; }
  [[nodiscard]] Pages readable_pages() const override { return Pages(source_.resident_pages); }
  [[nodiscard]] bool has_facts() const override { return memory_.frames.has_value(); }
  [[nodiscard]] std::string why_no_facts() const override { return why_no_facts_; }
  [[nodiscard]] std::optional<ProcessMemory> process_memory() const override {
    return source_.memory;
  }
  [[nodiscard]] Result<std::unique_ptr<SubjectReader>> reader() const override;

  [[nodiscard]] const LiveMemory& memory() const { return memory_; }

 private:
  explicit ProcessSubject(LiveMemory memory) : memory_(std::move(memory)) {}

  LiveMemory memory_;
  std::string why_no_facts_;
  Source source_;
  std::vector<Part> parts_;
};

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
  BRIM_TRY(host::ProcessMemoryFile bytes, host::ProcessMemoryFile::open(process));
  auto subject =
      std::unique_ptr<ProcessSubject>(new ProcessSubject(LiveMemory{.name = {},
                                                                    .process = std::move(process),
                                                                    .page_map = std::move(page_map),
                                                                    .bytes = std::move(bytes),
                                                                    .frames = {},
                                                                    .ksm = {},
                                                                    .segments = {}}));
  if (!host::sees_frames(host)) {
    subject->why_no_facts_ = "pagemap hides frame numbers: run as root or with CAP_SYS_ADMIN";
    return subject;
  }
  if (auto frames = host::FrameTable::open(host)) {
    subject->memory_.frames.emplace(std::move(*frames));
  } else {
    subject->why_no_facts_ = error_line(frames.error());
  }
  return subject;
}

void ProcessSubject::describe(Source source) {
  source_ = std::move(source);
  memory_.name = source_.name;
  memory_.ksm = source_.ksm;
  memory_.segments = std::move(source_.segments);
  std::vector<PageRange> ranges;
  ranges.reserve(memory_.segments.size());
  for (const Segment& segment : memory_.segments) ranges.push_back(segment.pages);
  parts_ = cut_into_parts(ranges);
}

Result<std::unique_ptr<SubjectReader>> ProcessSubject::reader() const {
  return process_reader(memory_);
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
  BRIM_TRY(const Layout layout, read_layout(host, subject->memory().process));
  BRIM_TRY(const host::ProcessStatus status, subject->memory().process.status());
  Source source{.kind = SubjectKind::process,
                .name = status.name,
                .identified_by = subject->memory().process.executable().value_or("pid"),
                .ksm = layout.ksm,
                .segments = {},
                .resident_pages = 0,
                .memory = sum_of(layout.entries)};
  for (const host::SmapsEntry& entry : layout.entries) {
    add_segment(entry, layout.merge_any, 0, entry.mapping.end, source);
  }
  subject->describe(std::move(source));
  BRIM_CHECK(
      subject->memory().check_identity());  // smaps was of the same program as the descriptors
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
  BRIM_TRY(const Layout layout, read_layout(host, subject->memory().process));
  Source source{.kind = SubjectKind::vm,
                .name = machine.name,
                .identified_by = known_by(machine.ram),
                .ksm = layout.ksm,
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
  subject->describe(std::move(source));
  BRIM_CHECK(subject->memory().check_identity());
  return subject;
}

}  // namespace brim::share
