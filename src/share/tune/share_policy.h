// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tuner of page sharing is to aim at, and within what bounds: one table of parameters,
// read from the [share] table of a policy file, from --set share.KEY=VALUE, and shown by `brim list
// parameters`.

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

namespace brim::share::tune {

enum class Goal : std::uint8_t {
  density,   // save memory wherever it is worth its processor time
  pressure,  // only while memory is short
};
[[nodiscard]] std::string_view name_of(Goal goal);

struct SharePolicy {
  Goal goal = Goal::density;
  double cpu_budget_percent = 0;  // of one processor, while ksmd scans
  double price_gib_s = 0;         // a processor second of ksmd must save so many GiB times seconds
  std::uint64_t most_pages_per_s = 0;  // 0: no limit but the budget
  double free_threshold_percent = 0;   // of all memory; less free than this is pressure
  Bytes free_threshold;                // at least so much
  double pressure_percent = 0;         // so much stalling (PSI, some, avg10) is pressure
  double burst_percent = 0;            // of what is saved, that guests may take back at once
  Bytes headroom;                      // kept free besides
  std::chrono::nanoseconds least_rest{0};
  std::chrono::nanoseconds pressure_hold{0};
  std::chrono::nanoseconds probe_interval{0};
  std::chrono::nanoseconds look_interval{0};
  bool smart_scan = true;
  bool use_advisor = false;
  double least_benefit_percent = 0;
  double huge_worth_percent = 0;
  std::vector<NameGroup> trust_groups;  // VMs that trust each other
};

[[nodiscard]] std::span<const study::Parameter> share_policy_parameters();

// What is said nowhere else, the defaults. `ksmtuned_conf`, the text of /etc/ksmtuned.conf or
// nothing, comes before them: its thresholds and limits, where it sets any.
struct PolicyText {
  std::string ksmtuned_conf;
  const study::ConfigNode* file = nullptr;  // the root of a policy file
  std::span<const std::string> sets;        // "share.goal=pressure"
};
[[nodiscard]] Result<SharePolicy> read_share_policy(const PolicyText& text);

// "web=web1,web2;db=db*". `bad_input` says what is wrong.
[[nodiscard]] Result<std::vector<NameGroup>> parse_trust_groups(std::string_view text);
// The first group that has the name; "" for none.
[[nodiscard]] std::string_view trust_group_of(const SharePolicy& policy, const std::string& name);

}  // namespace brim::share::tune
