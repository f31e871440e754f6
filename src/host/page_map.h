// SPDX-License-Identifier: Apache-2.0
#pragma once
// /proc/PID/pagemap, /proc/kpageflags, /proc/kpagecount and /proc/PID/mem
// (Documentation/admin-guide/mm/pagemap.rst), read in batches.
//
// Frame numbers need CAP_SYS_ADMIN in the first user namespace; without it pagemap shows them as 0
// and sees_frames() is false.

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"
#include "host/host.h"
#include "host/process.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace brim::host {

// One 64-bit pagemap entry, decoded on use.
class PageMapEntry {
 public:
  PageMapEntry() = default;
  explicit PageMapEntry(std::uint64_t raw) : raw_(raw) {}
  [[nodiscard]] bool present() const { return (raw_ >> 63 & 1) != 0; }
  [[nodiscard]] bool swapped() const { return (raw_ >> 62 & 1) != 0; }
  [[nodiscard]] bool file_or_shared_anonymous() const { return (raw_ >> 61 & 1) != 0; }
  [[nodiscard]] bool exclusive() const { return (raw_ >> 56 & 1) != 0; }
  // 0 when unknown or not present.
  [[nodiscard]] HostFrame frame() const {
    return HostFrame(present() ? raw_ & ((1ULL << 55) - 1) : 0);
  }
  [[nodiscard]] std::uint64_t raw() const { return raw_; }

 private:
  std::uint64_t raw_ = 0;
};

class PageMap {
 public:
  [[nodiscard]] static Result<PageMap> open(const Process& process);
  // One entry a page of [first, first + out.size()). What lies beyond the address space is zero.
  // `gone` once the process has exited or replaced its memory by exec. Thread-safe.
  [[nodiscard]] Result<void> read(VirtualPage first, std::span<PageMapEntry> out) const;

 private:
  Fd file_;
  std::string place_;
};

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
[[nodiscard]] constexpr bool has(std::uint64_t flags, PageFlag flag) {
  return (flags >> static_cast<unsigned>(flag) & 1) != 0;
}

// kpageflags and kpagecount of the frames behind pages. `missing` or `denied` where the files are
// not readable. Thread-safe.
class FrameTable {
 public:
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
  Fd flags_;
  Fd counts_;
  HostFrame end_;
  std::string flags_place_;
  std::string counts_place_;
};

// /proc/PID/mem, read only, by pread: unlike process_vm_readv it doesn't pin and so doesn't unmerge
// KSM pages. It does set the referenced bit, and brings in swapped and untouched pages: callers
// look into PageMap first and ask for present pages only.
class ProcessMemoryFile {
 public:
  [[nodiscard]] static Result<ProcessMemoryFile> open(const Process& process);
  // Returns how many bytes from the start could be read (a whole number of pages; 0 if the first
  // page could not). `gone` once the process has exited.
  // Thread-safe. `out` is a whole number of pages.
  [[nodiscard]] Result<Bytes> read(VirtualPage first, std::span<std::byte> out) const;

 private:
  Fd file_;
  std::string place_;
};

// Whether pagemap shows frame numbers to this process: looked up for a page of our own. In a
// fixture: whether its /proc/self/pagemap holds a frame number.
[[nodiscard]] bool sees_frames(const Host& host);

}  // namespace brim::host
