// SPDX-License-Identifier: Apache-2.0
#include "share/measure/process_reader.h"

#include "share/measure/page_arena.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>
#include <new>

#include <fmt/format.h>

namespace brim::share {
namespace {

using host::PageFlag;
using host::PageMapEntry;

constexpr std::size_t kReadPages = 64;  // a read: 256 KiB stay in the cache until hashed
// The bits that belong to runs of three or more.
constexpr std::uint64_t runs_of_three(std::uint64_t bits) {
  const std::uint64_t starts = bits & bits >> 1 & bits >> 2;
  return starts | starts << 1 | starts << 2;
}

// A whole huge page for what is read: in small ones, reading and hashing take 3 % longer.
PageArena make_arena() {
  static_assert(kReadPages <= kPagesPerHuge);
  auto arena = PageArena::make(kHugePageSize);
  if (!arena) throw std::bad_alloc();
  return std::move(*arena);
}

constexpr std::uint64_t kGuardBit = 1ULL << 58;  // MADV_GUARD_INSTALL, Linux 6.13: shown as swap

class ProcessReader final : public SubjectReader {
 public:
  explicit ProcessReader(const LiveMemory& memory)
      : memory_(memory), arena_(make_arena()), bytes_(arena_.data(), kReadPages * kPageSize) {
    if (memory.frames) frame_reader_.emplace(*memory.frames);
    if (const auto frame = host::zero_page_frame()) zero_frame_ = *frame;
  }

  Result<UnreadPages> read(const Part& part, const BatchSink& sink) override;
  Result<void> reread(std::uint64_t page, std::span<std::byte, kPageSize> out) override;

 private:
  // At most one 2 MiB block of one segment.
  Result<void> read_block(const Segment& segment, PageRange pages, const BatchSink& sink);
  // What the pages of the block are, and, where it can be known, the frames behind them.
  Result<void> look_up(const Segment& segment, PageRange pages);
  // Fills flags_ and counts_ for the block's first `count` pages.
  Result<void> look_at_frames(const Segment& segment, std::size_t count);
  // Which of them their neighbours show to be merged by KSM.
  [[nodiscard]] std::bitset<kPagesPerHuge> merged_beside(const Segment& segment,
                                                         std::size_t count) const;
  // Present pages [first, end) of the block that starts at `block_first`.
  Result<void> read_run(std::uint64_t block_first, std::size_t first, std::size_t end,
                        const BatchSink& sink);
  struct Filled {
    std::size_t pages = 0;
    bool next_unreadable = false;
  };
  // Up to kReadPages pages from page `first` of the block on into bytes_.
  Result<Filled> fill(std::uint64_t block_first, std::size_t first, std::size_t count);
  // How many of the pages in bytes_ are there for sure as copies_ says.
  Result<std::size_t> count_true(std::uint64_t block_first, std::size_t first, std::size_t count);
  // Whether page i of the block lies in the frame of the page before it.
  [[nodiscard]] bool in_frame_before(std::size_t i) const {
    return entries_[i].frame().number() != 0 && entries_[i].frame() == entries_[i - 1].frame();
  }

