// SPDX-License-Identifier: Apache-2.0
#include "host/line_socket.h"

#include "host/scratch_directory.h"

#include <optional>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace brim::host {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The other side: a socket that listens, and the connection it took.
class LineSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, path_.size());
    listening_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    ASSERT_EQ(::listen(listening_.get(), 1), 0);
    auto socket = LineSocket::connect(path_);
    ASSERT_TRUE(socket) << error_line(socket.error());
    socket_.emplace(std::move(*socket));
    peer_ = Fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(peer_);
  }
  void say(const std::string& text) const {
    ASSERT_EQ(::write(peer_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string line() { return socket_->receive(seconds(10)).value_or("no line"); }

  ScratchDirectory scratch_;
  std::string path_ = scratch_ / "s";
  Fd listening_;
  Fd peer_;
  std::optional<LineSocket> socket_;
};

TEST_F(LineSocketTest, Lines_come_one_by_one_however_they_were_sent) {
  say("one\ntwo\n\nthr");
  EXPECT_EQ(line(), "one");
  EXPECT_EQ(line(), "two");
  EXPECT_EQ(line(), "");
  say("ee\n");
  EXPECT_EQ(line(), "three");
}

TEST_F(LineSocketTest, A_line_is_sent_with_its_end) {
  ASSERT_TRUE(socket_->send("hello", seconds(10)));
  char bytes[16] = {};
  EXPECT_EQ(::read(peer_.get(), bytes, sizeof bytes), 6);
  EXPECT_STREQ(bytes, "hello\n");
}

TEST_F(LineSocketTest, No_line_in_time_is_an_error_and_the_rest_of_it_may_still_come) {
  say("hal");
  const auto none = socket_->receive(milliseconds(20));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::io);
  say("f\n");
  EXPECT_EQ(line(), "half");
}

TEST_F(LineSocketTest, The_other_side_s_end_is_gone_after_the_lines_it_sent) {
  say("last\n");
  peer_.reset();
  EXPECT_EQ(line(), "last");
  const auto none = socket_->receive(seconds(10));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::gone);
  EXPECT_FALSE(socket_->send("x", seconds(10))) << "an error, not a signal";
}

TEST_F(LineSocketTest, A_side_that_reads_nothing_does_not_hold_the_sender_for_ever) {
  const auto sent = socket_->send(std::string(std::size_t{32} << 20, 'x'), milliseconds(50));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::io);
}

TEST_F(LineSocketTest, A_line_without_an_end_is_given_up) {
  const std::string much(std::size_t{64} << 10, 'x');
  Result<std::string> none = std::string();
  for (std::size_t sent = 0; sent <= 2 * LineSocket::kMaximumLine && none; sent += much.size()) {
    say(much);
    none = socket_->receive(milliseconds(1));
    if (!none && none.error().what == "no answer in time") none = std::string();
  }
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().what.find("a line of more than"), std::string::npos) << none.error().what;
}

TEST_F(LineSocketTest, Where_nobody_listens_it_is_missing) {
  EXPECT_EQ(LineSocket::connect(scratch_ / "none").error().code, ErrorCode::missing);
  listening_.reset();
  EXPECT_EQ(LineSocket::connect(path_).error().code, ErrorCode::missing) << "a socket left behind";
  EXPECT_EQ(LineSocket::connect(std::string(200, 'x')).error().code, ErrorCode::bad_input);
}

TEST(ListeningSocket, Is_connected_to_by_its_path_which_nothing_else_may_have) {
  const ScratchDirectory scratch;
  const std::string path = scratch / "s";
  const auto listening = listen_at(path);
  ASSERT_TRUE(listening) << error_line(listening.error());
  auto there = LineSocket::connect(path, '\0');
  ASSERT_TRUE(there) << error_line(there.error());
  LineSocket here(Fd(::accept4(listening->get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)),
                  path, '\0');
  ASSERT_TRUE(there->send("one\nmessage", seconds(10)));
  EXPECT_EQ(here.receive(seconds(10)).value_or("none"), "one\nmessage") << "up to the byte 0";
  EXPECT_EQ(listen_at(path).error().code, ErrorCode::io);
  EXPECT_EQ(listen_at(scratch / "none/s").error().code, ErrorCode::missing);
  EXPECT_EQ(listen_at(std::string(200, 'x')).error().code, ErrorCode::bad_input);
}

}  // namespace
}  // namespace brim::host
