// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/peer_control.h"

#include "host/system.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace brim::thrash::live {
namespace {

using testing::HasSubstr;

TEST(PeerControl, A_group_is_shown_as_a_machine_of_its_size) {
  const std::string text =
      memory_info_of(mebibytes(150), mebibytes(140), mebibytes(1024), mebibytes(24));
  const auto info = host::parse_memory_info(text, "shown");
  ASSERT_TRUE(info) << error_line(info.error());
  EXPECT_EQ(info->total_bytes, mebibytes(150).count());
  EXPECT_EQ(info->available_bytes, mebibytes(10).count());
  EXPECT_EQ(info->swap_total_bytes, mebibytes(1024).count());
  EXPECT_EQ(info->swap_free_bytes, mebibytes(1000).count());
}

TEST(PeerControl, What_is_shown_is_always_as_long_and_never_below_nothing) {
  const std::string full =
      memory_info_of(mebibytes(150), mebibytes(151), mebibytes(10), mebibytes(11));
  EXPECT_THAT(full, HasSubstr("MemAvailable:             0 kB\n"));
  EXPECT_THAT(full, HasSubstr("SwapFree:                 0 kB\n"));
  EXPECT_EQ(memory_info_of(gibibytes(500), Bytes(0), gibibytes(2), Bytes(0)).size(), full.size());
}

class NoConsumers final : public ConsumerControls {
 public:
  [[nodiscard]] std::size_t consumers() const override { return 0; }
  [[nodiscard]] ConsumerView consumer(std::size_t /*number*/) const override { return {}; }
  [[nodiscard]] Bytes memory() const override { return {}; }
  [[nodiscard]] const host::LimitedGroup* group() const override { return nullptr; }
  void hold(std::size_t /*number*/) override {}
  void let_go_on(std::size_t /*number*/) override {}
};

// Says what it reads, and ends.
class EndingControl final : public PeerControl {
 public:
  EndingControl(const host::Host& host, std::string prepare)
      : PeerControl(host, "cat"), prepare_(std::move(prepare)) {}
  // What is told of its end.
  std::string told() {
    NoConsumers nobody;
    EXPECT_TRUE(begin(nobody));
    for (int look = 0; look < 1000; ++look) {
      if (const auto next = step(nobody, {}); !next) return error_line(next.error());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return "it goes on";
  }

 protected:
  Result<host::ProgramStart> program(const ConsumerControls& consumers) override {
    return beside(consumers, {.arguments = {"cat"}, .input = "no luck", .prepare = prepare_});
  }

 private:
  std::string prepare_;
};

TEST(PeerControl, One_that_ends_before_the_run_is_told_with_its_last_words) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, for a mount namespace";
  const auto host = host::Host::open("/");
  ASSERT_TRUE(host);
  EXPECT_THAT(EndingControl(*host, "").told(), HasSubstr("before the run; it said 'no luck'"));
  EXPECT_THAT(EndingControl(*host, "echo not ready && false").told(),
              HasSubstr("it said 'not ready'"))
      << "what can't be prepared is not started";
  EXPECT_THAT(EndingControl(*host, "false").told(), HasSubstr("see what 'cat' says"));
}

}  // namespace
}  // namespace brim::thrash::live
