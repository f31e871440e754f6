// SPDX-License-Identifier: Apache-2.0
#pragma once
// Lines over a unix socket: QEMU's end of a guest's virtio-serial port. Every wait is bounded, and
// so is a line.

#include "base/fd.h"
#include "base/result.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace brim::host {

class LineSocket {
 public:
  static constexpr std::size_t kMaximumLine = std::size_t{1} << 20;

  // `missing` where there is no such socket, or nobody listens on it.
  [[nodiscard]] static Result<LineSocket> connect(const std::string& path);

  // The line and its end. `io` where the other side takes nothing within the time.
  [[nodiscard]] Result<void> send(std::string_view line, std::chrono::milliseconds timeout);
  // A line without its end. `io` where none comes within the time, `gone` where the other side
  // closed.
  [[nodiscard]] Result<std::string> receive(std::chrono::milliseconds timeout);

 private:
  LineSocket(Fd socket, std::string path) : socket_(std::move(socket)), path_(std::move(path)) {}
  Fd socket_;
  std::string path_;
  std::string received_;
};

}  // namespace brim::host
