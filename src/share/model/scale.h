// SPDX-License-Identifier: Apache-2.0
#pragma once
// From settings of a scenario to what is simulated, at study.scale: sizes and rates of pages are
// that much smaller, times and shares stay. Live a study may go faster besides (live.speed): then
// batches are that much larger, and intervals shorter.

#include "share/model/mechanism.h"
#include "study/parameter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace brim::share::model {

class Scale {
 public:
  explicit Scale(double factor, double speed = 1) : factor_(factor), speed_(speed) {}
  [[nodiscard]] Pages pages(const study::Settings& settings, std::string_view key) const {
    return Pages(times(settings.get<Bytes>(key).count()) / kPageSize);
  }
  [[nodiscard]] Bytes bytes(const study::Settings& settings, std::string_view key) const {
    return Bytes(times(settings.get<Bytes>(key).count()));
  }
  // A number of pages a batch: none becomes none.
  [[nodiscard]] std::uint64_t batch(const study::Settings& settings, std::string_view key) const {
    const auto whole = settings.get<std::uint64_t>(key);
    return whole == 0
               ? 0
               : std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(
                                                static_cast<double>(whole) * factor_ * speed_)));
  }
  [[nodiscard]] double rate(const study::Settings& settings, std::string_view key) const {
    return settings.get<double>(key) * factor_;
  }
  [[nodiscard]] ModelTime time(const study::Settings& settings, std::string_view key) const {
    return ModelTime(static_cast<std::int64_t>(
        times(static_cast<std::uint64_t>(settings.get<std::chrono::nanoseconds>(key).count()))));
  }
  [[nodiscard]] ModelTime interval(const study::Settings& settings, std::string_view key) const {
    return ModelTime(std::llround(
        static_cast<double>(settings.get<std::chrono::nanoseconds>(key).count()) / speed_));
  }
  // The same work on fewer pages takes as large a share of the processor.
  [[nodiscard]] CpuTime cost(const study::Settings& settings, std::string_view key) const {
    return CpuTime(settings.get<double>(key) / factor_);
  }
  [[nodiscard]] double factor() const { return factor_; }

 private:
  [[nodiscard]] std::uint64_t times(std::uint64_t value) const {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(value) * factor_));
  }
  double factor_;
  double speed_;
};

// The choice's place among its parameter's choices.
template <class Enum>
Enum chosen(const study::Settings& settings, std::string_view key) {
  const auto& value = settings.get<std::string>(key);
  const auto parameters = settings.parameters();
  const auto parameter =
      std::find_if(parameters.begin(), parameters.end(),
                   [key](const auto& candidate) { return candidate.key == key; });
  std::string_view choices = parameter->choices;
  for (std::uint8_t place = 0;; ++place) {
    const std::size_t comma = std::min(choices.find(','), choices.size());
    if (choices.substr(0, comma) == value) return static_cast<Enum>(place);
    BRIM_ASSERT(comma < choices.size());
    choices.remove_prefix(comma + 1);
  }
}

}  // namespace brim::share::model
