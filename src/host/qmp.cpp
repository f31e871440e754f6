// SPDX-License-Identifier: Apache-2.0
#include "host/qmp.h"

#include "base/json_text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace brim::host {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Bytes a peer may send before the reply that is waited for: events come on their own, but a stream
// of them without end must not hold us up.
constexpr std::size_t kMaximumTraffic = std::size_t{64} << 20;

Error timed_out(milliseconds timeout, std::string_view awaited, std::string where) {
  return {ErrorCode::io, fmt::format("no {} within {} ms", awaited, timeout.count()),
          std::move(where)};
}

// Waits until the socket is ready for `events`; false once the deadline has passed.
Result<bool> wait_ready(int fd, short events, Clock::time_point deadline,
                        const std::string& where) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{fd, events, 0};
    const int ready =
        ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, INT32_MAX)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return fail(errno_error(errno, "poll", where));
    if (left <= 0) return false;
  }
}

// By way of a descriptor: a socket's address holds 108 bytes, a path may have more.
Result<Fd> connected(const Fd& file, const std::string& peer) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(errno_error(errno, "socket", peer));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}", file.get());
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  if (errno == EAGAIN) return fail(ErrorCode::io, "the monitor is busy with other clients", peer);
  if (errno == ECONNREFUSED) return fail(ErrorCode::missing, "nobody listens on the socket", peer);
  return fail(errno_error(errno, "connect", peer));
}

// The process that listens at the other end, 0 if not told.
int listener_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  const int got = ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
  return got == 0 ? credentials.pid : 0;
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<void> JsonObjectStream::add_byte(char byte) {
  if (depth_ == 0) {
    if (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t') return {};
    if (byte != '{') return fail(ErrorCode::bad_input, "not a QMP stream: expected an object");
  }
  part_ += byte;
  if (part_.size() > kMaximumMessage)
    return fail(ErrorCode::bad_input, "QMP message longer than 16 MiB");
  if (in_string_) {
    if (escaped_)
      escaped_ = false;
    else if (byte == '\\')
      escaped_ = true;
    else if (byte == '"')
      in_string_ = false;
    return {};
  }
  if (byte == '"') in_string_ = true;
  if (byte == '{' || byte == '[') ++depth_;
  if (byte == '}' || byte == ']') --depth_;
  if (depth_ > kDeepest) return fail(ErrorCode::bad_input, "QMP message nested too deeply");
  if (depth_ == 0) whole_.push_back(std::exchange(part_, {}));
  return {};
}

Result<void> JsonObjectStream::add(std::string_view bytes) {
  for (const char byte : bytes) BRIM_CHECK(add_byte(byte));
  return {};
}

std::optional<std::string> JsonObjectStream::take() {
  if (whole_.empty()) return std::nullopt;
  std::string first = std::move(whole_.front());
  whole_.pop_front();
  return first;
}

struct Qmp::State {
  Fd socket;
  std::string peer;
  std::string version;
  int peer_pid = 0;
  JsonObjectStream stream;
  std::vector<json> events;
  std::uint64_t next_id = 1;
  bool broken = false;  // the stream can't be followed any more

  Result<void> send(const std::string& text, Clock::time_point deadline, milliseconds timeout);
  // The next whole message; events are kept and not returned.
  Result<json> receive(Clock::time_point deadline, milliseconds timeout, std::string_view awaited,
                       std::size_t& traffic);
  // The next message of any kind.
  Result<json> receive_any(Clock::time_point deadline, milliseconds timeout,
                           std::string_view awaited, std::size_t& traffic);
  Result<json> execute(std::string_view command, const json* arguments, milliseconds timeout,
                       Clock::time_point deadline);
  void keep(json event);
};

Result<void> Qmp::State::send(const std::string& text, Clock::time_point deadline,
                              milliseconds timeout) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t n = ::send(socket.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) return fail(errno_error(errno, "send", peer));
    BRIM_TRY(const bool ready, wait_ready(socket.get(), POLLOUT, deadline, peer));
    if (!ready) {
      broken = sent > 0;  // half a command is out
      return fail(timed_out(timeout, "room to send", peer));
    }
  }
  return {};
}

