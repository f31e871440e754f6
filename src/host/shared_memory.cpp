// SPDX-License-Identifier: Apache-2.0
#include "host/shared_memory.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace brim::host {

Result<void> SharedMemory::map(std::size_t size) {
  void* const data =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file_.get(), 0);
  if (data == MAP_FAILED) return fail(errno_error(errno, "map shared memory", name_));
  data_ = data;
  size_ = size;
  return {};
}

Result<SharedMemory> SharedMemory::create(std::size_t size) {
  BRIM_ASSERT(size > 0);
  SharedMemory memory;
  memory.file_ = Fd(::memfd_create("brim-shared", MFD_CLOEXEC));
  if (!memory.file_) return fail(errno_error(errno, "make shared memory", ""));
  memory.name_ = fmt::format("/proc/{}/fd/{}", ::getpid(), memory.file_.get());
  if (::ftruncate(memory.file_.get(), static_cast<off_t>(size)) != 0)
    return fail(errno_error(errno, "size shared memory", memory.name_));
  BRIM_CHECK(memory.map(size));
  memory.locked_ = ::mlock(memory.data_, size) == 0;
  std::memset(memory.data_, 0, size);
  return memory;
}

Result<SharedMemory> SharedMemory::open(const std::string& name, std::size_t size) {
  SharedMemory memory;
  memory.name_ = name;
  memory.file_ = Fd(::open(name.c_str(), O_RDWR | O_CLOEXEC));
  if (!memory.file_) return fail(errno_error(errno, "open shared memory", name));
  struct stat status {};
  if (::fstat(memory.file_.get(), &status) != 0)
    return fail(errno_error(errno, "look at shared memory", name));
  if (static_cast<std::size_t>(status.st_size) < size)
    return fail(ErrorCode::bad_input,
                fmt::format("shared memory of {} bytes, expected {}", status.st_size, size), name);
  BRIM_CHECK(memory.map(size));
  return memory;
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : file_(std::move(other.file_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(other.size_),
      name_(std::move(other.name_)),
      locked_(other.locked_) {}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void wait_while(const volatile void* word, unsigned value) {
  ::syscall(SYS_futex, word, FUTEX_WAIT, value, nullptr, nullptr, 0);
}

void wake_all(const volatile void* word) {
  ::syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace brim::host
