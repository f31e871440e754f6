// SPDX-License-Identifier: Apache-2.0
#pragma once
// A client of QEMU's machine protocol (docs/interop/qmp-spec.txt) on a unix socket.
//
// A QEMU monitor serves one client at a time: while another holds it, a connection is accepted by
// the kernel and then says nothing. Every wait here is bounded by the time the caller gives, and
// what a peer sends is bounded too (a message by kMaximumMessage, a reply by the traffic before
// it), so that neither a busy nor a hostile QEMU holds brim up. Connecting takes the monitor from
// others for as long as the object lives: keep it short. A monitor with wait=on starts its machine
// when the first client connects; callers that must not do that look first (qemu.h,
// QmpSocket::waits).

#include "base/fd.h"
#include "base/result.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace brim::host {

// Cuts a byte stream into JSON objects by their braces: lines may come in parts, and -qmp-pretty
// spreads an object over many lines. Doesn't validate what is inside.
class JsonObjectStream {
 public:
  static constexpr std::size_t kMaximumMessage = std::size_t{16} << 20;
  static constexpr int kDeepest = 256;

  // An error (bad_input) where the stream is not a sequence of objects, or one is too long or too
  // deep; the stream is then of no further use.
  [[nodiscard]] Result<void> add(std::string_view bytes);
  // The oldest whole object, if there is one.
  [[nodiscard]] std::optional<std::string> take();

 private:
  Result<void> add_byte(char byte);
  std::deque<std::string> whole_;  // oldest first; 64 KiB of "{}" make 32768
  std::string part_;
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

class Qmp {
 public:
  // Connects, reads the greeting and negotiates, all within `timeout`. `missing` where there is no
  // such socket or nobody listens; `io` naming the time where no greeting came.
  [[nodiscard]] static Result<Qmp> connect(const std::string& path,
                                           std::chrono::milliseconds timeout);
  // The same to the socket that `file` stands for (O_PATH will do), where only `listener` may
  // answer: from another process nothing is read and nothing is sent to it (`denied`). `peer` is
  // for messages.
  [[nodiscard]] static Result<Qmp> connect(const Fd& file, std::string peer, int listener,
                                           std::chrono::milliseconds timeout);
  // The same on a connected socket, which is taken over. `peer` is for messages.
  [[nodiscard]] static Result<Qmp> negotiate(int socket, std::string peer,
                                             std::chrono::milliseconds timeout);

  // The "return" member of the reply to a command. An error reply is `io` with QEMU's words. After
  // a timeout the connection is still in step: a late reply is recognized by its id and dropped.
  [[nodiscard]] Result<nlohmann::json> execute(std::string_view command,
                                               std::chrono::milliseconds timeout);
  [[nodiscard]] Result<nlohmann::json> execute(std::string_view command,
                                               const nlohmann::json& arguments,
                                               std::chrono::milliseconds timeout);
  // Waits for an event of this name (also one kept already) and takes it out; whole message.
  [[nodiscard]] Result<nlohmann::json> wait_for_event(std::string_view event,
                                                      std::chrono::milliseconds timeout);
  // Events seen and not taken yet, oldest first; the newest kMaximumEvents are kept.
  static constexpr std::size_t kMaximumEvents = 1024;
  [[nodiscard]] const std::vector<nlohmann::json>& events() const;

  // Process that listens on the socket (SO_PEERCRED), 0 if not told.
  [[nodiscard]] int peer_pid() const;
  // "7.2.22", from the greeting.
  [[nodiscard]] const std::string& version() const;

  ~Qmp();
  Qmp(Qmp&&) noexcept;
  Qmp& operator=(Qmp&&) noexcept;

 private:
  Qmp();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace brim::host
