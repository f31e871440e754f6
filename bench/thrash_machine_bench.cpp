// SPDX-License-Identifier: Apache-2.0
// What a run of the study of operating systems under thrashing costs on the simulated machine, by
// system and swap device, with Google Benchmark: 25 consumers of 100 MB, 10,000 writes each 100 ms,
// 30 s apart, 1,510 s of model time. Counters: model seconds a second, page transfers a second, and
// bytes of memory for each page that is simulated.

#include "study/built_in.h"
#include "study/scenario.h"
#include "thrash/model/machine.h"
#include "thrash/model/machine_from_scenario.h"

#include <array>
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>

namespace brim::bench {
namespace {

using namespace thrash::model;

constexpr auto kSystems = std::to_array<const char*>(
    {"freebsd-7", "linux-2.6.22", "linux-6", "linux-6-mglru", "opensolaris-2008.11", "windows-xp"});
constexpr auto kDevices = std::to_array<const char*>({"disk", "zram"});

SimulatedRun study_run(const std::string& system, const std::string& device) {
  static const std::array<const study::Area*, 1> areas{&thrash_area()};
  study::Catalogue catalogue;
  for (const study::BuiltInFile& file : study::built_in_files())
    if (file.path == "catalogue/thrash.toml")
      BRIM_ASSERT(catalogue.add(*study::parse_config(file.text, std::string(file.path)), areas)
                      .has_value());
  const std::string text = fmt::format(
      "area = \"thrash\"\n[schedule]\nduration = \"1510s\"\nsample_interval = \"1s\"\n"
      "[hardware]\nentry = \"santos-2009\"\nswap = \"{}\"\n[mechanism]\nentry = \"{}\"\n"
      "[loads.consumer]\nentry = \"santos\"\n[[guests]]\ncount = 25\nload = \"consumer\"\n",
      device, system);
  const auto file = study::ScenarioFile::parse(text, "study", catalogue, areas);
  BRIM_ASSERT(file.has_value());
  auto run = machine_from_scenario(file->base());
  BRIM_ASSERT(run.has_value());
  return std::move(*run);
}

std::size_t heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

void study_of_systems(benchmark::State& state) {
  const std::string system = kSystems.at(static_cast<std::size_t>(state.range(0)));
  const std::string device = kDevices.at(static_cast<std::size_t>(state.range(1)));
  state.SetLabel(system + " on " + device);
  const SimulatedRun run = study_run(system, device);
  double pages = 0;
  for (const ProcessPlan& process : run.machine.processes) pages += burst_of(process.pattern).pages;
  double transfers = 0;
  double bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    const std::size_t before = heap_bytes();
    const auto control = run.control.policy->make(run.controlled, run.control.settings);
    Machine machine(run.machine, Rng(1), control.get());
    machine.run(run.duration, [](const MachineSample&) {});
    bytes = static_cast<double>(heap_bytes() - before) / pages;
    const MemoryCounts& counts = machine.memory().counts();
    transfers += static_cast<double>(counts.pages_in + counts.pages_out);
  }
  using benchmark::Counter;
  const double seconds = std::chrono::duration<double>(run.duration).count();
  state.counters["model_s"] =
      Counter(seconds * static_cast<double>(state.iterations()), Counter::kIsRate);
  state.counters["transfers"] = Counter(transfers, Counter::kIsRate);
  state.counters["bytes_a_page"] = bytes;
}
BENCHMARK(study_of_systems)
    ->ArgsProduct({{0, 1, 2, 3, 4, 5}, {0, 1}})
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

}  // namespace
}  // namespace brim::bench

BENCHMARK_MAIN();