  const LiveMemory& memory_;
  std::optional<host::FrameReader> frame_reader_;  // none: frames can't be seen
  HostFrame zero_frame_;                           // 0: not known
  UnreadPages unread_;
  PageArena arena_;
  std::span<std::byte> bytes_;  // of it
  std::uint64_t copies_ = 0;    // of the pages in bytes_, as PageBatch::copies
  // Of one block, by page:
  std::array<PageMapEntry, kPagesPerHuge> entries_;
  std::array<HostFrame, kPagesPerHuge> frames_;  // to look at
  std::array<std::uint64_t, kPagesPerHuge> flags_{};
  std::array<std::uint64_t, kPagesPerHuge> counts_{};
  std::array<PageFacts, kPagesPerHuge> facts_;
};

Result<UnreadPages> ProcessReader::read(const Part& part, const BatchSink& sink) {
  BRIM_CHECK(memory_.check_identity());
  unread_ = {};
  const std::uint64_t part_end = part.first_page + part.count;
  const auto segments = std::span(memory_.segments);
  auto segment = std::upper_bound(
      segments.begin(), segments.end(), part.first_page,
      [](std::uint64_t page, const Segment& candidate) { return page < candidate.pages.end; });
  for (; segment != segments.end() && segment->pages.first < part_end; ++segment) {
    std::uint64_t page = std::max(segment->pages.first, part.first_page);
    const std::uint64_t end = std::min(segment->pages.end, part_end);
    for (;;) {
      const std::uint64_t populated =
          memory_.page_map.first_populated(VirtualPage(page), VirtualPage(end)).number();
      unread_.absent += populated - page;
      page = populated;
      if (page >= end) break;
      const std::uint64_t block_end = (page / kPagesPerHuge + 1) * kPagesPerHuge;
      const PageRange pages{.first = page, .end = std::min(end, block_end)};
      if (auto done = read_block(*segment, pages, sink); !done) {
        BRIM_CHECK(memory_.check_identity());  // says better what became of the process
        return fail(std::move(done).error());
      }
      page = pages.end;
    }
  }
  BRIM_CHECK(memory_.check_identity());
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
  BRIM_CHECK(memory_.page_map.read(VirtualPage(pages.first), std::span(entries_).first(count)));
  if (!frame_reader_) return {};
  BRIM_CHECK(look_at_frames(segment, count));
  for (std::size_t i = 0; i < count; ++i) {
    if (!entries_[i].present()) continue;
    facts_[i] =
        facts_of(segment.rules, entries_[i].frame().number(), flags_[i], counts_[i], memory_.ksm);
  }
  return {};
}

// Only KSM puts two anonymous pages of one address space into one frame (the zero page apart), and
// only in mappings registered with it.
std::bitset<kPagesPerHuge> ProcessReader::merged_beside(const Segment& segment,
                                                        std::size_t count) const {
  std::bitset<kPagesPerHuge> merged;
  if (!segment.rules.registered || zero_frame_.number() == 0) return merged;
  for (std::size_t i = 1; i < count; ++i) {
    const PageMapEntry entry = entries_[i];
    if (in_frame_before(i) && entry.frame() != zero_frame_ && !entry.file_or_shared_anonymous())
      merged.set(i - 1).set(i);
  }
  return merged;
}

// Most pages have one mapping, and pagemap says so; many merged ones are known by their neighbours.
// Neither need be looked up, and what both files must be asked for is asked in one go.
Result<void> ProcessReader::look_at_frames(const Segment& segment, std::size_t count) {
  const std::span<const HostFrame> frames = std::span(frames_).first(count);
  const std::span<std::uint64_t> flags = std::span(flags_).first(count);
  const std::span<std::uint64_t> counts = std::span(counts_).first(count);
  for (std::size_t i = 0; i < count; ++i) frames_[i] = entries_[i].frame();
  const auto several = static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(count),
                    [](PageMapEntry entry) { return entry.present() && !entry.exclusive(); }));
  const std::bitset<kPagesPerHuge> merged = merged_beside(segment, count);
  if (several > count / 4 && merged.count() < count / 4)
    return frame_reader_->read(frames, flags, counts);

  for (std::size_t i = 0; i < count; ++i)
    if (merged[i]) frames_[i] = HostFrame(0);
  BRIM_CHECK(frame_reader_->read(frames, flags, {}));
  for (std::size_t i = 0; i < count; ++i)
    if (merged[i]) flags_[i] = host::bit(PageFlag::ksm) | host::bit(PageFlag::anon);
  counts_.fill(1);
  if (several == 0) return {};
  for (std::size_t i = 0; i < count; ++i)
    frames_[i] = entries_[i].exclusive() ? HostFrame(0) : entries_[i].frame();
  BRIM_CHECK(frame_reader_->read(frames, {}, counts));
  for (std::size_t i = 0; i < count; ++i)
    if (entries_[i].exclusive()) counts_[i] = 1;
  return {};
}

