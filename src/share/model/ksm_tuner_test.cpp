// SPDX-License-Identifier: Apache-2.0
// A tuner from outside sees what ksmd did, and what it orders is what happens.
#include "share/model/ksm_tuner.h"

#include "share/model/host_simulation.h"

#include <functional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

class OrderingTuner final : public KsmTuner {
 public:
  using Rule = std::function<KsmOrder(const KsmView&, ModelTime)>;
  explicit OrderingTuner(Rule rule) : rule_(std::move(rule)) {}
  KsmOrder adjust(const KsmView& view, ModelTime now) override { return rule_(view, now); }

 private:
  Rule rule_;
};

// Two equal guests of 1,000 pages for a minute.
void simulate(const OrderingTuner::Rule& rule) {
  GuestPlan guest;
  guest.shape.memory = Pages(1000);
  guest.shape.classes[0] = {.pages = Pages(1000), .scope = Scope::version};
  HostShape host;
  host.memory = Bytes(10'000 * kPageSize);
  host.costs = {.visit = 1us};
  HostSimulation simulation(
      host, {guest, guest},
      [&](SimulatedMemory& memory, Rng) {
        return std::make_unique<Ksm>(memory, KsmKnobs{}, host.costs);
      },
      Rng(1));
  simulation.use_tuner(std::make_unique<OrderingTuner>(rule));
  ASSERT_TRUE(simulation.run(
      {.duration = 60s, .sample_interval = 10s}, [](const HostSample&) {}, [](double) {},
      kNeverCancelled));
}

TEST(KsmTunerTest, Ksmd_rests_until_it_is_told_to_scan_and_again_after) {
  std::vector<std::uint64_t> scanned;
  simulate([&](const KsmView& view, ModelTime now) {
    scanned.push_back(view.scanned.count());
    return KsmOrder{now > 20s && now < 30s, 100, 10ms, 1s};
  });
  ASSERT_GE(scanned.size(), 59U);
  EXPECT_EQ(scanned[20], 0U);
  EXPECT_GT(scanned[32], 2000U);
  EXPECT_EQ(scanned.back(), scanned[32]);
}

TEST(KsmTunerTest, It_is_asked_when_it_wants_to_be_and_sees_what_was_merged) {
  std::vector<ModelTime> looks;
  KsmView last;
  simulate([&](const KsmView& view, ModelTime now) {
    looks.push_back(now);
    last = view;
    return KsmOrder{true, 1000, 10ms, 70ms};
  });
  ASSERT_GT(looks.size(), 100U);
  for (std::size_t i = 2; i < looks.size(); ++i) EXPECT_LE(looks[i] - looks[i - 1], 70ms);
  EXPECT_TRUE(last.running);
  EXPECT_EQ(last.knobs.pages_to_scan, 1000U);
  EXPECT_EQ(last.guests, Bytes(2000 * kPageSize));
  EXPECT_EQ(last.counters.pages_sharing + last.counters.pages_shared, 2000U);
  EXPECT_NEAR(last.ksmd_cpu.count(), 1000.0 * static_cast<double>(last.scanned.count()), 1);
}

}  // namespace
}  // namespace brim::share::model
