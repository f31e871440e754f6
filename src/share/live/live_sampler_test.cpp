// SPDX-License-Identifier: Apache-2.0
#include "share/live/live_sampler.h"

#include <map>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share::live {
namespace {

using ::testing::HasSubstr;

// A guest without a process, whose load says what it is told to.
class TalkingGuest final : public LiveGuest {
 public:
  TalkingGuest(std::string name, std::optional<lab::LoadState> state)
      : LiveGuest(plan_of(std::move(name))), state_(std::move(state)) {}
  [[nodiscard]] std::optional<int> pid() const override { return std::nullopt; }
  [[nodiscard]] Result<bool> ready(std::chrono::milliseconds /*timeout*/) override { return true; }
  [[nodiscard]] Result<void> start_load() override { return {}; }
  [[nodiscard]] std::optional<lab::LoadState> load_state() override { return state_; }
  [[nodiscard]] Result<void> pause() override { return {}; }
  [[nodiscard]] Result<std::unique_ptr<Subject>> memory(const host::Host& /*host*/) override {
    return fail(ErrorCode::gone, "it has none", name());
  }

 private:
  static LiveGuestPlan plan_of(std::string name) {
    LiveGuestPlan plan;
    plan.name = std::move(name);
    plan.load.emplace();
    return plan;
  }
  std::optional<lab::LoadState> state_;
};

lab::LoadState after(std::uint64_t writes) {
  return {.running = true, .filled = true, .cycles = 1, .writes = writes, .work = 0, .ended = ""};
}

struct Told {
  Result<void> outcome;
  std::map<std::pair<std::string, std::string>, double> values;  // by metric and subject
};

Told sample(const std::vector<std::optional<lab::LoadState>>& states) {
  const auto host = host::Host::open("/");
  EXPECT_TRUE(host);
  std::vector<std::unique_ptr<LiveGuest>> guests;
  for (const auto& state : states)
    guests.push_back(
        std::make_unique<TalkingGuest>("guest-" + std::to_string(guests.size() + 1), state));
  LiveSampler sampler(*host, Rng(1));
  Told told;
  told.outcome = sampler.begin(guests);
  if (!told.outcome) return told;
  const study::SampleSink sink = [&](std::string_view metric, std::string_view subject, double,
                                     double value) {
    told.values[{std::string(metric), std::string(subject)}] = value;
  };
  told.outcome = sampler.sample(guests, 0, sink);
  return told;
}

TEST(LiveSampler, What_loads_wrote_is_told_of_each_guest_and_of_all) {
  const Told told = sample({after(3), after(4)});
  ASSERT_TRUE(told.outcome) << error_line(told.outcome.error());
  EXPECT_EQ(told.values.at({"share.load_writes", "guest-2"}), 4);
  EXPECT_EQ(told.values.at({"share.load_writes", ""}), 7);
  EXPECT_EQ(told.values.at({"share.loads_filled", ""}), 2);
}

TEST(LiveSampler, Of_a_guest_that_is_too_busy_to_say_nothing_is_made_up) {
  const Told told = sample({after(3), std::nullopt});
  ASSERT_TRUE(told.outcome) << error_line(told.outcome.error());
  EXPECT_EQ(told.values.count({"share.load_writes", "guest-1"}), 1U);
  EXPECT_EQ(told.values.count({"share.load_writes", ""}), 0U);
}

TEST(LiveSampler, A_load_that_failed_ends_the_study) {
  lab::LoadState killed;
  killed.failed = true;
  killed.ended = "killed by signal 9 (Killed)";
  const Told told = sample({after(3), killed});
  ASSERT_FALSE(told.outcome);
  EXPECT_THAT(error_line(told.outcome.error()), HasSubstr("guest-2"));
  EXPECT_THAT(error_line(told.outcome.error()), HasSubstr("killed by signal 9"));
}

}  // namespace
}  // namespace brim::share::live
