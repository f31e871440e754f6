// SPDX-License-Identifier: Apache-2.0
#include "share/model/host_simulation.h"

#include "share/model/share_area.h"
#include "share/model/tps.h"
#include "study/catalogue.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using testing::HasSubstr;

constexpr std::uint64_t kMib = 1 << 20;

// 16 GiB, as of ksmtuned's own worked settings.
TEST(KsmtunedTest, It_decides_as_the_script_does) {
  Ksmtuned tuner({}, Bytes(16384 * kMib));
  const auto adjust = [&](std::uint64_t free_mib, std::uint64_t committed_mib) {
    return tuner.adjust({.total = Bytes(16384 * kMib),
                         .free = Bytes(free_mib * kMib),
                         .committed = Bytes(committed_mib * kMib)});
  };
  // The threshold is 20 %: 3,276 MiB.
  EXPECT_FALSE(adjust(8000, 8000).run);
  const auto boosted = adjust(3000, 8000);
  EXPECT_TRUE(boosted.run);
  EXPECT_EQ(boosted.pages_to_scan, 300U);
  EXPECT_EQ(boosted.sleep, 10ms);
  for (int minute = 0; minute < 5; ++minute) (void)adjust(3000, 8000);
  EXPECT_EQ(adjust(3000, 8000).pages_to_scan, 1250U);
  EXPECT_EQ(adjust(4000, 15000).pages_to_scan, 1200U);  // enough free, but more than all promised
  for (int minute = 0; minute < 40; ++minute) (void)adjust(4000, 15000);
  EXPECT_EQ(adjust(4000, 15000).pages_to_scan, 64U);
}

TEST(KsmtunedTest, Smaller_hosts_sleep_longer_and_larger_ones_not_less_than_ten_milliseconds) {
  const auto sleep = [](std::uint64_t gib) {
    return Ksmtuned({}, Bytes(gib << 30))
        .adjust({.total = Bytes(gib << 30), .free = Bytes(0), .committed = Bytes(0)})
        .sleep;
  };
  EXPECT_EQ(sleep(4), 40ms);
  EXPECT_EQ(sleep(16), 10ms);
  EXPECT_EQ(sleep(256), 10ms);
}

GuestPlan plan(std::uint64_t load_pages, double write_rate) {
  GuestPlan guest;
  guest.shape.family = "debian";
  guest.shape.version = "12";
  guest.shape.memory = Pages(4000);
  guest.shape.classes[0] = {.pages = Pages(500), .scope = Scope::version};
  guest.shape.classes[3] = {.pages = Pages(300), .scope = Scope::instance};
  SyntheticShape load;
  load.pages = Pages(load_pages);
  load.write_rate = write_rate;
  load.fill_pages_per_s = 1000;
  guest.load = load;
  return guest;
}

HostShape host_of(std::uint64_t pages) {
  HostShape host;
  host.memory = Bytes(pages * kPageSize);
  host.cores = 2;
  host.overhead_per_guest = Bytes(100 * kPageSize);
  host.costs = {.visit = std::chrono::nanoseconds(100), .checksum = std::chrono::nanoseconds(1000)};
  return host;
}

MakeMechanism ksm(std::uint64_t pages_to_scan) {
  return [pages_to_scan](SimulatedMemory& memory, Rng) {
    return std::make_unique<Ksm>(memory, KsmKnobs{.pages_to_scan = pages_to_scan, .sleep = 20ms},
                                 Costs{});
  };
}

