// SPDX-License-Identifier: Apache-2.0
#pragma once
// Lines over a unix socket: QEMU's end of a guest's virtio-serial port, and messages that end with
// another byte (varlink's with 0). Every wait is bounded, and so is a line.

#include "base/fd.h"
#include "base/result.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace brim::host {

class LineSocket {
 public:
  static constexpr std::size_t kMaximumLine = std::size_t{1} << 20;

  // `missing` where there is no such socket, or nobody listens on it. `end`: what lines end with.
  [[nodiscard]] static Result<LineSocket> connect(const std::string& path, char end = '\n');
  // A connection that is there already, and does not block (SOCK_NONBLOCK). `path`: for errors.
  LineSocket(Fd socket, std::string path, char end)
      : socket_(std::move(socket)), path_(std::move(path)), end_(end) {}

  // The line and its end. `io` where the other side takes nothing within the time.
  [[nodiscard]] Result<void> send(std::string_view line, std::chrono::milliseconds timeout);
  // A line without its end. `io` where none comes within the time, `gone` where the other side
  // closed.
  [[nodiscard]] Result<std::string> receive(std::chrono::milliseconds timeout);

 private:
  Fd socket_;
  std::string path_;
  char end_;
  std::string received_;
};

// A socket at `path`, where nothing may be yet, for others to connect to. Its name is the caller's
// to remove.
[[nodiscard]] Result<Fd> listen_at(const std::string& path);

}  // namespace brim::host
