// SPDX-License-Identifier: Apache-2.0
#include "host/line_socket.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace brim::host {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Waits for `events`; an error once the deadline has passed.
Result<void> wait_for_events(int fd, short events, SteadyClock::time_point deadline,
                             const std::string& path) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    pollfd waiting{fd, events, 0};
    const int ready =
        ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX)));
    if (ready > 0) return {};
    if (ready == 0) return fail(ErrorCode::io, "no answer in time", path);
    if (errno != EINTR) return fail(errno_error(errno, "poll", path));
  }
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::bad_input, "longer than a socket's name can be", path);
  path.copy(address.sun_path, path.size());
  return address;
}

}  // namespace

Result<Fd> listen_at(const std::string& path) {
  BRIM_TRY(const sockaddr_un address, address_of(path));
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail(errno_error(errno, "socket", path));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(errno_error(errno, "bind", path));
  if (::listen(socket.get(), SOMAXCONN) != 0) return fail(errno_error(errno, "listen", path));
  return socket;
}

Result<LineSocket> LineSocket::connect(const std::string& path, char end) {
  BRIM_TRY(const sockaddr_un address, address_of(path));
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(errno_error(errno, "socket", path));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ECONNREFUSED) return fail(ErrorCode::missing, "nobody listens", path);
    return fail(errno_error(errno, "connect", path));
  }
  return LineSocket(std::move(socket), path, end);
}

Result<void> LineSocket::send(std::string_view line, std::chrono::milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  const std::string text = std::string(line) + end_;
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::send(socket_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      BRIM_CHECK(wait_for_events(socket_.get(), POLLOUT, deadline, path_));
    } else if (errno != EINTR) {
      return fail(errno_error(errno, "send", path_));
    }
  }
  return {};
}

Result<std::string> LineSocket::receive(std::chrono::milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  for (;;) {
    if (const std::size_t end = received_.find(end_); end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    if (received_.size() > kMaximumLine)
      return fail(ErrorCode::io, fmt::format("a line of more than {} bytes", kMaximumLine), path_);
    BRIM_CHECK(wait_for_events(socket_.get(), POLLIN, deadline, path_));
    char bytes[4096];
    const ssize_t n = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (n == 0) return fail(ErrorCode::gone, "the other side closed", path_);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
      return fail(errno_error(errno, "receive", path_));
    if (n > 0) received_.append(bytes, static_cast<std::size_t>(n));
  }
}

}  // namespace brim::host