std::vector<HostSample> simulate(const MakeMechanism& mechanism, double write_rate,
                                 std::uint64_t seed = 1) {
  HostSimulation simulation(host_of(100'000), {plan(2000, write_rate), plan(2000, write_rate)},
                            mechanism, Rng(seed));
  std::vector<HostSample> samples;
  EXPECT_TRUE(simulation.run(
      {.warm_up = 10s, .duration = 60s, .sample_interval = 10s},
      [&](const HostSample& sample) { samples.push_back(sample); }, [](double) {},
      kNeverCancelled));
  const SharingPotential potential = simulation.potential();
  EXPECT_EQ(potential.used, Pages(2 * 2800));
  EXPECT_EQ(potential.minimum, Pages(500 + 2 * 300 + 1));
  EXPECT_EQ(potential.intra, Pages(2 * 1999));
  EXPECT_EQ(potential.inter, Pages(501));
  EXPECT_EQ(simulation.memory().totals().present_pages(), 5600U);
  return samples;
}

TEST(HostSimulationTest, Without_a_mechanism_every_page_has_its_frame) {
  const auto samples = simulate(nullptr, 0);
  ASSERT_EQ(samples.size(), 7U);
  EXPECT_EQ(samples.front().at, 0s);
  EXPECT_EQ(samples.front().ram, Bytes((2 * 800 + 200) * kPageSize));
  EXPECT_EQ(samples.back().ram, Bytes((2 * 2800 + 200) * kPageSize));
  EXPECT_EQ(samples.back().at, 60s);
  EXPECT_EQ(samples.back().memory.saved_pages(), 0U);
}

TEST(HostSimulationTest, With_nothing_written_sharing_comes_to_the_potential) {
  KsmKnobs knobs{.pages_to_scan = 1000, .sleep = 20ms, .max_page_sharing = KsmKnobs::kNoLimit};
  const auto unlimited = [knobs](SimulatedMemory& memory, Rng) {
    return std::make_unique<Ksm>(memory, knobs, Costs{});
  };
  EXPECT_EQ(simulate(unlimited, 0).back().memory.frames(), 500U + 2 * 300 + 1);
  const auto tps = [](SimulatedMemory& memory, Rng rng) {
    return std::make_unique<Tps>(memory, TpsKnobs{}, Costs{}, rng);
  };
  EXPECT_EQ(simulate(tps, 0).back().memory.frames(), 500U + 2 * 300 + 1);
}

TEST(HostSimulationTest, Writes_of_the_same_contents_cost_frames_all_the_same) {
  // 500 pages a second are visited, 400 written to.
  const auto quiet = simulate(ksm(10), 0).back();
  const auto busy = simulate(ksm(10), 1).back();
  EXPECT_GT(busy.memory.frames(), quiet.memory.frames() * 5 / 4);
  EXPECT_GT(busy.memory.copies_on_write, 0U);
  EXPECT_EQ(quiet.memory.copies_on_write, 0U);
}

TEST(HostSimulationTest, The_same_seed_gives_the_same_run_and_another_one_another) {
  const auto first = simulate(ksm(50), 0.5, 1);
  EXPECT_EQ(simulate(ksm(50), 0.5, 1).back().ram, first.back().ram);
  EXPECT_NE(simulate(ksm(50), 0.5, 2).back().memory.copies_on_write,
            first.back().memory.copies_on_write);
}

TEST(HostSimulationTest, Ksmtuned_waits_until_memory_is_short) {
  const auto frames_after = [](std::uint64_t host_pages) {
    HostSimulation simulation(host_of(host_pages), {plan(2000, 0), plan(2000, 0)}, ksm(1), Rng(1));
    simulation.use_ksmtuned({.sleep = 1us});  // for a host as small as this
    std::vector<HostSample> samples;
    EXPECT_TRUE(simulation.run(
        {.warm_up = 0s, .duration = 180s, .sample_interval = 60s},
        [&](const HostSample& sample) { samples.push_back(sample); }, [](double) {},
        kNeverCancelled));
    EXPECT_EQ(samples[1].work.visits, 0U) << "before its first look";
    return samples.back().memory.frames();
  };
  EXPECT_EQ(frames_after(100'000), 5600U);
  EXPECT_LT(frames_after(6000), 1500U);
}

TEST(HostSimulationTest, It_stops_when_asked_to) {
  HostSimulation simulation(host_of(100'000), {plan(10, 0)}, nullptr, Rng(1));
  Cancel cancel;
  const auto stopped = simulation.run(
      {.warm_up = 0s, .duration = 60s, .sample_interval = 1s},
      [&](const HostSample&) { cancel.request(); }, [](double) {}, cancel);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::interrupted);
}

Result<SimulationPlan> planned(const std::string& text) {
  const std::array<const study::Area*, 1> areas{&share_area()};
  const study::Catalogue catalogue;
  auto file = study::ScenarioFile::parse(text, "s.toml", catalogue, areas);
  if (!file) return fail(file.error());
  return plan_simulation(file->base());
}

TEST(SimulationPlanTest, A_smaller_scale_keeps_the_shape) {
  const std::string rest = R"(
[hardware]
memory = "16GiB"
visit_ns = 100
[mechanism]
policy = "ksm"
pages_to_scan = 1000
[loads.a]
kind = "synthetic"
size = "512MiB"
fill_rate = "64MiB"
[[guests]]
memory = "1GiB"
kernel_size = "64MiB"
load = "a"
)";
  const auto whole = planned("area = \"share\"" + rest);
  const auto tenth = planned("area = \"share\"\n[study]\nscale = 0.1" + rest);
  ASSERT_TRUE(whole && tenth);
  EXPECT_EQ(whole->guests[0].shape.memory, Pages(262'144));
  EXPECT_EQ(tenth->guests[0].shape.memory, Pages(26'214));
  EXPECT_EQ(tenth->guests[0].load->pages, Pages(13'107));
  EXPECT_NEAR(tenth->host.costs.visit.count(), 10 * whole->host.costs.visit.count(), 1e-6);
  EXPECT_NEAR(tenth->guests[0].load->fill_pages_per_s, 1638.4, 1);
}

TEST(SimulationPlanTest, What_does_not_fit_is_said) {
  const auto large = planned(
      "area = \"share\"\n[mechanism]\npolicy = \"none\"\n[[guests]]\nmemory = \"64MiB\"\n"
      "kernel_size = \"65MiB\"\n");
  ASSERT_FALSE(large);
  EXPECT_THAT(error_line(large.error()), HasSubstr("its classes take 65 MiB"));
  const auto load = planned(
      "area = \"share\"\n[mechanism]\npolicy = \"none\"\n[loads.a]\nkind = \"synthetic\"\n"
      "[[guests]]\nmemory = \"64MiB\"\nload = \"a\"\n");
  ASSERT_FALSE(load);
  EXPECT_THAT(error_line(load.error()), HasSubstr("its load takes 1024 MiB"));
}

}  // namespace
}  // namespace brim::share::model
