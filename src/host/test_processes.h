// SPDX-License-Identifier: Apache-2.0
#pragma once
// Processes and memory that the host room's live tests look at.

#include "base/units.h"
#include "host/host.h"
#include "host/process.h"

#include <cstddef>
#include <utility>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::host {

inline Host fixture(const std::string& name) {
  return std::move(Host::open(std::string(BRIM_SOURCE_DIR) + "/tests/fixtures/hosts/" + name))
      .value();
}
inline Host live_host() { return std::move(Host::open("/")).value(); }
inline Process self() { return std::move(Process::open(live_host(), ::getpid())).value(); }

// A child that only waits; killed and reaped at the end.
class WaitingChild {
 public:
  WaitingChild() : pid_(::fork()) {
    if (pid_ != 0) return;
    while (true) ::pause();
  }
  ~WaitingChild() {
    kill();
    reap();
  }
  WaitingChild(const WaitingChild&) = delete;
  WaitingChild& operator=(const WaitingChild&) = delete;

  [[nodiscard]] int pid() const { return pid_; }
  // Becomes a zombie, until reap().
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void reap() {
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

// Pages of this process: 4 KiB ones, never huge, untouched until written.
class OwnPages {
 public:
  explicit OwnPages(std::size_t count, int flags = MAP_PRIVATE | MAP_ANONYMOUS, int fd = -1)
      : bytes_(count * kPageSize),
        start_(::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags, fd, 0)) {
    EXPECT_NE(start_, MAP_FAILED);
    ::madvise(start_, bytes_, MADV_NOHUGEPAGE);
  }
  ~OwnPages() { ::munmap(start_, bytes_); }
  OwnPages(const OwnPages&) = delete;
  OwnPages& operator=(const OwnPages&) = delete;

  [[nodiscard]] std::byte* at(std::size_t page) const {
    return static_cast<std::byte*>(start_) + page * kPageSize;
  }
  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(start_); }
  [[nodiscard]] VirtualPage first() const { return VirtualPage(address() >> kPageShift); }
  void touch(std::size_t page, int value) const { *at(page) = static_cast<std::byte>(value); }
  void unmap(std::size_t page) const { ::munmap(at(page), kPageSize); }

 private:
  std::size_t bytes_;
  void* start_;
};

}  // namespace brim::host
