// SPDX-License-Identifier: Apache-2.0
// Each mechanism as scenarios name it, in a simulated host: what it is told there is what its own
// rule needs.
#include "share/model/content_mix.h"
#include "share/model/host_simulation.h"
#include "share/model/satori.h"
#include "share/model/share_area.h"
#include "share/model/test_mechanisms.h"
#include "study/catalogue.h"

#include <array>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

constexpr std::uint64_t kKernel = 512;
constexpr std::uint64_t kLibraries = 256;
constexpr std::uint64_t kPageCache = 256;
constexpr std::uint64_t kHeap = 1536;
constexpr std::uint64_t kHeapCopies = 512;
constexpr std::uint64_t kZero = 128;
constexpr std::uint64_t kLoad = 1024;
constexpr std::uint64_t kOfGuest = kKernel + kLibraries + kPageCache + kHeap + kZero + kLoad;

struct SmallHost {
  std::string mechanism;      // keys of [mechanism]
  std::string guest = "";     // further keys of the guests
  std::string hardware = "";  // further keys of [hardware]
};

// Two guests; a third of the pages of each heap have a copy in it.
study::Scenario scenario_of(const SmallHost& world) {
  const std::string text = fmt::format(
      R"(area = "share"
[hardware]
memory = "64MiB"
{}
[mechanism]
{}
[loads.filled]
kind = "synthetic"
size = "4MiB"
fill_rate = "1MiB"
[[guests]]
count = 2
load = "filled"
memory = "16MiB"
family = "debian"
kernel_size = "2MiB"
libraries_size = "1MiB"
page_cache_size = "1MiB"
heap_size = "6MiB"
heap_distinct = "4MiB"
zero_size = "512KiB"
{}
)",
      world.hardware, world.mechanism, world.guest);
  const std::array<const study::Area*, 1> areas{&share_area()};
  auto file = study::ScenarioFile::parse(text, "s.toml", study::Catalogue(), areas);
  EXPECT_TRUE(file) << error_line(file.error());
  return file->base();
}

struct Outcome {
  std::vector<HostSample> samples;
  SimulatedMemory::Totals totals;
  SharingPotential potential;
  std::vector<double> entitlements;  // under Satori

  [[nodiscard]] const HostSample& last() const { return samples.back(); }
  [[nodiscard]] std::uint64_t saved() const { return totals.saved_pages(); }
};

Outcome simulate_world(const SmallHost& world, std::chrono::seconds duration = 60s) {
  const auto plan = plan_simulation(scenario_of(world));
  EXPECT_TRUE(plan) << error_line(plan.error());
  HostSimulation simulation(plan->host, plan->guests, plan->mechanism, Rng(1));
  if (plan->ksmtuned) simulation.use_ksmtuned(*plan->ksmtuned);
  Outcome outcome;
  const auto ran = simulation.run(
      {.warm_up = 10s, .duration = duration, .sample_interval = 5s},
      [&](const HostSample& sample) { outcome.samples.push_back(sample); }, [](double) {},
      kNeverCancelled);
  EXPECT_TRUE(ran);
  test::expect_sound(simulation.memory());
  outcome.totals = simulation.memory().totals();
  outcome.potential = simulation.potential();
  EXPECT_EQ(outcome.totals.present_pages(), 2 * kOfGuest);
  if (const auto* satori = dynamic_cast<const Satori*>(&simulation.mechanism()))
    outcome.entitlements = {satori->entitlement(0), satori->entitlement(1)};
  return outcome;
}

constexpr const char* kQuickKsm = "policy = \"ksm\"\npages_to_scan = 1000\nmax_page_sharing = 0";
constexpr const char* kQuickTps = "policy = \"tps\"\nshare_scan_time = \"5s\"\nshare_scan_ghz = 0";
constexpr const char* kQuickEngine = "policy = \"difference_engine\"\npages_per_s = 2000";

