// SPDX-License-Identifier: Apache-2.0
#include "image/kdump_worker.h"

#include "image/extents.h"
#include "image/kdump_child.h"
#include "image/kdump_confinement.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::image::kdump {
namespace {

// No memory has more pages (2^52 bytes of x86-64's physical addresses), no dump more pieces.
constexpr std::uint64_t kFrameLimit = std::uint64_t{1} << 52;
constexpr std::size_t kMostExtents = std::size_t{1} << 22;

Error failed_on(const std::string& name, std::string_view why) {
  return {ErrorCode::bad_input, fmt::format("libkdumpfile failed on it: {}", why), name};
}

[[noreturn]] void run_child(int dump_fd, int socket_fd, int null_fd,
                            const std::vector<sock_filter>& filter, Shared& shared) {
  if (!arrange_descriptors(dump_fd, socket_fd, null_fd)) ::_exit(2);
  if (confine(filter)) serve(shared);
  const Answer answer{Status::unconfined, 0};
  const ssize_t sent = ::write(kSocketFd, &answer, sizeof(answer));
  ::_exit(sent < 0 ? 2 : 1);
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::start(int dump_fd, const std::string& name,
                                              const std::vector<sock_filter>& filter,
                                              const Cancel& cancel) {
  std::unique_ptr<Worker> worker(new Worker(name, cancel));
  BRIM_CHECK(worker->spawn(dump_fd, filter));
  BRIM_CHECK(worker->receive(seconds_for(Operation::extents)));
  return worker;
}

Result<void> Worker::spawn(int dump_fd, const std::vector<sock_filter>& filter) {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail(errno_error(errno, "map memory for libkdumpfile", name_));
  shared_ = static_cast<Shared*>(memory);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  int pair[2];
  if (!null || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return fail(errno_error(errno, "make a socket pair for libkdumpfile", name_));
  socket_ = Fd(pair[0]);
  const Fd child_end(pair[1]);
  pid_ = ::fork();
  if (pid_ < 0) return fail(errno_error(errno, "fork a process for libkdumpfile", name_));
  if (pid_ == 0) run_child(dump_fd, child_end.get(), null.get(), filter, *shared_);
  // The child has it now; other children of brim need not.
  ::madvise(shared_, sizeof(Shared), MADV_DONTFORK);
  return {};
}

Worker::~Worker() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (shared_ != nullptr) ::munmap(shared_, sizeof(Shared));
}

Result<std::uint32_t> Worker::ask(const Request& request) {
  if (pid_ < 0) return fail(failed_on(name_, "its process has ended before"));
  if (::send(socket_.get(), &request, sizeof(request), MSG_NOSIGNAL) < 0)
    return fail(ended("the process ended"));
  return receive(seconds_for(request.operation));
}

Result<void> Worker::wait_for_answer(int seconds) {
  constexpr int kSliceMilliseconds = 50;
  pollfd poll_fd = {socket_.get(), POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    if (cancel_.requested()) {
      static_cast<void>(ended("interrupted"));
      return fail(ErrorCode::interrupted, "interrupted", name_);
    }
    const int ready = ::poll(&poll_fd, 1, kSliceMilliseconds);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail(ended("its socket failed"));
    if (std::chrono::steady_clock::now() >= deadline) return fail(ended("no answer in time"));
  }
}

Result<std::uint32_t> Worker::receive(int seconds) {
  BRIM_CHECK(wait_for_answer(seconds));
  Answer answer;
  if (::recv(socket_.get(), &answer, sizeof(answer), 0) != static_cast<ssize_t>(sizeof(answer)))
    return fail(ended("the process ended"));
  switch (answer.status) {
    case Status::ok:
      return answer.count;
    case Status::unconfined:
      return fail(ErrorCode::missing,
                  "a process for libkdumpfile could not be confined (seccomp, "
                  "dropping privileges), so the dump is not read",
                  name_);
    case Status::failed:
    case Status::damaged:
      break;
  }
  char message[kMessageSize];
  std::memcpy(message, shared_->message.data(), kMessageSize);
  const std::string_view text(message, ::strnlen(message, kMessageSize));
  if (answer.status == Status::damaged) return fail(ErrorCode::bad_input, std::string(text), name_);
  return fail(failed_on(name_, text));
}

// Ends and reaps the child and says why it had to.
Error Worker::ended(const char* how) {
  // A child that has closed its socket is dying; only one that hangs needs to be killed, and how
  // it died otherwise is worth knowing.
  int status = 0;
  pid_t reaped = 0;
  for (int i = 0; i < 100 && reaped == 0; ++i) {
    reaped = ::waitpid(pid_, &status, WNOHANG);  // -1: somebody else has reaped it
    if (reaped == 0) ::usleep(1000);
  }
  if (reaped == 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = -1;
  if (reaped > 0 && WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    const char* name = ::sigabbrev_np(signal);
    return failed_on(name_,
                     fmt::format("the process was ended by SIG{}{}", name != nullptr ? name : "?",
                                 signal == SIGSYS ? ", a system call it may not make" : ""));
  }
  return failed_on(name_, how);
}

Result<void> Worker::verify() {
  BRIM_CHECK(ask({Operation::verify, 0, 0}));
  return {};
}

Result<std::vector<Extent>> Worker::extents() {
  std::vector<Extent> extents;
  std::vector<Run> runs;
  std::uint64_t next = 0;
  std::size_t received = 0;  // not the extents: adjacent runs make one, and there is no end of them
  while (true) {
    BRIM_TRY(const std::uint32_t count, ask({Operation::extents, 0, next}));
    received += count;
    if (count > shared_->runs.size() || received > kMostExtents)
      return fail(failed_on(name_, "more runs of memory than a dump can have"));
    runs.assign(shared_->runs.begin(), shared_->runs.begin() + count);
    for (const Run& run : runs) {
      if (run.first < next || run.count == 0 || run.first > kFrameLimit || run.count > kFrameLimit)
        return fail(failed_on(name_, "its runs of memory are out of order or beyond any address"));
      append_pages(extents, run.first, run.count);
      next = run.first + run.count;
    }
    if (count < shared_->runs.size()) return extents;
  }
}

Result<void> Worker::read(GuestFrame first, std::span<std::byte> out,
                          std::vector<GuestFrame>& unavailable) {
  const auto count = static_cast<std::uint32_t>(out.size() / kPageSize);
  BRIM_ASSERT(count <= kBatchPages);
  BRIM_TRY(const std::uint32_t got, ask({Operation::read, count, first.number()}));
  if (got != count) return fail(failed_on(name_, "fewer pages than asked for"));
  std::memcpy(out.data(), shared_->pages.data(), out.size());
  for (std::uint32_t i = 0; i < count; ++i)
    if (shared_->unavailable[i] != 0) unavailable.push_back(first + i);
  return {};
}

}  // namespace brim::image::kdump
