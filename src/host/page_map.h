// SPDX-License-Identifier: Apache-2.0
#pragma once
// /proc/PID/pagemap and /proc/PID/mem (Documentation/admin-guide/mm/pagemap.rst), read in batches.
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
  // Written since clear_refs (Documentation/admin-guide/mm/soft-dirty.rst).
  [[nodiscard]] bool soft_dirty() const { return (raw_ >> 55 & 1) != 0; }
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
  // The first page of [first, end) that is in memory or in swap; `end` if none is. Steps over page
  // tables that do not exist, so that terabytes of reserved address space cost microseconds
  // (PAGEMAP_SCAN, Linux 6.7). Older kernels can't tell: `first`. Thread-safe.
  [[nodiscard]] VirtualPage first_populated(VirtualPage first, VirtualPage end) const;

 private:
  Fd file_;
  std::string place_;
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

// The entry of the page of this process that `address` is in.
[[nodiscard]] Result<PageMapEntry> read_own_entry(const void* address);

// The frame that untouched anonymous pages show when they are read (the kernel has one such page;
// huge ones apart). 0 where frame numbers are hidden.
[[nodiscard]] Result<HostFrame> zero_page_frame();

// Whether pagemap shows frame numbers to this process: looked up for a page of our own. In a
// fixture: whether its /proc/self/pagemap holds a frame number.
[[nodiscard]] bool sees_frames(const Host& host);

}  // namespace brim::host