TEST(MechanismPlanTest, What_looks_for_equal_pages_comes_to_the_potential_and_none_to_nothing) {
  for (const char* mechanism :
       {kQuickKsm, kQuickTps, kQuickEngine, "policy = \"cbps\"\npages_per_s = 2000"}) {
    SCOPED_TRACE(mechanism);
    const Outcome outcome = simulate_world({mechanism});
    const SharingPotential& potential = outcome.potential;
    EXPECT_EQ(potential.intra.count(), 2 * (kHeapCopies + kLoad - 1));
    EXPECT_EQ(potential.inter.count(), kKernel + kLibraries + kPageCache + 1);
    EXPECT_EQ(outcome.saved(), potential.intra.count() + potential.inter.count() + 2 * kZero - 1);
  }
  EXPECT_EQ(simulate_world({"policy = \"none\""}).saved(), 0U);
}

TEST(MechanismPlanTest, The_file_cache_shares_files_that_guests_have_in_common_and_nothing_else) {
  EXPECT_EQ(simulate_world({"policy = \"file_cache\""}).saved(), kLibraries);
  EXPECT_EQ(simulate_world({"policy = \"file_cache\"\nfiles = \"all\""}).saved(),
            kLibraries + kPageCache);
}

TEST(MechanismPlanTest, Satori_shares_what_comes_from_disk_and_entitles_each_guest_to_half) {
  const Outcome outcome = simulate_world({"policy = \"satori\""});
  const std::uint64_t from_disk = kKernel + kLibraries + kPageCache;
  EXPECT_EQ(outcome.saved(), from_disk);
  EXPECT_EQ(outcome.last().work.visits, 0U) << "it scans nothing";
  ASSERT_EQ(outcome.entitlements.size(), 2U);
  EXPECT_DOUBLE_EQ(outcome.entitlements[0], static_cast<double>(from_disk) / 2);
  EXPECT_DOUBLE_EQ(outcome.entitlements[1], static_cast<double>(from_disk) / 2);
}

TEST(MechanismPlanTest, Sharing_that_lasts_shortly_is_found_on_the_way_from_disk_not_by_a_scan) {
  // Each second all guests read a quarter of their page cache anew, the same blocks.
  const std::string reads =
      "page_cache_writes = \"short_lived\"\npage_cache_written = 0.25\npage_cache_period = \"1s\"";
  const std::uint64_t still = kKernel + kLibraries;
  const auto of_the_cache = [&](const char* mechanism, std::uint64_t others) {
    const std::uint64_t saved = simulate_world({mechanism, reads}).saved();
    EXPECT_GE(saved, still + others);
    return saved - std::min(saved, still + others);
  };
  const std::uint64_t found = of_the_cache("policy = \"satori\"", 0);
  EXPECT_GT(found, kPageCache / 8);
  // A scan of ten seconds, which takes all else.
  const std::uint64_t scanned =
      of_the_cache("policy = \"ksm\"\npages_to_scan = 10\nmax_page_sharing = 0",
                   2 * kHeapCopies + 2 * kLoad - 1 + 2 * kZero - 1);
  EXPECT_LT(scanned, found / 4);
}

TEST(MechanismPlanTest, Trimming_takes_the_zero_pages_alone) {
  const Outcome outcome = simulate_world({"policy = \"page_trimming\"\npages_per_s = 2000"});
  EXPECT_EQ(outcome.saved(), 2 * kZero);
  EXPECT_EQ(outcome.totals.pages_on_zero_frame, 2 * kZero);
  EXPECT_EQ(outcome.totals.pages_on_shared_frames, 0U);
}

TEST(MechanismPlanTest, Large_pages_are_shared_once_memory_is_short_and_pshare_tells_it) {
  const std::string large = std::string(kQuickTps) + "\nlarge_pages = true";
  const Outcome roomy = simulate_world({large});
  EXPECT_EQ(roomy.last().work.breaks, 0U);
  // In the four whole large pages of each guest nothing is shared; there are no others.
  EXPECT_EQ(roomy.saved(), 0U);
  // The guests take 29 MiB of 64: short below nine tenths free.
  const Outcome tight = simulate_world({large, "", "pressure_below = 0.9"});
  EXPECT_GE(tight.last().work.breaks, 10U);
  EXPECT_EQ(tight.saved(), simulate_world({kQuickTps}).saved());
  ASSERT_TRUE(tight.last().pshare);
  EXPECT_EQ(tight.last().pshare->saving, tight.saved());
  EXPECT_EQ(tight.last().pshare->shared - tight.last().pshare->common, tight.last().pshare->saving);
}