Result<void> ProcessReader::read_run(std::uint64_t block_first, std::size_t first, std::size_t end,
                                     const BatchSink& sink) {
  while (first < end) {
    BRIM_TRY(const Filled filled, fill(block_first, first, std::min(end - first, kReadPages)));
    if (filled.pages > 0) {
      const bool known = frame_reader_.has_value();
      sink(PageBatch{.first_page = block_first + first,
                     .bytes = std::span(bytes_).first(filled.pages * kPageSize),
                     .facts = known
                                  ? std::span<const PageFacts>(facts_).subspan(first, filled.pages)
                                  : std::span<const PageFacts>(),
                     .copies = copies_});
    }
    first += filled.pages;
    if (!filled.next_unreadable) continue;
    // Because it went away meanwhile, or at all.
    PageMapEntry now;
    BRIM_CHECK(memory_.page_map.read(VirtualPage(block_first + first), std::span(&now, 1)));
    ++(now.present() ? unread_.denied : now.swapped() ? unread_.swapped : unread_.absent);
    ++first;
  }
  return {};
}

// Memory that KSM has merged is full of pages in the frame of the page before. To read such a page
// costs half a microsecond, to copy it 0.1, and a system call more, to read on behind it, 0.3.
Result<ProcessReader::Filled> ProcessReader::fill(std::uint64_t block_first, std::size_t first,
                                                  std::size_t count) {
  std::uint64_t same_frame = 0;
  for (std::size_t i = 1; i < count; ++i)
    same_frame |= std::uint64_t{in_frame_before(first + i)} << i;
  copies_ = runs_of_three(same_frame);
  Filled filled;
  std::size_t& done = filled.pages;
  while (done < count && !filled.next_unreadable) {
    std::byte* const to = bytes_.data() + done * kPageSize;
    if ((copies_ >> done & 1) != 0) {
      std::memcpy(to, to - kPageSize, kPageSize);
      ++done;
      continue;
    }
    std::size_t stop = done + 1;
    while (stop < count && (copies_ >> stop & 1) == 0) ++stop;
    BRIM_TRY(const Bytes got, memory_.bytes.read(VirtualPage(block_first + first + done),
                                                 std::span(to, (stop - done) * kPageSize)));
    done += whole_pages(got).count();
    filled.next_unreadable = done < stop;
  }
  if (copies_ == 0) return filled;
  BRIM_TRY(const std::size_t pages, count_true(block_first, first, done));
  if (pages < done) filled = {.pages = pages};
  return filled;
}

// What was read through one page is what its frame holds, and so the bytes of the pages copied from
// it, only if it lay there all the time: a merged page that is written to moves to another frame,
// and the rest of them keep what they had.
Result<std::size_t> ProcessReader::count_true(std::uint64_t block_first, std::size_t first,
                                              std::size_t count) {
  std::array<PageMapEntry, kReadPages> now;
  BRIM_CHECK(memory_.page_map.read(VirtualPage(block_first + first), std::span(now).first(count)));
  std::size_t read = 0;  // the page that page i is a copy of
  for (std::size_t i = 1; i < count; ++i) {
    if ((copies_ >> i & 1) == 0)
      read = i;
    else if (now[read].frame() != entries_[first + read].frame())
      return i;
  }
  return count;
}

Result<void> ProcessReader::reread(std::uint64_t page, std::span<std::byte, kPageSize> out) {
  PageMapEntry entry;
  BRIM_CHECK(memory_.page_map.read(VirtualPage(page), std::span(&entry, 1)));
  if (entry.present()) {
    BRIM_TRY(const Bytes got, memory_.bytes.read(VirtualPage(page), out));
    if (got.count() == kPageSize) return {};
  }
  return fail(ErrorCode::gone, fmt::format("page {:#x} is not in memory any more", page),
              memory_.name);
}

}  // namespace

Result<void> LiveMemory::check_identity() const {
  BRIM_CHECK(process.check_alive());
  PageMapEntry entry;
  const auto probe = page_map.read(VirtualPage(0), std::span(&entry, 1));
  if (probe) return {};
  if (probe.error().code != ErrorCode::gone) return fail(probe.error());
  BRIM_CHECK(process.check_alive());  // it may have exited between the two
  return fail(ErrorCode::gone,
              fmt::format("process {} exec'd another program while being scanned", process.pid()),
              name);
}

std::unique_ptr<SubjectReader> process_reader(const LiveMemory& memory) {
  return std::make_unique<ProcessReader>(memory);
}

}  // namespace brim::share
