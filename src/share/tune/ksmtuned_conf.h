// SPDX-License-Identifier: Apache-2.0
#pragma once
// /etc/ksmtuned.conf, which the shell script ksmtuned sources: lines NAME=VALUE and comments. Only
// that much of the shell is understood; what else stands there is left out and told.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::share::tune {

struct KsmtunedConf {
  std::optional<std::int64_t> monitor_interval_s;  // KSM_MONITOR_INTERVAL
  std::optional<std::int64_t> sleep_ms;            // KSM_SLEEP_MSEC, of a host of 16 GiB
  std::optional<std::int64_t> pages_boost;         // KSM_NPAGES_BOOST
  std::optional<std::int64_t> pages_decay;         // KSM_NPAGES_DECAY, negative
  std::optional<std::int64_t> pages_min;           // KSM_NPAGES_MIN
  std::optional<std::int64_t> pages_max;           // KSM_NPAGES_MAX
  std::optional<std::int64_t> threshold_percent;   // KSM_THRES_COEF
  std::optional<std::int64_t> threshold_kib;       // KSM_THRES_CONST
  std::vector<std::string> left_out;               // "line 3: ...", for a warning
};

[[nodiscard]] KsmtunedConf parse_ksmtuned_conf(std::string_view text);

}  // namespace brim::share::tune
