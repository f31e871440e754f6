// SPDX-License-Identifier: Apache-2.0
#include "image/mapped_file.h"

#include "base/units.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22  // Linux 5.14
#endif

namespace brim::image {
namespace {

// Asking for fewer pages than this costs more than the faults it saves: the kernel maps 16 cached
// pages around each fault anyway (fault_around_bytes).
constexpr std::uint64_t kSmallestPrefetch = 16 * kPageSize;

constexpr std::uint64_t kMostRemembered = 1ULL << 40;

constexpr std::uint64_t down_to(std::uint64_t value, std::uint64_t unit) {
  return value - value % unit;
}

Result<std::uint64_t> size_of(int fd, const std::string& name) {
  const off_t end = ::lseek(fd, 0, SEEK_END);  // st_size is 0 for a block device
  if (end < 0) return fail(errno_error(errno, "find the size", name));
  return static_cast<std::uint64_t>(end);
}

// 4 KiB, or the huge page size of a hugetlbfs (QEMU's -mem-path files).
std::size_t page_size_of(int fd) {
  struct statfs fs = {};
  if (::fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC && fs.f_bsize > 0)
    return static_cast<std::size_t>(fs.f_bsize);
  return kPageSize;
}

Result<void> check_kind(const struct stat& status, const std::string& path) {
  if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) return {};
  const char* kind = "not a file";
  if (S_ISDIR(status.st_mode)) kind = "a directory";
  if (S_ISCHR(status.st_mode)) kind = "a character device";
  if (S_ISFIFO(status.st_mode)) kind = "a FIFO";
  if (S_ISSOCK(status.st_mode)) kind = "a socket";
  return fail(ErrorCode::bad_input,
              fmt::format("{}; a RAM image is a regular file or a block device", kind), path);
}

}  // namespace

Result<Fd> open_image_file(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == ENXIO)
    return fail(ErrorCode::bad_input,
                "a socket or a device that is not there; a RAM image is a "
                "regular file or a block device",
                path);
  if (!fd) return fail(errno_error(errno, "open", path));
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) return fail(errno_error(errno, "stat", path));
  BRIM_CHECK(check_kind(status, path));
  BRIM_TRY(const std::uint64_t size, size_of(fd.get(), path));
  if (size == 0) return fail(ErrorCode::bad_input, "an empty file holds no RAM image", path);
  return fd;
}

Result<std::unique_ptr<MappedFile>> MappedFile::create(Fd fd, std::string name) {
  BRIM_TRY(const std::uint64_t size, size_of(fd.get(), name));
  if (size == 0) return fail(ErrorCode::gone, "became empty while being opened", std::move(name));
  const std::size_t page_size = page_size_of(fd.get());
  const std::size_t length = down_to(size + page_size - 1, page_size);
  void* base = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (base == MAP_FAILED)
    return fail(errno_error(errno, fmt::format("map {} bytes", size), std::move(name)));
  // A child (the kdump reader) has no business with other images.
  ::madvise(base, length, MADV_DONTFORK);
  std::unique_ptr<MappedFile> file(new MappedFile(std::move(fd), std::move(name), size, length,
                                                  static_cast<std::byte*>(base), page_size));
  BRIM_CHECK(file->fill_last_page());
  return file;
}

MappedFile::MappedFile(Fd fd, std::string name, std::uint64_t size, std::size_t length,
                       std::byte* base, std::size_t page_size)
    : fd_(std::move(fd)), name_(std::move(name)), size_(size), length_(length), base_(base) {
  guard_.emplace(base, length, page_size);
  if (length <= kMostRemembered) prefetched_ = std::vector<Prefetched>(length / kHugePageSize + 1);
}

MappedFile::~MappedFile() {
  guard_.reset();
  ::munmap(base_, length_);
}

