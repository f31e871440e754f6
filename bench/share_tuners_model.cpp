// SPDX-License-Identifier: Apache-2.0
// Who sets KSM best, in the model, and what nobody could do better:
//   share_tuners_model [--scale S] [--seeds N] [--only worlds|bound] [--tuner NAME]
//                      [--set share.KEY=VALUE]...
// Tuners take turns on the guests of the scenario share-tuners, and on others that write more, not
// at all, grow slowly, or have pages that are alike for a while only. A line a seed tells seconds
// to nine tenths of what can be saved, GiB times seconds saved a processor second of ksmd, the
// share of the possible, and ksmd's work. For share-tuners the least work that KSM's rules allow
// stands below (share_tuner_bound.h), and its schedules played by a ksmd that knows them. --set:
// brim's policy.

#include "base/cancel.h"
#include "base/stats.h"
#include "cli/simulated_tuner.h"
#include "share/model/host_simulation.h"
#include "share/model/share_area.h"
#include "share_tuner_bound.h"
#include "study/built_in.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace brim::bench {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using share::model::HostSample;
using share::model::HostSimulation;
using share::model::KsmOrder;
using share::model::KsmTuner;
using share::model::KsmView;
using share::model::ModelTime;
using share::model::SimulationPlan;

constexpr double kGib = 1024.0 * 1024 * 1024;

struct Options {
  double scale = 0.05;
  std::uint64_t seeds = 3;
  std::string only;
  std::string tuner;
  std::vector<std::string> policy;
};

struct World {
  std::string_view name;
  std::vector<std::string> sets;
};

std::vector<World> worlds() {
  return {
      {"as in share-tuners: 1/32 of the load rewritten each minute", {}},
      {"nothing rewritten", {"loads.synthetic.write_rate=0"}},
      {"1/8 rewritten each minute", {"loads.synthetic.write_rate=0.125"}},
      {"the loads grow at 2 MiB/s", {"loads.synthetic.fill_rate=2MiB"}},
      {"caches of 400 MiB, a tenth of them alike for a minute only",
       {"guests.0.page_cache_size=400MiB", "guests.0.page_cache_writes=short_lived",
        "guests.0.page_cache_written=0.1", "guests.0.page_cache_period=60s"}},
  };
}

struct Tuned {
  std::string_view name;
  std::vector<std::string> sets;
};

std::vector<Tuned> tuners() {
  return {{"fixed 100/20 ms", {"mechanism.pages_to_scan=100", "mechanism.sleep=20ms"}},
          {"fixed 1250/10 ms", {"mechanism.pages_to_scan=1250", "mechanism.sleep=10ms"}},
          {"fixed 5000/20 ms", {"mechanism.pages_to_scan=5000", "mechanism.sleep=20ms"}},
          {"ksmtuned, threshold 75 %", {"mechanism.tuner=ksmtuned"}},
          {"brim", {"mechanism.tuner=brim"}}};
}

Result<SimulationPlan> plan_of(const Options& options, const std::vector<std::string>& of_world,
                               const std::vector<std::string>& of_tuner) {
  const std::array<const study::Area*, 1> areas{&share::model::share_area()};
  BRIM_TRY(const study::Catalogue catalogue, study::open_catalogue(areas, {}));
  std::vector<study::Override> overrides;
  const auto add = [&](const std::string& text) -> Result<void> {
    BRIM_TRY(overrides.emplace_back(), study::parse_override(text));
    return {};
  };
  BRIM_CHECK(add(fmt::format("study.scale={}", options.scale)));
  for (const std::string& set : of_world) BRIM_CHECK(add(set));
  for (const std::string& set : of_tuner) BRIM_CHECK(add(set));
  BRIM_TRY(const study::ScenarioFile file,
           study::open_scenario("share-tuners", catalogue, areas, overrides));
  BRIM_TRY(SimulationPlan plan, share::model::plan_simulation(file.base()));
  plan.times.sample_interval = 5s;
  return plan;
}

// Goes round whenever it is told to, as fast as a processor allows.
class ScheduledTuner final : public KsmTuner {
 public:
  // When, and how often.
  struct Turn {
    ModelTime at;
    std::uint64_t scans;
  };
  explicit ScheduledTuner(std::vector<Turn> turns) : turns_(std::move(turns)) {}
  KsmOrder adjust(const KsmView& view, ModelTime now) override {
    constexpr std::uint64_t kAll = 1ULL << 40U;
    if (turn_ < turns_.size() && !until_ && now >= turns_[turn_].at)
      until_ = view.counters.full_scans + turns_[turn_].scans;
    if (until_ && view.counters.full_scans >= *until_) {
      until_.reset();
      ++turn_;
    }
    return {until_.has_value(), kAll, 1s, 500ms};
  }

