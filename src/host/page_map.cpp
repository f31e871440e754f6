// SPDX-License-Identifier: Apache-2.0
#include "host/page_map.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr std::size_t kEntryBytes = sizeof(std::uint64_t);
static_assert(sizeof(PageMapEntry) == kEntryBytes);

ssize_t pread_again(int fd, void* out, std::size_t bytes, std::uint64_t offset) {
  ssize_t got = -1;
  do {
    got = ::pread(fd, out, bytes, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  return got;
}

// A live address space has an entry for its page 0, mapped or not; one that is gone gives nothing.
bool has_address_space(int pagemap) {
  std::uint64_t entry = 0;
  return pread_again(pagemap, &entry, kEntryBytes, 0) > 0;
}

tl::unexpected<Error> address_space_gone(const std::string& where) {
  return fail(ErrorCode::gone, "the process has exited, or replaced its memory by exec", where);
}

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
    const ssize_t got = pread_again(file_.get(), std::as_writable_bytes(out).data() + done,
                                    wanted - done, first.number() * kEntryBytes + done);
    if (got < 0) return fail(errno_error(errno, "read", place_));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  if (done == wanted) return {};
  const std::size_t whole = done / kEntryBytes;
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(whole), out.end(), PageMapEntry());
  if (!has_address_space(file_.get())) return address_space_gone(place_);
  return {};
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
    const ssize_t got = pread_again(file_.get(), out.data() + done, wanted, page << kPageShift);
    // A hole, memory of a device, a poisoned page: EIO if nothing could be read before it.
    if (got < 0 && (errno == EIO || errno == EFAULT)) break;
    if (got < 0) return fail(errno_error(errno, "read", place_));
    if (got == 0 && done == 0) return address_space_gone(place_);
    done += static_cast<std::size_t>(got);
    if (static_cast<std::size_t>(got) < wanted) break;
  }
  return Bytes(done - done % kPageSize);
}

bool sees_frames(const Host& host) {
  const auto file = host.open_file("/proc/self/pagemap", O_RDONLY);
  if (!file) return false;
  if (!host.live()) {
    std::array<PageMapEntry, 512> entries{};
    const ssize_t got = pread_again(file->get(), entries.data(), sizeof(entries), 0);
    return got > 0 && std::any_of(entries.begin(), entries.end(), [](const PageMapEntry& entry) {
             return entry.frame().number() != 0;
           });
  }
  volatile char touched = 1;  // on our stack: present, as we have just written it
  const auto address = reinterpret_cast<std::uintptr_t>(&touched);
  PageMapEntry entry;
  const ssize_t got =
      pread_again(file->get(), &entry, kEntryBytes, (address >> kPageShift) * kEntryBytes);
  return got == static_cast<ssize_t>(kEntryBytes) && entry.frame().number() != 0;
}

}  // namespace brim::host