// The kernel shows what another process wrote behind the file's end into its own mapping of the
// last page, so a private copy with zeros takes the place of that page.
Result<void> MappedFile::fill_last_page() {
  const std::uint64_t tail = size_ % kPageSize;
  if (tail == 0) return {};
  std::byte* page = base_ + (size_ - tail);
  void* copy = ::mmap(page, kPageSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (copy == MAP_FAILED) return fail(errno_error(errno, "map the last page", name_));
  for (std::uint64_t done = 0; done < tail;) {
    const ssize_t got =
        ::pread(fd_.get(), page + done, tail - done, static_cast<off_t>(size_ - tail + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error(errno, "read the last page", name_));
    if (got == 0) return failure();
    done += static_cast<std::uint64_t>(got);
  }
  ::mprotect(page, kPageSize, PROT_READ);
  return {};
}

// Measured on Linux 6.18, 1 GiB in page cache, 8 bytes at a time: plain faults 4.3 to 4.8 GB/s on
// ext4, 5.4 to 5.9 on tmpfs; MADV_POPULATE_READ of 16 to 64 MiB at a time 6.1 to 6.7 and 5.5
// to 6.6; of 2 MiB 5.3 to 5.9. MADV_SEQUENTIAL, MADV_HUGEPAGE and MAP_POPULATE: no gain beyond the
// noise. Not in the cache, populating reads ahead no worse than faults do. It never brings in
// anything the caller is not about to read. EINVAL: a kernel before 5.14, which then just faults.
Result<void> MappedFile::prefetch(std::uint64_t offset, std::uint64_t length) const {
  if (length < kSmallestPrefetch) return {};
  const std::uint64_t begin = down_to(offset, kPageSize);
  const std::uint64_t end = std::min<std::uint64_t>(length_, offset + length);
  // A second look would pay 60 ns a page to learn that all is mapped; what the kernel has unmapped
  // meanwhile faults in by itself.
  const std::uint64_t range = (begin % kHugePageSize) << 32 | (end - begin);
  if (!prefetched_.empty() && end - begin < 1ULL << 32 &&
      prefetched_[begin / kHugePageSize].range.exchange(range, std::memory_order_relaxed) == range)
    return {};
  while (::madvise(base_ + begin, end - begin, MADV_POPULATE_READ) != 0) {
    if (errno == EINTR || errno == EAGAIN) continue;
    if (errno == EFAULT || errno == EHWPOISON) return failure();
    return {};
  }
  return {};
}

Result<void> MappedFile::check_intact() const {
  const Result<std::uint64_t> size = size_of(fd_.get(), name_);
  if (guard_->failed() || !size || *size < size_) return failure();
  return {};
}

Result<void> MappedFile::failure() const {
  BRIM_TRY(const std::uint64_t size, size_of(fd_.get(), name_));
  if (size < size_)
    return fail(ErrorCode::gone,
                fmt::format("shrank while being read, from {} to {} bytes", size_, size), name_);
  // Its size is right now, but a page was missing: it shrank and grew, or the disk failed.
  return fail(ErrorCode::io, "a part of it could not be read (disk error, or it shrank and grew)",
              name_);
}

std::vector<ByteRange> MappedFile::holes(std::size_t limit) const {
  std::vector<ByteRange> holes;
  struct stat status = {};
  if (::fstat(fd_.get(), &status) != 0 || !S_ISREG(status.st_mode)) return holes;
  std::uint64_t at = 0;
  while (at < size_ && holes.size() < limit) {
    const off_t data = ::lseek(fd_.get(), static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno != ENXIO) return holes;  // can't tell (EINVAL): the rest is taken as data
    // ENXIO: no data from here to the end (or the file has shrunk, which check_intact() tells)
    const std::uint64_t end = data < 0 ? size_ : std::min(static_cast<std::uint64_t>(data), size_);
    if (end > at) holes.push_back({at, end});
    const off_t next = data < 0 ? -1 : ::lseek(fd_.get(), data, SEEK_HOLE);
    if (next <= static_cast<off_t>(at)) return holes;
    at = static_cast<std::uint64_t>(next);
  }
  return holes;
}

}  // namespace brim::image