 private:
  std::vector<Turn> turns_;
  std::size_t turn_ = 0;
  std::optional<std::uint64_t> until_;
};

struct Figures {
  std::optional<double> to_90_percent_s;
  double saved_gib_s = 0;
  double possible_gib_s = 0;
  double ksmd_s = 0;
  share::model::Work work;
  double copies = 0;

  [[nodiscard]] double ratio() const { return saved_gib_s / ksmd_s; }
  [[nodiscard]] double share() const { return 100 * saved_gib_s / possible_gib_s; }
};

// Saved and possible between two samples are as at the later.
Result<Figures> simulate(const SimulationPlan& plan, const Options& options, std::uint64_t seed,
                         std::unique_ptr<KsmTuner> tuner) {
  HostSimulation simulation(plan.host, plan.guests, plan.mechanism, Rng(seed));
  if (plan.ksmtuned) simulation.use_ksmtuned(*plan.ksmtuned);
  if (tuner) simulation.use_tuner(std::move(tuner));
  Figures figures;
  double before = 0;
  const auto sink = [&](const HostSample& sample) {
    const double at = std::chrono::duration<double>(sample.at).count();
    const auto potential = simulation.potential();
    const double gib = static_cast<double>(kPageSize) / kGib / options.scale;
    const double saved = static_cast<double>(sample.memory.saved_pages()) * gib;
    const double possible = static_cast<double>((potential.intra + potential.inter).count()) * gib;
    figures.saved_gib_s += saved * (at - before);
    figures.possible_gib_s += possible * (at - before);
    if (!figures.to_90_percent_s && at > 0 && saved >= 0.9 * possible && possible > 4)
      figures.to_90_percent_s = at;
    before = at;
    figures.work = sample.work;
    figures.copies = static_cast<double>(sample.memory.copies_on_write) / options.scale;
    figures.ksmd_s = plan.host.costs.of(sample.work).count() / 1e9;
  };
  BRIM_CHECK(simulation.run(
      plan.times, sink, [](double) {}, kNeverCancelled));
  return figures;
}

void show(std::string_view name, const Figures& figures, double scale) {
  const auto millions = [scale](std::uint64_t count) {
    return static_cast<double>(count) / scale / 1e6;
  };
  const std::string reached =
      figures.to_90_percent_s ? fmt::format("{:.0f}", *figures.to_90_percent_s) : "not reached";
  fmt::print("| {} | {} | {:.0f} | {:.0f} % | {:.1f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} |\n", name,
             reached, figures.ratio(), figures.share(), figures.ksmd_s,
             millions(figures.work.visits), millions(figures.work.checksums),
             millions(figures.work.comparisons), millions(figures.work.merges));
}

void show_head() {
  fmt::print(
      "| tuner | s to 90 % | GiB s saved a ksmd CPU-s | of the possible | ksmd CPU-s | million "
      "visits | checksums | comparisons | merges |\n|---|---|---|---|---|---|---|---|---|\n");
}

Result<void> show_world(const World& world, const Options& options) {
  fmt::print("\n{}\n\n", world.name);
  show_head();
  for (const Tuned& tuned : tuners()) {
    if (!options.tuner.empty() && options.tuner != tuned.name) continue;
    BRIM_TRY(const SimulationPlan plan, plan_of(options, world.sets, tuned.sets));
    Figures sum;
    for (std::uint64_t seed = 1; seed <= options.seeds; ++seed) {
      std::unique_ptr<KsmTuner> tuner;
      if (plan.tuned_by_brim) {
        BRIM_TRY(tuner, cli::make_simulated_tuner_with(options.scale, options.policy));
      }
      BRIM_TRY(sum, simulate(plan, options, seed, std::move(tuner)));
      show(tuned.name, sum, options.scale);
    }
  }
  return {};
}

