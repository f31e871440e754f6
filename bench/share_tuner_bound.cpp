// SPDX-License-Identifier: Apache-2.0
#include "share_tuner_bound.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace brim::bench {
namespace {

using share::model::Costs;

constexpr double kPageGib = static_cast<double>(kPageSize) / (1024.0 * 1024 * 1024);

double seconds_of(share::model::CpuTime time) { return time.count() / 1e9; }
double hashed_visit_s(const Costs& costs) { return seconds_of(costs.visit + costs.checksum); }
double merge_s(const Costs& costs) {
  return hashed_visit_s(costs) + seconds_of(2 * costs.confirmation + costs.merge);
}

// That a page is written in a cycle.
double written_share(const RewrittenLoad& load) {
  return 1 - std::pow(1 - 1 / load.pages, load.writes);
}

double never_written_again(const RewrittenLoad& load, std::uint64_t from) {
  return std::pow(1 - written_share(load), static_cast<double>(load.cycles - 1 - from));
}

double steady_gib_s(const RewrittenLoad& load) {
  return load.steady_pages * kPageGib * load.cycle_s * static_cast<double>(load.cycles);
}

// First looks, and merging what stays.
double base_s(const RewrittenLoad& load, const Costs& costs) {
  return load.steady_pages * (hashed_visit_s(costs) + merge_s(costs)) +
         load.unmergeable_pages * 2 * hashed_visit_s(costs);
}

// A number of pages merged for so many cycles each.
struct Spell {
  double pages;
  double cycles;
  double cost_s;  // of one
};

std::vector<Spell> spells_of(const RewrittenLoad& load, const Costs& costs) {
  std::vector<Spell> spells;
  const double written = written_share(load);
  for (std::uint64_t begin = 0; begin < load.cycles; ++begin) {
    // The first is of all pages, which were never looked at; others begin with a write.
    const double pages = load.pages * (begin == 0 ? 1 : written);
    const double cost = merge_s(costs) + (begin == 0 ? hashed_visit_s(costs) : 0);
    double left = 1;
    for (std::uint64_t end = begin + 1; end < load.cycles; ++end, left *= 1 - written)
      spells.push_back({pages * left * written, static_cast<double>(end - begin), cost});
    spells.push_back(
        {pages * never_written_again(load, begin), static_cast<double>(load.cycles - begin), cost});
  }
  return spells;
}

// For a price of a processor second: the best sum of saving less cost, from the last round back.
Rounds best_rounds(const RewrittenLoad& load, const Costs& costs, double price) {
  const std::uint64_t cycles = load.cycles;
  const double kept = 1 - written_share(load);
  const double pass_s = (load.pages + load.steady_pages) * seconds_of(costs.visit);
  const auto saved_until_next = [&](std::uint64_t from, std::uint64_t to) {
    double saved = 0;
    for (std::uint64_t i = 0; i < to - from; ++i)
      saved += load.pages * std::pow(kept, static_cast<double>(i)) * load.cycle_s * kPageGib;
    return saved;
  };
  const auto round_s = [&](std::uint64_t from, std::uint64_t to) {
    const double broken = load.pages * (1 - std::pow(kept, static_cast<double>(to - from)));
    return pass_s + broken * (merge_s(costs) - seconds_of(costs.visit));
  };
  std::vector<double> worth(cycles);
  std::vector<std::uint64_t> next(cycles);
  for (std::uint64_t from = cycles; from-- > 0;) {
    worth[from] = saved_until_next(from, cycles);
    next[from] = cycles;
    for (std::uint64_t to = from + 1; to < cycles; ++to) {
      const double sum = saved_until_next(from, to) - price * round_s(from, to) + worth[to];
      if (sum <= worth[from]) continue;
      worth[from] = sum;
      next[from] = to;
    }
  }
  Rounds rounds{{steady_gib_s(load),
                 base_s(load, costs) + load.pages * (hashed_visit_s(costs) + merge_s(costs))},
                {}};
  for (std::uint64_t at = 0; at < cycles; at = next[at]) {
    rounds.after_cycles.push_back(at);
    rounds.outcome.saved_gib_s += saved_until_next(at, next[at]);
    if (next[at] < cycles) rounds.outcome.ksmd_s += round_s(at, next[at]);
  }
  return rounds;
}

}  // namespace

double possible_gib_s(const RewrittenLoad& load) {
  return (load.pages + load.steady_pages) * kPageGib * load.cycle_s *
         static_cast<double>(load.cycles);
}

std::vector<SavingAtCost> bound_at_will(const RewrittenLoad& load, const Costs& costs) {
  std::vector<Spell> spells = spells_of(load, costs);
  std::sort(spells.begin(), spells.end(), [](const Spell& a, const Spell& b) {
    return a.cycles / a.cost_s > b.cycles / b.cost_s;
  });
  std::vector<SavingAtCost> bound{{steady_gib_s(load), base_s(load, costs)}};
  for (const Spell& spell : spells) {
    SavingAtCost next = bound.back();
    next.saved_gib_s += spell.pages * spell.cycles * load.cycle_s * kPageGib;
    next.ksmd_s += spell.pages * spell.cost_s;
    bound.push_back(next);
  }
  return bound;
}

std::vector<Rounds> bound_going_round(const RewrittenLoad& load, const Costs& costs) {
  constexpr double kDearest = 10'000;
  constexpr double kCheapest = 1;
  std::vector<Rounds> bound;
  for (double price = kDearest; price > kCheapest; price *= 0.9) {
    Rounds rounds = best_rounds(load, costs, price);
    if (bound.empty() || rounds.after_cycles != bound.back().after_cycles)
      bound.push_back(std::move(rounds));
  }
  return bound;
}

double least_ksmd_s(const std::vector<SavingAtCost>& bound, double saved_gib_s) {
  const auto above = std::find_if(
      bound.begin(), bound.end(),
      [saved_gib_s](const SavingAtCost& point) { return point.saved_gib_s >= saved_gib_s; });
  if (above == bound.end()) return std::numeric_limits<double>::infinity();
  if (above == bound.begin()) return above->ksmd_s * saved_gib_s / above->saved_gib_s;
  const SavingAtCost& below = *std::prev(above);
  const double part = (saved_gib_s - below.saved_gib_s) / (above->saved_gib_s - below.saved_gib_s);
  return below.ksmd_s + part * (above->ksmd_s - below.ksmd_s);
}

}  // namespace brim::bench
