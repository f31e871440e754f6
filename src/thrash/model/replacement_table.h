// SPDX-License-Identifier: Apache-2.0
#pragma once
// All page-replacement policies, by name, with their parameters.

#include "base/rng.h"
#include "study/area.h"
#include "thrash/model/page_pool.h"
#include "thrash/model/replay.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::thrash::model {

// Faults for each number of frames at once, where an algorithm for that is known.
struct ExactCurve {
  std::vector<std::uint64_t> (*faults)(const PageTrace& trace, const Cancel& cancel) = nullptr;
  std::string_view method;
};

struct ReplacementPolicy {
  study::Family family;
  ReplayCounts (*replay)(const ReplayTask& task, const study::Settings& settings);
  // For a memory whose `table` outlives it. Null where a policy must know the future.
  std::unique_ptr<Replacement> (*make)(PageTable& table, std::size_t frames,
                                       const study::Settings& settings, const Rng& rng);
  ExactCurve exact_curve = {};
  // What a simulated machine must know (page_pool.h).
  bool every_hit = false;
  // The parameter that is a time, which has to be given there: the default is of references.
  std::string_view time = {};
};

// Sorted by name.
[[nodiscard]] std::span<const ReplacementPolicy> replacement_policies();
// Null: there is none.
[[nodiscard]] const ReplacementPolicy* find_policy(std::string_view name);

struct ChosenPolicy {
  const ReplacementPolicy* policy;
  study::Settings settings;
  std::string words;  // as asked for: "clock(reference_on_load=true)"
};

// "clock(reference_on_load=true)"; `where` is for the error.
[[nodiscard]] Result<ChosenPolicy> choose_policy(std::string_view text, const std::string& where);
// For a simulated machine, where times count nanoseconds. Errors: a policy that must know the
// future, or one whose time is not given; `where` is for the error.
[[nodiscard]] Result<PoolPolicy> pool_policy(ChosenPolicy chosen, const std::string& where);
// "lru,clock(reference_on_load=true)", or "all" with their defaults. bad_input names what is wrong
// and the nearest that is right.
[[nodiscard]] Result<std::vector<ChosenPolicy>> choose_policies(std::string_view list);

}  // namespace brim::thrash::model
