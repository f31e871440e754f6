// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the thrash guard takes for thrashing, and within what bounds it acts: one table of
// parameters, read from the [thrash] table of a policy file, from --set thrash.KEY=VALUE, and shown
// by `brim list parameters`.

#include "base/name_groups.h"
#include "base/result.h"
#include "base/units.h"
#include "study/config.h"
#include "study/parameter.h"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::thrash::tune {

struct ThrashPolicy {
  // What thrashing is: all of it at once.
  double pressure_percent = 0;       // of the time, tasks wait for memory
  double least_read_back_per_s = 0;  // pages that had been evicted come back
  double most_progress_percent = 0;  // of the time that tasks could have run in user mode
  // What is done about it.
  double fill_percent = 0;  // of the memory, that a group may need
  double switch_worth = 0;  // a slice is so many times what bringing a group in took
  std::chrono::nanoseconds least_slice{0};
  std::chrono::nanoseconds shortest_slice{0};  // where waiting must be kept short
  std::chrono::nanoseconds most_wait{0};
  bool page_out = true;
  bool prefetch = true;
  bool keep_counted = true;
  // Who is meant.
  Bytes least_task;    // smaller ones are left alone
  Bytes least_shared;  // sharing less memory does not tie processes together
  bool link_process_groups = true;
  std::vector<std::string> protected_names;
  std::vector<std::string> interactive_names;
  std::vector<NameGroup> together;  // teams: tasks that wait for each other
  std::string scope;                // a cgroup; empty: the host and each cgroup with a limit
  std::chrono::nanoseconds look_interval{0};
};

[[nodiscard]] std::span<const study::Parameter> thrash_policy_parameters();

struct ThrashPolicyText {
  const study::ConfigNode* file = nullptr;  // the [thrash] table of a policy file
  std::span<const std::string> sets;        // "thrash.most_wait=10s"
};
[[nodiscard]] Result<ThrashPolicy> read_thrash_policy(const ThrashPolicyText& text);

// The first team that has the name; "" for none.
[[nodiscard]] std::string_view team_of(const ThrashPolicy& policy, const std::string& name);

}  // namespace brim::thrash::tune