// What of the guests' memory is the load, and what else merges or never does.
Result<RewrittenLoad> load_of(const SimulationPlan& plan, const Options& options) {
  HostSimulation simulation(plan.host, plan.guests, nullptr, Rng(1));
  BRIM_CHECK(simulation.run(
      plan.times, [](const HostSample&) {}, [](double) {}, kNeverCancelled));
  const auto potential = simulation.potential();
  RewrittenLoad load;
  for (const auto& guest : plan.guests) {
    load.pages += static_cast<double>(guest.load->pages.count()) / options.scale;
    load.writes +=
        std::floor(static_cast<double>(guest.load->pages.count()) * guest.load->write_rate) /
        options.scale;
  }
  const auto& shape = *plan.guests.front().load;
  load.cycle_s = std::chrono::duration<double>(shape.pause).count();
  load.cycles = static_cast<std::uint64_t>(plan.times.duration / shape.pause);
  const double saving = static_cast<double>((potential.intra + potential.inter).count());
  load.steady_pages = saving / options.scale - load.pages;
  load.unmergeable_pages =
      static_cast<double>(potential.used.count()) / options.scale - load.pages - load.steady_pages;
  return load;
}

share::model::Costs at_full_size(share::model::Costs costs, double scale) {
  for (auto* cost :
       {&costs.visit, &costs.checksum, &costs.comparison, &costs.confirmation, &costs.merge})
    *cost *= scale;
  return costs;
}

void show_bound(std::string_view name, const std::vector<SavingAtCost>& bound, double possible) {
  for (const double share : {0.70, 0.75, 0.80, 0.82, 0.85, 0.90, 0.95, 0.97}) {
    const double seconds = least_ksmd_s(bound, share * possible);
    fmt::print("| {} | {:.0f} % | {:.1f} | {:.0f} |\n", name, 100 * share, seconds,
               share * possible / seconds);
  }
}

Result<void> show_bounds(const Options& options) {
  BRIM_TRY(const SimulationPlan plan, plan_of(options, {}, {"mechanism.tuner=none"}));
  BRIM_TRY(const RewrittenLoad load, load_of(plan, options));
  const auto costs = at_full_size(plan.host.costs, options.scale);
  const double possible = possible_gib_s(load);
  fmt::print("\nThe least work for a saving, share-tuners\n\n");
  fmt::print(
      "| ksmd that | of the possible | ksmd CPU-s | GiB s saved a CPU-s |\n|---|---|---|---|\n");
  show_bound("goes to any page, knowing the future", bound_at_will(load, costs), possible);
  std::vector<SavingAtCost> round;
  const std::vector<Rounds> rounds = bound_going_round(load, costs);
  for (const Rounds& one : rounds) round.push_back(one.outcome);
  show_bound("goes round, at the best times", round, possible);
  fmt::print("\nThe best times, played\n\n");
  show_head();
  for (const Rounds& one : rounds) {
    std::vector<ScheduledTuner::Turn> turns;
    // The loads are there after five seconds, and write at once.
    for (const std::uint64_t cycle : one.after_cycles)
      turns.push_back({5s + cycle * 60s, cycle == 0 ? 2U : 1U});
    BRIM_TRY(const Figures figures,
             simulate(plan, options, 1, std::make_unique<ScheduledTuner>(std::move(turns))));
    show(fmt::format("{} rounds (bound: {:.0f} GiB s, {:.1f} s)", one.after_cycles.size() + 1,
                     one.outcome.saved_gib_s, one.outcome.ksmd_s),
         figures, options.scale);
  }
  return {};
}

Result<void> show_all(const Options& options) {
  if (options.only != "bound")
    for (const World& world : worlds()) BRIM_CHECK(show_world(world, options));
  if (options.only == "worlds") return {};
  return show_bounds(options);
}

}  // namespace
}  // namespace brim::bench

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  brim::bench::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--scale" && i + 1 < argc) {
      options.scale = std::atof(argv[++i]);
    } else if (argument == "--seeds" && i + 1 < argc) {
      options.seeds = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--only" && i + 1 < argc) {
      options.only = argv[++i];
    } else if (argument == "--tuner" && i + 1 < argc) {
      options.tuner = argv[++i];
    } else if (argument == "--set" && i + 1 < argc) {
      options.policy.emplace_back(argv[++i]);
    } else {
      fmt::print(stderr, "unknown option; see the head of bench/share_tuners_model.cpp\n");
      return 2;
    }
  }
  const auto done = brim::bench::show_all(options);
  if (!done) fmt::print(stderr, "{}\n", brim::error_line(done.error()));
  return done ? 0 : 1;
}