Result<json> Qmp::State::receive_any(Clock::time_point deadline, milliseconds timeout,
                                     std::string_view awaited, std::size_t& traffic) {
  for (;;) {
    if (auto text = stream.take()) {
      std::optional<json> message = parse_json(*text);
      if (message && message->is_object()) return std::move(*message);
      broken = true;
      return fail(ErrorCode::bad_input, "not a QMP message: bad JSON", peer);
    }
    BRIM_TRY(const bool ready, wait_ready(socket.get(), POLLIN, deadline, peer));
    if (!ready) return fail(timed_out(timeout, awaited, peer));
    std::array<char, 65536> buffer;
    const ssize_t n = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return fail(errno_error(errno, "receive", peer));
    if (n == 0) return fail(ErrorCode::gone, "the monitor closed the connection", peer);
    traffic += static_cast<std::size_t>(n);
    auto added = stream.add(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    if (!added || traffic > kMaximumTraffic) {
      broken = true;
      return fail(ErrorCode::bad_input,
                  added ? fmt::format("more than 64 MiB came instead of the {}", awaited)
                        : added.error().what,
                  peer);
    }
  }
}

void Qmp::State::keep(json event) {
  if (events.size() >= kMaximumEvents) events.erase(events.begin());
  events.push_back(std::move(event));
}

Result<json> Qmp::State::receive(Clock::time_point deadline, milliseconds timeout,
                                 std::string_view awaited, std::size_t& traffic) {
  for (;;) {
    BRIM_TRY(json message, receive_any(deadline, timeout, awaited, traffic));
    if (!message.contains("event")) return message;
    keep(std::move(message));
    // A stream of events that never pauses would otherwise outlast the deadline.
    if (Clock::now() > deadline) return fail(timed_out(timeout, awaited, peer));
  }
}

Result<json> Qmp::State::execute(std::string_view command, const json* arguments,
                                 milliseconds timeout, Clock::time_point deadline) {
  if (broken) return fail(ErrorCode::io, "the connection is out of step", peer);
  const std::string id = fmt::format("brim-{}", next_id++);
  json request = {{"execute", command}, {"id", id}};
  if (arguments != nullptr) request["arguments"] = *arguments;
  BRIM_CHECK(send(json_line(request) + "\n", deadline, timeout));
  const std::string awaited = fmt::format("answer to {}", command);
  std::size_t traffic = 0;
  for (;;) {
    BRIM_TRY(json reply, receive(deadline, timeout, awaited, traffic));
    const bool ours = text_of(reply, "id") == id || !reply.contains("id");  // not one given up
    if (ours && reply.contains("return")) return std::move(reply["return"]);
    if (ours && reply.contains("error") && reply["error"].is_object())
      return fail(ErrorCode::io,
                  fmt::format("QEMU refused {}: {}", command, text_of(reply["error"], "desc")),
                  peer);
    // Messages that answer nothing and never pause would otherwise outlast the deadline.
    if (Clock::now() > deadline) return fail(timed_out(timeout, awaited, peer));
  }
}

Qmp::Qmp() : state_(std::make_unique<State>()) {}
Qmp::~Qmp() = default;
Qmp::Qmp(Qmp&&) noexcept = default;
Qmp& Qmp::operator=(Qmp&&) noexcept = default;
const std::vector<json>& Qmp::events() const { return state_->events; }
int Qmp::peer_pid() const { return state_->peer_pid; }
const std::string& Qmp::version() const { return state_->version; }

Result<Qmp> Qmp::connect(const std::string& path, milliseconds timeout) {
  const Fd file(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, "open the monitor socket", path));
  BRIM_TRY(Fd socket, connected(file, path));
  return negotiate(socket.release(), path, timeout);
}

Result<Qmp> Qmp::connect(const Fd& file, std::string peer, int listener, milliseconds timeout) {
  BRIM_TRY(Fd socket, connected(file, peer));
  if (listener_of(socket.get()) != listener)
    return fail(ErrorCode::denied,
                fmt::format("another process than {} listens on the socket", listener), peer);
  return negotiate(socket.release(), std::move(peer), timeout);
}

Result<Qmp> Qmp::negotiate(int socket, std::string peer, milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  Qmp qmp;
  State& state = *qmp.state_;
  state.socket = Fd(socket);
  state.peer = std::move(peer);
  // Reads are polled for; a descriptor from elsewhere may still block.
  const int flags = ::fcntl(socket, F_GETFL);
  if (flags < 0 || ::fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0)
    return fail(errno_error(errno, "fcntl", state.peer));
  state.peer_pid = listener_of(socket);
  std::size_t traffic = 0;
  auto greeting =
      state.receive(deadline, timeout,
                    "greeting (another client, such as libvirt, may hold the monitor)", traffic);
  if (!greeting) return fail(std::move(greeting).error());
  const auto body = greeting->find("QMP");
  if (body == greeting->end() || !body->is_object())
    return fail(ErrorCode::bad_input, "not a QEMU monitor: its first message is no greeting",
                state.peer);
  const json::json_pointer version("/QMP/version/qemu");
  if (greeting->contains(version) && greeting->at(version).is_object()) {
    const json& numbers = greeting->at(version);
    const auto number = [&](const char* key) {
      const auto found = numbers.find(key);
      return found != numbers.end() && found->is_number_integer() ? found->get<int>() : 0;
    };
    state.version = fmt::format("{}.{}.{}", number("major"), number("minor"), number("micro"));
  }
  BRIM_TRY([[maybe_unused]] const json done,
           state.execute("qmp_capabilities", nullptr, timeout, deadline));
  return qmp;
}

Result<json> Qmp::execute(std::string_view command, milliseconds timeout) {
  return state_->execute(command, nullptr, timeout, Clock::now() + timeout);
}

Result<json> Qmp::execute(std::string_view command, const json& arguments, milliseconds timeout) {
  return state_->execute(command, &arguments, timeout, Clock::now() + timeout);
}

Result<json> Qmp::wait_for_event(std::string_view event, milliseconds timeout) {
  State& state = *state_;
  const auto deadline = Clock::now() + timeout;
  for (auto kept = state.events.begin(); kept != state.events.end(); ++kept) {
    if (text_of(*kept, "event") != event) continue;
    json found = std::move(*kept);
    state.events.erase(kept);
    return found;
  }
  const std::string awaited = fmt::format("event {}", event);
  std::size_t traffic = 0;
  for (;;) {
    if (state.broken) return fail(ErrorCode::io, "the connection is out of step", state.peer);
    BRIM_TRY(json message, state.receive_any(deadline, timeout, awaited, traffic));
    if (text_of(message, "event") == event) return message;
    if (message.contains("event")) state.keep(std::move(message));
    if (Clock::now() > deadline) return fail(timed_out(timeout, awaited, state.peer));
  }
}

}  // namespace brim::host
