// SPDX-License-Identifier: Apache-2.0
// Local replacement on this machine: one large consumer among small ones, which fit into a share of
// memory each, beside the same with all memory for all.
#include "thrash_fixture.h"

#include <set>

namespace brim::live {
namespace {

using testing::HasSubstr;

// Three of 8 MiB from 1, 1.5 and 2 s on, which touch a page each two seconds, and one of 120 MiB
// from 4.5 s on, in 100 MB. All run to the end.
constexpr std::string_view kUnequalScenario = R"(area = "thrash"
[schedule]
duration = "13s"
sample_interval = "1s"
[hardware]
memory = "100000000B"
swap = "disk"
swap_size = "192MiB"
[mechanism]
policy = "system"
[loads.small]
kind = "uniform"
memory = "8MiB"
accesses = 100
pause = "100ms"
fill = "incompressible"
[loads.large]
kind = "uniform"
memory = "120MiB"
accesses = 4000
pause = "10ms"
fill = "incompressible"
[live]
probe_memory = "512KiB"
[[guests]]
count = 3
load = "small"
settle = "500ms"
start_interval = "500ms"
run_for = "60s"
[[guests]]
count = 1
load = "large"
settle = "4s"
start_interval = "500ms"
run_for = "60s"
)";

class ThrashLocal : public ThrashLive {
 protected:
  struct Watched {
    json found;
    std::uint64_t small_faults = 0;  // major ones, of all three together
    std::uint64_t large_faults = 0;
    // Bytes that the part of each consumer had for a limit.
    std::vector<std::set<std::uint64_t>> limits = std::vector<std::set<std::uint64_t>>(4);

    [[nodiscard]] double killed() const {
      if (!found.is_object()) return 0;
      const auto values = values_of(found, "thrash.consumers_killed");
      return values.empty() ? 0 : values.back().second;
    }
    // Of the small ones, from 6 s on.
    [[nodiscard]] double small_accesses_per_s() const {
      double made = 0;
      double seconds = 0;
      for (int number = 1; number <= 3; ++number) {
        auto values = values_of(found, "thrash.accesses", "consumer " + std::to_string(number));
        std::erase_if(values, [](const auto& value) { return value.first < 6; });
        if (values.empty()) return 0;
        made += values.back().second - values.front().second;
        seconds = values.back().first - values.front().first;
      }
      return seconds > 0 ? made / seconds : 0;
    }
  };

  void SetUp() override {
    ThrashLive::SetUp();
    scratch_.write("study.toml", kUnequalScenario);
  }
  [[nodiscard]] std::uint64_t major_faults_of(const std::vector<int>& pids) const {
    std::uint64_t sum = 0;
    for (const int pid : pids)
      if (const auto process = host::Process::open(host_, pid))
        if (const auto stat = process->stat()) sum += stat->major_faults;
    return sum;
  }
  // Limits of parts, which only local replacement has.
  void look_at_limits(const BrimRun& run, Watched& watched) const {
    const auto places = host::group_places(
        host_, std::string(host::kLimitedGroupPrefix) + "thrash-" + std::to_string(run.pid()));
    const host::PartPlace& memory = (*places)[host::GroupPart::memory];
    for (std::size_t i = 0; i < watched.limits.size(); ++i) {
      const std::string limit = read_text(memory.folder + "/part-" + std::to_string(i + 1) +
                                          (memory.v2 ? "/memory.max" : "/memory.limit_in_bytes"));
      const std::uint64_t bytes = std::strtoull(limit.c_str(), nullptr, 10);
      // "max", and 2^63 less a page, are none.
      if (bytes > 0 && bytes < 1ULL << 40U) watched.limits[i].insert(bytes);
    }
  }
  [[nodiscard]] Watched watched_run(const std::vector<std::string>& sets) const {
    Watched watched;
    BrimRun run(*this, sets);
    std::vector<int> small;
    std::vector<int> large;
    while (run.running()) {
      if (small.size() < 3 || large.empty()) {
        small = run.processes("memory=8388608B");
        large = run.processes("memory=125829120B");
      }
      watched.small_faults = std::max(watched.small_faults, major_faults_of(small));
      watched.large_faults = std::max(watched.large_faults, major_faults_of(large));
      look_at_limits(run, watched);
      std::this_thread::sleep_for(100ms);
    }
    EXPECT_EQ(run.wait(), 0) << run.errors();
    EXPECT_EQ(left_of(run.pid()), "");
    watched.found = run.result();
    return watched;
  }
};

TEST_F(ThrashLocal, Who_fits_into_its_share_keeps_its_pages_and_the_large_one_thrashes_alone) {
  const Watched global = watched_run({});
  Watched local = watched_run({"mechanism.scope=local"});
  // As in run_in_which_nobody_is_killed().
  for (int tries = 1; local.killed() > 0 && tries < 3; ++tries)
    local = watched_run({"mechanism.scope=local"});
  ASSERT_TRUE(global.found.is_object() && local.found.is_object());
  std::printf(
      "faults of the three that fit: %lu global, %lu local; of the large one: %lu and %lu; "
      "accesses a second of the three: %.0f and %.0f; shares of %lu bytes\n",
      global.small_faults, local.small_faults, global.large_faults, local.large_faults,
      global.small_accesses_per_s(), local.small_accesses_per_s(),
      local.limits.back().empty() ? 0 : *local.limits.back().begin());
  EXPECT_EQ(local.killed(), 0);
  EXPECT_LT(local.small_faults, 100U);
  EXPECT_GT(local.large_faults, 10 * (local.small_faults + 30));
  EXPECT_GT(global.small_faults, 5 * local.small_faults + 100);
  EXPECT_GT(local.small_accesses_per_s(), global.small_accesses_per_s());
  EXPECT_THAT(local.found["notes"].dump(), HasSubstr("Replacement is local"));

  // The first had all of it, a half, a third and a quarter.
  for (const auto& limits : global.limits) EXPECT_TRUE(limits.empty());
  for (const auto& limits : local.limits) {
    ASSERT_FALSE(limits.empty());
    EXPECT_EQ(*limits.begin(), *local.limits.front().begin());
  }
  EXPECT_LT(*local.limits.front().begin(), 25'000'000U);
  EXPECT_GT(*local.limits.front().begin(), 20'000'000U);
  EXPECT_NEAR(static_cast<double>(*local.limits.front().rbegin()),
              4.0 * static_cast<double>(*local.limits.front().begin()), 4 * kPageSize);
  EXPECT_EQ(local.limits.back().size(), 1U) << "the large one came last";
}

}  // namespace
}  // namespace brim::live
