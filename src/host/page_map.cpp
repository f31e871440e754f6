// SPDX-License-Identifier: Apache-2.0
#include "host/page_map.h"

#include "host/files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

namespace brim::host {
namespace {

constexpr std::size_t kPageMapEntryBytes = sizeof(std::uint64_t);
static_assert(sizeof(PageMapEntry) == kPageMapEntryBytes);

// A live address space has an entry for its page 0, mapped or not; one that is gone gives nothing.
bool has_address_space(int pagemap) {
  std::uint64_t entry = 0;
  return read_at(pagemap, std::as_writable_bytes(std::span(&entry, 1)), 0) > 0;
}

tl::unexpected<Error> address_space_gone(const std::string& where) {
  return fail(ErrorCode::gone, "the process has exited, or replaced its memory by exec", where);
}

// linux/fs.h since Linux 6.7; Debian 12's headers are of 6.1.
struct ScanRegion {
  std::uint64_t start = 0;  // addresses
  std::uint64_t end = 0;
  std::uint64_t categories = 0;
};
struct ScanArgument {
  std::uint64_t size = sizeof(ScanArgument);
  std::uint64_t flags = 0;  // none: look only
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t walk_end = 0;
  std::uint64_t regions = 0;  // where the answer goes
  std::uint64_t regions_size = 0;
  std::uint64_t most_pages = 0;
  std::uint64_t category_inverted = 0;
  std::uint64_t category_mask = 0;
  std::uint64_t category_any_of = 0;
  std::uint64_t return_mask = 0;
};
constexpr unsigned long kPageMapScan = _IOWR('f', 16, ScanArgument);
constexpr std::uint64_t kPresentOrSwapped = 1ULL << 3 | 1ULL << 4;

}  // namespace

Result<PageMap> PageMap::open(const Process& process) {
  PageMap map;
  BRIM_TRY(map.file_, process.open_file("pagemap", O_RDONLY));
  map.place_ = process.place("pagemap");
  if (!has_address_space(map.file_.get())) return fail(process.failure(ESRCH, "read", "pagemap"));
  return map;
}

Result<void> PageMap::read(VirtualPage first, std::span<PageMapEntry> out) const {
  // Beyond this an offset in bytes is no longer a positive off_t; no address space reaches there.
  constexpr std::uint64_t kLastPage = 1ULL << 52;
  const std::size_t wanted = out.size_bytes();
  std::size_t done = 0;
  while (done < wanted && first.number() < kLastPage) {
    const ssize_t got = read_at(file_.get(), std::as_writable_bytes(out).subspan(done),
                                first.number() * kPageMapEntryBytes + done);
    if (got < 0) return fail(errno_error(errno, "read", place_));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  if (done == wanted) return {};
  const std::size_t whole = done / kPageMapEntryBytes;
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(whole), out.end(), PageMapEntry());
  if (!has_address_space(file_.get())) return address_space_gone(place_);
  return {};
}

VirtualPage PageMap::first_populated(VirtualPage first, VirtualPage end) const {
  if (first >= end) return end;
  ScanRegion region;
  ScanArgument scan;
  scan.start = first.number() << kPageShift;
  scan.end = end.number() << kPageShift;
  scan.regions = reinterpret_cast<std::uintptr_t>(&region);
  scan.regions_size = 1;
  scan.most_pages = 1;
  scan.category_any_of = kPresentOrSwapped;
  scan.return_mask = kPresentOrSwapped;
  const int found = ::ioctl(file_.get(), kPageMapScan, &scan);
  if (found < 0) return first;
  return found == 0 ? end : VirtualPage(region.start >> kPageShift);
}

Result<ProcessMemoryFile> ProcessMemoryFile::open(const Process& process) {
  ProcessMemoryFile memory;
  BRIM_TRY(memory.file_, process.open_file("mem", O_RDONLY));
  memory.place_ = process.place("mem");
  return memory;
}

Result<Bytes> ProcessMemoryFile::read(VirtualPage first, std::span<std::byte> out) const {
  BRIM_ASSERT(out.size() % kPageSize == 0);
  // read() takes at most 2 GiB less a page at once; a multiple of the page keeps pages whole.
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  constexpr std::uint64_t kLastPage =
      static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()) >> kPageShift;
  std::size_t done = 0;
  while (done < out.size()) {
    const std::uint64_t page = first.number() + (done >> kPageShift);
    if (page > kLastPage) break;  // [vsyscall] and beyond: not reachable through a file offset
    const std::size_t wanted = std::min(out.size() - done, kMostAtOnce);
    const ssize_t got = read_at(file_.get(), out.subspan(done, wanted), page << kPageShift);
    // A hole, memory of a device, a poisoned page: EIO if nothing could be read before it.
    if (got < 0 && (errno == EIO || errno == EFAULT)) break;
    if (got < 0) return fail(errno_error(errno, "read", place_));
    if (got == 0 && done == 0) return address_space_gone(place_);
    done += static_cast<std::size_t>(got);
    if (static_cast<std::size_t>(got) < wanted) break;
  }
  return Bytes(done - done % kPageSize);
}

Result<PageMapEntry> read_own_entry(const void* address) {
  constexpr char kPath[] = "/proc/self/pagemap";
  const Fd file(::open(kPath, O_RDONLY | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, "open", kPath));
  const auto page = reinterpret_cast<std::uintptr_t>(address) >> kPageShift;
  PageMapEntry entry;
  const ssize_t got =
      read_at(file.get(), std::as_writable_bytes(std::span(&entry, 1)), page * kPageMapEntryBytes);
  if (got < 0) return fail(errno_error(errno, "read", kPath));
  if (got != static_cast<ssize_t>(kPageMapEntryBytes))
    return fail(ErrorCode::io, "has no entry for a page of our own", kPath);
  return entry;
}

Result<HostFrame> zero_page_frame() {
  void* const page =
      ::mmap(nullptr, kPageSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (page == MAP_FAILED) return fail(errno_error(errno, "map", "a page of our own"));
  const auto entry = read_own_entry(page);
  ::munmap(page, kPageSize);
  BRIM_TRY(const PageMapEntry shown, entry);
  return shown.frame();
}

bool sees_frames(const Host& host) {
  if (!host.live()) {
    const auto file = host.open_file("/proc/self/pagemap", O_RDONLY);
    if (!file) return false;
    std::array<PageMapEntry, 512> entries{};
    const ssize_t got = read_at(file->get(), std::as_writable_bytes(std::span(entries)), 0);
    return got > 0 && std::any_of(entries.begin(), entries.end(), [](const PageMapEntry& entry) {
             return entry.frame().number() != 0;
           });
  }
  volatile char touched = 1;  // on our stack: present, as we have just written it
  const auto entry = read_own_entry(const_cast<const char*>(&touched));
  return entry && entry->frame().number() != 0;
}

}  // namespace brim::host
