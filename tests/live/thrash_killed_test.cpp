// SPDX-License-Identifier: Apache-2.0
// brim is killed at any moment of a thrashing run: its processes die with it, and what is left is
// taken away at its next start.
#include "base/rng.h"
#include "thrash_fixture.h"

namespace brim::live {
namespace {

class ThrashKilled : public ThrashLive {
 protected:
  // Consumers start from 0.75 s on, one more each half a second. Kills a run after this time;
  // whether it had made anything by then.
  bool kill_after(std::chrono::milliseconds time, std::vector<std::string> sets) {
    sets.emplace_back("live.speed=4");
    BrimRun run(*this, sets);
    std::this_thread::sleep_for(time);
    EXPECT_TRUE(run.running()) << "it ended by itself: " << run.errors();
    run.end(SIGKILL);
    EXPECT_TRUE(eventually([&] { return started_by(run.pid(), "").empty(); }))
        << "its processes do not die with it";
    const bool made = !left_of(run.pid()).empty();
    EXPECT_EQ(restore(), 0);
    EXPECT_EQ(left_of(run.pid()), "") << "killed after " << time.count() << " ms";
    return made;
  }
};

TEST_F(ThrashKilled, At_any_moment_the_next_start_takes_away_what_is_left) {
  constexpr int kRounds = 20;
  Rng rng(1);
  int made = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    // Half of them while all is being made, half in the midst of it; some with processes that
    // stand still.
    const std::uint64_t longest = round % 2 == 0 ? 400 : 2400;
    const std::vector<std::string> sets =
        round % 4 < 2
            ? std::vector<std::string>()
            : std::vector<std::string>{"mechanism.control=sigstop-round-robin(slice=500ms)"};
    made += kill_after(std::chrono::milliseconds(20 + rng.below(longest)), sets) ? 1 : 0;
  }
  EXPECT_GE(made, kRounds / 2) << "most were killed before they had made anything";
}

TEST_F(ThrashKilled, zram_and_zswap_are_gone_and_put_back_too) {
  const std::string enabled = "/sys/module/zswap/parameters/enabled";
  const std::string before = read_text(enabled);
  if (host_.exists("/sys/class/zram-control")) {
    EXPECT_TRUE(kill_after(1800ms, {"hardware.swap=zram"}));
  }
  if (host_.exists(enabled)) {
    EXPECT_TRUE(kill_after(1800ms, {"hardware.swap=zswap"}));
  }
  EXPECT_EQ(read_text(enabled), before);
}

}  // namespace
}  // namespace brim::live