TEST(MechanismPlanTest, Patches_and_compression_save_more_than_sharing_where_pages_are_left_alone) {
  const std::string alike = std::string(kQuickEngine) +
                            "\nsimilar = 0.5\nsimilar_contents = 8\npatch_size = \"512B\"\n"
                            "compressible = 0.5\ncompressed_size = \"1KiB\"";
  const Outcome sharing = simulate_world({kQuickEngine});
  const Outcome engine = simulate_world({alike});
  EXPECT_GT(engine.totals.patched_pages, 100U);
  EXPECT_GT(engine.totals.compressed_pages, 100U);
  EXPECT_LT(engine.last().ram.count(), sharing.last().ram.count() * 4 / 5);
  // Every page of all classes is in use.
  const Outcome used =
      simulate_world({alike,
                      "kernel_read = 1\nkernel_period = \"1s\"\nlibraries_read = 1\n"
                      "libraries_period = \"1s\"\npage_cache_read = 1\npage_cache_period = \"1s\"\n"
                      "heap_read = 1\nheap_period = \"1s\""});
  EXPECT_EQ(used.totals.patched_pages + used.totals.compressed_pages, 0U);
  EXPECT_EQ(used.saved(), sharing.saved()) << "what is only read is shared all the same";
}

TEST(MechanismPlanTest, The_advisor_sets_how_much_is_scanned_so_that_a_scan_takes_its_time) {
  // 9,984 pages in 5 s; at 0.1 ms each that is 20 % of a processor, above the advisor's least.
  const Outcome outcome =
      simulate_world({"policy = \"ksm\"\ntuner = \"advisor\"\nadvisor_target_scan_time = \"5s\"\n"
                      "advisor_min_pages_to_scan = 50\nmax_page_sharing = 0",
                      "", "visit_ns = 100_000"},
                     600s);
  EXPECT_NE(outcome.last().ksm_pages_to_scan, 100U) << "the knob's own default";
  const HostSample& half = outcome.samples[outcome.samples.size() / 2];
  const std::uint64_t scans = outcome.last().ksm->full_scans - half.ksm->full_scans;
  EXPECT_GE(scans, 40U);
  EXPECT_LE(scans, 90U);
}

TEST(MechanismPlanTest, Which_pages_come_first_in_tps_goes_by_what_guests_hold_in_them) {
  const auto early = [](const char* order) {
    // Half a scan: what comes first is shared, the rest not yet.
    return simulate_world(
               {std::string("policy = \"tps\"\nshare_scan_time = \"60s\"\n") +
                "share_scan_ghz = 0\nshare_at_allocation = false\nscan_order = \"" + order + "\""},
               5s)
        .saved();
  };
  EXPECT_GT(early("code_first"), 3 * early("random") / 2);
}

TEST(ContentMixTest, Shares_groups_and_sizes_are_those_asked_for) {
  const ContentMix mix({.similar = 0.3,
                        .similar_contents = 5,
                        .patch = Bytes(800),
                        .compressible = 0.6,
                        .compressed = Bytes(1000)},
                       10'000);
  std::map<SimilarityKey, int> groups;
  double patches = 0;
  double compressed = 0;
  int compressible = 0;
  int similar = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const Content content = content_of(5, i);
    if (const SimilarityKey key = mix.keys(content)[0]; key != kNoKey) {
      ++similar;
      ++groups[key];
      patches += static_cast<double>(mix.patch(content, content_of(5, i + 1)).count());
    }
    const Bytes size = mix.compressed(content);
    if (size == Bytes(kPageSize)) continue;
    ++compressible;
    compressed += static_cast<double>(size.count());
  }
  EXPECT_NEAR(similar, 3000, 200);
  EXPECT_NEAR(static_cast<double>(similar) / static_cast<double>(groups.size()), 5, 0.5);
  EXPECT_NEAR(patches / similar, 800, 40);
  EXPECT_NEAR(compressible, 6000, 250);
  EXPECT_NEAR(compressed / compressible, 1000, 40);
  EXPECT_EQ(mix.keys(kZeroContent), SimilarityKeys{});
}

}  // namespace
}  // namespace brim::share::model
