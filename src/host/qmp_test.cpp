// SPDX-License-Identifier: Apache-2.0
#include "host/qmp.h"

#include "base/fd.h"
#include "base/json_text.h"
#include "host/scratch_directory.h"

#include <array>
#include <cstring>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace brim::host {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using namespace std::chrono_literals;  // NOLINT: literals

constexpr char kGreeting[] =
    R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": []}})";

// The far end of a socket pair, played by a function on a thread.
class Peer {
 public:
  explicit Peer(std::function<void(int)> play) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    client_ = ends[0];
    server_ = ends[1];
    thread_ = std::thread([this, play = std::move(play)] {
      play(server_);
      ::shutdown(server_, SHUT_WR);
    });
  }
  ~Peer() {
    ::shutdown(server_, SHUT_RDWR);
    thread_.join();
    ::close(server_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  [[nodiscard]] int client() const { return client_; }

 private:
  int client_ = -1;
  int server_ = -1;
  std::thread thread_;
};

bool say(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// Reads one line: a command. Empty at the end.
json hear(int fd) {
  std::string line;
  for (char c = 0; ::recv(fd, &c, 1, 0) == 1 && c != '\n';) line += c;
  return parse_json(line).value_or(nullptr);
}

void answer(int fd, const json& command, const json& value) {
  say(fd, json_line({{"return", value}, {"id", command.value("id", "")}}) + "\r\n");
}

void greet(int fd) {
  say(fd, kGreeting);
  say(fd, "\r\n");
  const json command = hear(fd);
  EXPECT_EQ(command.value("execute", ""), "qmp_capabilities");
  answer(fd, command, json::object());
}

TEST(JsonObjectStream, Objects_in_any_parts_and_layouts_come_out_whole) {
  JsonObjectStream stream;
  const std::string text = "\r\n{\"a\": \"}\\\"{\"}\n\n{\n  \"b\": [1, {}]\n}{\"c\":0}";
  for (const char c : text) ASSERT_TRUE(stream.add(std::string_view(&c, 1)));
  EXPECT_EQ(stream.take(), "{\"a\": \"}\\\"{\"}");
  EXPECT_EQ(stream.take(), "{\n  \"b\": [1, {}]\n}");
  EXPECT_EQ(stream.take(), "{\"c\":0}");
  EXPECT_EQ(stream.take(), std::nullopt);
}

TEST(JsonObjectStream, Endless_deep_and_foreign_input_is_refused) {
  JsonObjectStream foreign;
  EXPECT_FALSE(foreign.add("QEMU 7.2 monitor"));
  JsonObjectStream deep;
  EXPECT_FALSE(deep.add(std::string(JsonObjectStream::kDeepest + 1, '{')));
  JsonObjectStream endless;
  ASSERT_TRUE(endless.add("{\"a\":\""));
  const std::string part(1 << 20, 'x');
  bool refused = false;
  for (int i = 0; i < 17 && !refused; ++i) refused = !endless.add(part);
  EXPECT_TRUE(refused);
}

TEST(Qmp, Negotiates_and_executes_with_events_in_between) {
  const Peer peer([](int fd) {
    greet(fd);
    const json command = hear(fd);
    EXPECT_EQ(command.at("arguments").value("path", ""), "/machine");
    say(fd, "{\"event\": \"STOP\", \"data\"");
    std::this_thread::sleep_for(5ms);
    say(fd, ": {}}\r\n");
    answer(fd, command, {{"name", "web"}});
  });
  auto qmp = Qmp::negotiate(peer.client(), "test", 5s);
  ASSERT_TRUE(qmp) << error_line(qmp.error());
  EXPECT_EQ(qmp->version(), "7.2.22");
  const auto reply = qmp->execute("query-name", {{"path", "/machine"}}, 5s);
  ASSERT_TRUE(reply) << error_line(reply.error());
  EXPECT_EQ(reply->value("name", ""), "web");
  ASSERT_EQ(qmp->events().size(), 1u);
  const auto event = qmp->wait_for_event("STOP", 1ms);
  ASSERT_TRUE(event);
  EXPECT_TRUE(qmp->events().empty());
}

TEST(Qmp, An_error_reply_carries_qemus_words) {
  const Peer peer([](int fd) {
    greet(fd);
    const json command = hear(fd);
    say(fd, json_line({{"error", {{"class", "CommandNotFound"}, {"desc", "no such command"}}},
                       {"id", command.value("id", "")}}));
  });
  auto qmp = Qmp::negotiate(peer.client(), "test", 5s);
  ASSERT_TRUE(qmp);
  const auto reply = qmp->execute("nonsense", 5s);
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().what, ::testing::HasSubstr("no such command"));
}

TEST(Qmp, A_late_reply_is_not_taken_for_the_next_one) {
  const Peer peer([](int fd) {
    greet(fd);
    const json first = hear(fd);
    const json second = hear(fd);
    answer(fd, first, "late");
    answer(fd, second, "right");
  });
  auto qmp = Qmp::negotiate(peer.client(), "test", 5s);
  ASSERT_TRUE(qmp);
  EXPECT_FALSE(qmp->execute("first", 20ms));
  const auto reply = qmp->execute("second", 5s);
  ASSERT_TRUE(reply) << error_line(reply.error());
  EXPECT_EQ(*reply, "right");
}

TEST(Qmp, A_peer_that_hangs_up_or_talks_nonsense_is_an_error) {
  const Peer silent([](int /*fd*/) {});
  EXPECT_EQ(Qmp::negotiate(silent.client(), "test", 5s).error().code, ErrorCode::gone);
  const Peer foreign([](int fd) { say(fd, "HTTP/1.1 400 Bad Request\r\n"); });
  EXPECT_EQ(Qmp::negotiate(foreign.client(), "test", 5s).error().code, ErrorCode::bad_input);
  const Peer no_greeting([](int fd) { say(fd, "{\"hello\": 1}"); });
  EXPECT_EQ(Qmp::negotiate(no_greeting.client(), "test", 5s).error().code, ErrorCode::bad_input);
}

TEST(Qmp, Endless_events_end_with_the_time_given) {
  const Peer peer([](int fd) {
    greet(fd);
    while (say(fd, "{\"event\": \"X\"}\r\n")) {
    }
  });
  auto qmp = Qmp::negotiate(peer.client(), "test", 5s);
  ASSERT_TRUE(qmp);
  EXPECT_FALSE(qmp->execute("query-name", 200ms));
  EXPECT_LE(qmp->events().size(), Qmp::kMaximumEvents);
}

TEST(Qmp, Endless_messages_that_answer_nothing_end_with_the_time_given) {
  const Peer peer([](int fd) {
    greet(fd);
    std::string flood;
    for (int i = 0; i < 4096; ++i) flood += "{}";
    while (say(fd, flood)) {
    }
  });
  auto qmp = Qmp::negotiate(peer.client(), "test", 5s);
  ASSERT_TRUE(qmp);
  const auto reply = qmp->execute("query-name", 50ms);
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().what, ::testing::HasSubstr("within 50 ms"));
}

