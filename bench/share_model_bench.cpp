// SPDX-License-Identifier: Apache-2.0
// How fast page sharing is simulated:
//   share_model_bench [--check] [--only ksm|mechanisms]
// ksm: eight guests of 2 GiB, 60 minutes under KSM at 5,000 pages a second, with nothing written
// and with every page's worth of writes each ten seconds. mechanisms: pages a second that each
// mechanism visits, where it does nothing else. One thread. --check: exit 1 when a floor is missed.

#include "base/cancel.h"
#include "ratios.h"
#include "share/model/host_simulation.h"
#include "share/model/share_area.h"
#include "study/built_in.h"

#include <array>
#include <ctime>
#include <string_view>

namespace brim::bench {
namespace {

using share::model::HostSample;
using share::model::HostSimulation;
using share::model::SimulationPlan;

Result<SimulationPlan> plan_of(const std::string& scenario) {
  const std::array<const study::Area*, 1> areas{&share::model::share_area()};
  BRIM_TRY(const study::Catalogue catalogue, study::open_catalogue(areas, {}));
  BRIM_TRY(const study::ScenarioFile file,
           study::ScenarioFile::parse(scenario, "bench.toml", catalogue, areas));
  return share::model::plan_simulation(file.base());
}

// Of this process.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Simulated {
  double seconds = 0;  // of a processor
  std::uint64_t visits = 0;
  std::uint64_t saved_pages = 0;
};

Result<Simulated> simulate(const std::string& scenario) {
  BRIM_TRY(const SimulationPlan plan, plan_of(scenario));
  HostSimulation simulation(plan.host, plan.guests, plan.mechanism, Rng(1));
  Simulated done;
  const double start = processor_seconds();
  BRIM_CHECK(simulation.run(
      plan.times, [&](const HostSample& sample) { done.visits = sample.work.visits; },
      [](double) {}, kNeverCancelled));
  done.seconds = processor_seconds() - start;
  done.saved_pages = simulation.memory().totals().saved_pages();
  return done;
}

// All of each guest's memory is there: what its system leaves, the load takes.
std::string ksm_hour(std::string_view write_rate) {
  return fmt::format(R"(area = "share"
[schedule]
duration = "60min"
sample_interval = "60s"
[hardware]
entry = "dell-r620"
memory = "24GiB"
[mechanism]
policy = "ksm"
pages_to_scan = 100
sleep = "20ms"
[loads.study]
entry = "veiga-linux"
positions = "algorithm"
size = "1860MiB"
write_rate = {}
[[guests]]
entry = "debian-7-kvm"
count = 8
load = "study"
)",
                     write_rate);
}

bool measure_ksm() {
  bool held = true;
  struct Row {
    std::string_view write_rate;
    double limit;
  };
  for (const Row& row : {Row{"0.0", 30}, Row{"1.0", 90}}) {
    const auto done = simulate(ksm_hour(row.write_rate));
    if (!done) {
      fmt::print("KSM, write rate {}: {}\n", row.write_rate, error_line(done.error()));
      return false;
    }
    held &= show(fmt::format("8 x 2 GiB, 60 min of KSM, write rate {}, s", row.write_rate),
                 done->seconds, Bound::at_most, row.limit);
    fmt::print("  {:.1f} million pages visited, {:.1f} million saved at the end\n",
               static_cast<double>(done->visits) / 1e6,
               static_cast<double>(done->saved_pages) / 1e6);
  }
  return held;
}

struct Mechanism {
  std::string_view name;
  std::string_view settings;  // keys of [mechanism], at a rate that leaves time for nothing else
};

// Those that come to pages where they are read from disk visit none: they are shown by guests'
// pages.
constexpr std::array kScanning = std::to_array<Mechanism>({
    {"KSM", "policy = \"ksm\"\npages_to_scan = 20_000"},
    {"KSM, smart_scan",
     "policy = \"ksm\"\npages_to_scan = 20_000\nsmart_scan = true\nchecksum_first = true"},
    {"TPS", "policy = \"tps\"\nshare_scan_time = \"1s\"\nshare_scan_ghz = 0"},
    {"plain CBPS", "policy = \"cbps\"\npages_per_s = 1_000_000"},
    {"Difference Engine",
     "policy = \"difference_engine\"\npages_per_s = 1_000_000\nsimilar = 0.3\ncompressible = 0.5"},
    {"page trimming", "policy = \"page_trimming\"\npages_per_s = 1_000_000"},
});

std::string mechanism_minute(std::string_view settings) {
  return fmt::format(R"(area = "share"
[schedule]
duration = "60s"
sample_interval = "60s"
[hardware]
memory = "24GiB"
visit_ns = 0
checksum_ns = 0
comparison_ns = 0
confirmation_ns = 0
merge_ns = 0
[mechanism]
{}
[loads.study]
kind = "synthetic"
size = "512MiB"
write_rate = 0.125
fill_rate = "1GiB"
[[guests]]
entry = "debian-7-kvm"
memory = "1GiB"
count = 4
load = "study"
)",
                     settings);
}

bool measure_mechanisms() {
  const auto nothing = simulate(mechanism_minute("policy = \"none\""));
  if (!nothing) {
    fmt::print("no mechanism: {}\n", error_line(nothing.error()));
    return false;
  }
  for (const Mechanism& mechanism : kScanning) {
    const auto done = simulate(mechanism_minute(mechanism.settings));
    if (!done) {
      fmt::print("{}: {}\n", mechanism.name, error_line(done.error()));
      return false;
    }
    const double scanning = std::max(1e-3, done->seconds - nothing->seconds);
    fmt::print("{:<52} {:8.2f}  million pages/s\n",
               fmt::format("{}, pages visited", mechanism.name),
               static_cast<double>(done->visits) / scanning / 1e6);
  }
  return true;
}

}  // namespace
}  // namespace brim::bench

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  bool check = false;
  std::string_view only;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--check") {
      check = true;
    } else if (argument == "--only" && i + 1 < argc) {
      only = argv[++i];
    } else {
      fmt::print(stderr, "unknown option; see the head of bench/share_model_bench.cpp\n");
      return 2;
    }
  }
  bool held = true;
  if (only.empty() || only == "ksm") held &= brim::bench::measure_ksm();
  if (only.empty() || only == "mechanisms") held &= brim::bench::measure_mechanisms();
  return check && !held ? 1 : 0;
}
