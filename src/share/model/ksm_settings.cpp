// SPDX-License-Identifier: Apache-2.0
#include "share/model/ksm_settings.h"

#include <algorithm>
#include <string>

namespace brim::share::model {

using std::chrono::nanoseconds;
using std::chrono::seconds;

std::optional<KsmAdvisorKnobs> ksm_advisor_of(const study::Settings& settings, const Scale& scale) {
  if (settings.get<std::string>("tuner") != "advisor") return std::nullopt;
  constexpr auto kLeast = seconds(1);  // the kernel's unit
  const nanoseconds target = scale.interval(settings, "advisor_target_scan_time");
  return KsmAdvisorKnobs{
      .target_scan_time = std::max(kLeast, std::chrono::duration_cast<seconds>(target)),
      .min_pages_to_scan = scale.batch(settings, "advisor_min_pages_to_scan"),
      .max_pages_to_scan = scale.batch(settings, "advisor_max_pages_to_scan"),
      .max_cpu = settings.get<std::uint64_t>("advisor_max_cpu")};
}

std::optional<KsmtunedKnobs> ksmtuned_of(const study::Settings& settings, const Scale& scale) {
  if (settings.get<std::string>("tuner") != "ksmtuned") return std::nullopt;
  return KsmtunedKnobs{
      .monitor_interval = scale.interval(settings, "monitor_interval"),
      .sleep = scale.time(settings, "tuned_sleep"),  // it grows as the host's memory shrinks
      .pages_boost = scale.batch(settings, "pages_boost"),
      .pages_decay = scale.batch(settings, "pages_decay"),
      .pages_min = scale.batch(settings, "pages_min"),
      .pages_max = scale.batch(settings, "pages_max"),
      .threshold_percent = settings.get<std::uint64_t>("threshold_percent")};
}

bool tuned_by_brim(const study::Settings& settings) {
  return settings.get<std::string>("tuner") == "brim";
}

}  // namespace brim::share::model