TEST(JsonObjectStream, Many_small_objects_come_out_in_order) {
  JsonObjectStream stream;
  std::string text;
  constexpr int kObjects = 100000;
  for (int i = 0; i < kObjects; ++i) text += "{" + std::to_string(i) + "}";
  ASSERT_TRUE(stream.add(text));
  for (int i = 0; i < kObjects; ++i) ASSERT_EQ(stream.take(), "{" + std::to_string(i) + "}");
  EXPECT_EQ(stream.take(), std::nullopt);
}

// A listener that nobody accepts from, as a monitor held by another client.
class BusySocket {
 public:
  explicit BusySocket(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_.get(), 1), 0);
  }
  void reset() { fd_.reset(); }

 private:
  Fd fd_;
};

TEST(Qmp, A_busy_monitor_is_waited_for_no_longer_than_given) {
  const ScratchDirectory directory;
  BusySocket busy(directory / "qmp");
  const auto start = std::chrono::steady_clock::now();
  const auto qmp = Qmp::connect(directory / "qmp", 50ms);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
  ASSERT_FALSE(qmp);
  EXPECT_THAT(qmp.error().what, ::testing::HasSubstr("another client"));
  // A full backlog refuses at once.
  std::vector<Result<Qmp>> held;
  held.reserve(4);
  for (int i = 0; i < 4; ++i) held.push_back(Qmp::connect(directory / "qmp", 1ms));
  for (const auto& one : held) EXPECT_FALSE(one);
  busy.reset();
  EXPECT_EQ(Qmp::connect(directory / "qmp", 50ms).error().code, ErrorCode::missing);
  EXPECT_EQ(Qmp::connect(directory / "none", 50ms).error().code, ErrorCode::missing);
}

TEST(Qmp, A_listener_that_is_not_the_one_expected_is_not_waited_for) {
  const ScratchDirectory directory;
  const BusySocket busy(directory / "qmp");
  const Fd file(::open((directory / "qmp").c_str(), O_PATH | O_CLOEXEC));
  const auto other = Qmp::connect(file, "test", ::getpid() + 1, 10s);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::denied);
  const auto expected = Qmp::connect(file, "test", ::getpid(), 20ms);
  ASSERT_FALSE(expected);
  EXPECT_THAT(expected.error().what, ::testing::HasSubstr("greeting"));
}

TEST(Qmp, Paths_longer_than_a_socket_address_can_be_reached) {
  const ScratchDirectory directory;
  const std::string deep = directory / std::string(100, 'd');
  std::filesystem::create_directories(deep);
  // Bound by its short name from inside, as a QEMU in another directory does.
  const std::string link = directory / "l";
  ASSERT_EQ(::symlink(deep.c_str(), link.c_str()), 0);
  const BusySocket busy(link + "/q");
  const auto qmp = Qmp::connect(deep + "/q", 20ms);
  ASSERT_FALSE(qmp);
  EXPECT_THAT(qmp.error().what, ::testing::HasSubstr("greeting"));
}

}  // namespace
}  // namespace brim::host
