// SPDX-License-Identifier: Apache-2.0
#pragma once
// /proc/kpageflags and /proc/kpagecount (Documentation/admin-guide/mm/pagemap.rst): what the frames
// behind pages are, and how often each is mapped.

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"
#include "host/host.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace brim::host {

// Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h).
enum class PageFlag : unsigned {
  locked = 0,
  referenced = 2,
  uptodate = 3,
  dirty = 4,
  lru = 5,
  active = 6,
  slab = 7,
  writeback = 8,
  reclaim = 9,
  buddy = 10,
  mmap = 11,
  anon = 12,
  swap_cache = 13,
  swap_backed = 14,
  compound_head = 15,
  compound_tail = 16,
  huge = 17,
  unevictable = 18,
  hwpoison = 19,
  nopage = 20,
  ksm = 21,
  thp = 22,
  offline = 23,
  zero_page = 24,
  idle = 25,
  pgtable = 26,
};
[[nodiscard]] constexpr std::uint64_t bit(PageFlag flag) {
  return 1ULL << static_cast<unsigned>(flag);
}
[[nodiscard]] constexpr bool has(std::uint64_t flags, PageFlag flag) {
  return (flags & bit(flag)) != 0;
}

// One of the two: an entry of 64 bits a frame.
struct FrameFile {
  Fd fd;
  std::string place;
  std::uint64_t absent = 0;  // for frames beyond the end of the file

  // The entries of the frames from `first` on. Thread-safe.
  [[nodiscard]] Result<void> read(HostFrame first, std::span<std::uint64_t> out) const;
};

// Both. Stateless: every read asks the kernel. Thread-safe.
class FrameTable {
 public:
  // `missing` or `denied` where the files are not readable.
  [[nodiscard]] static Result<FrameTable> open(const Host& host);
  // flags[i], counts[i] for frames[i]; frame 0 (unknown) gets 0 and 0, a frame that the host does
  // not have gets PageFlag::nopage and 0. Either of flags and counts may be empty: that file is
  // then not read, which halves the cost (a page that pagemap calls exclusive() has a count of 1).
  // Frames near each other are read in one call, in whatever order they come; hand over some
  // hundred at a time.
  [[nodiscard]] Result<void> read(std::span<const HostFrame> frames, std::span<std::uint64_t> flags,
                                  std::span<std::uint64_t> counts) const;
  // One past the highest frame number that the files answer for (the kernel may round it up to a
  // memory section of 128 MiB).
  [[nodiscard]] HostFrame end() const { return end_; }

 private:
  friend class FrameReader;
  FrameFile flags_;
  FrameFile counts_;
  HostFrame end_;
};

// One thread's way to a FrameTable, for a walk over memory whose frames lie scattered over the host
// (small pages, and above all pages merged by KSM): a system call for each would cost as much as
// reading the page. A region of 2 MiB of frames that is asked for again and again is read whole,
// once, and the copy serves for as long as it is fresh: what it answers was so at most `fresh_for`
// ago. Frames that lie together are read as FrameTable does.
class FrameReader {
 public:
  static constexpr std::chrono::milliseconds kFresh{500};

  // `table` must outlive it.
  explicit FrameReader(const FrameTable& table, std::chrono::nanoseconds fresh_for = kFresh);
  // As FrameTable::read.
  [[nodiscard]] Result<void> read(std::span<const HostFrame> frames, std::span<std::uint64_t> flags,
                                  std::span<std::uint64_t> counts);

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kRegionFrames = 512;  // 2 MiB: 4 KiB of entries
  static constexpr std::size_t kRegions = 2048;      // 4 GiB of frames: 8 MiB of copies a file
  // A copy costs as much as asking for some 85 frames one by one (40 microseconds; seen on Linux
  // 6.18). Who has paid for one in vain may as well buy it: never more than twice the least.
  static constexpr std::uint32_t kAsksForACopy = 85;

  // What one file says of a region.
  struct Copy {
    std::unique_ptr<std::array<std::uint64_t, kRegionFrames>> entries;
    Clock::time_point made_at;
    bool valid = false;
  };
  struct Region {
    std::uint64_t number = ~0ULL;  // frame / kRegionFrames
    std::uint32_t asked = 0;
    Copy flags;
    Copy counts;
  };

  // The region a frame is in, when it was asked for often enough to be copied. `again`: the frame
  // asked for before this one, which costs nothing.
  Region* region_to_copy(HostFrame frame, bool again);
  // Makes the copy unless it is fresh.
  Result<void> refresh(const FrameFile& file, std::uint64_t region, Copy& copy,
                       Clock::time_point now) const;

  const FrameTable* table_;
  std::chrono::nanoseconds fresh_for_;
  // A region has one place it can be in; a newcomer puts another out.
  std::vector<Region> regions_{kRegions};
  // Of one call: what no copy answered.
  std::vector<HostFrame> rest_;
  std::vector<std::size_t> rest_places_;
  std::vector<std::uint64_t> rest_flags_;
  std::vector<std::uint64_t> rest_counts_;
};

}  // namespace brim::host
