// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/replay_study.h"

#include "base/text.h"
#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

constexpr std::size_t kDecimals = 6;

// "2.5": 2,500,000. Whole numbers, so that rounding down is exact.
std::optional<std::uint64_t> millionths(std::string_view number) {
  const std::size_t point = number.find('.');
  std::string digits(number.substr(0, point));
  const std::string_view decimals = point == std::string_view::npos ? "" : number.substr(point + 1);
  if (decimals.size() > kDecimals || (point != std::string_view::npos && decimals.empty()))
    return std::nullopt;
  digits += decimals;
  digits.append(kDecimals - decimals.size(), '0');
  return parse_number(digits);
}

Result<FrameCount> parse_frame_count(std::string_view text) {
  const bool percent = text.ends_with('%');
  const auto number = percent ? millionths(text.substr(0, text.size() - 1)) : parse_number(text);
  if (!number || *number == 0 || (percent && *number > 100'000'000))
    return fail(ErrorCode::bad_input,
                fmt::format("'{}': expected a number of frames from 1, or a percentage of the "
                            "distinct pages above 0 and up to 100 (six decimals at most)",
                            text),
                "--frames");
  return percent ? FrameCount{.millionths_of_percent = *number} : FrameCount{.frames = *number};
}

}  // namespace

std::size_t FrameCount::of(std::size_t pages) const {
  if (frames != 0) return frames;
  return std::max<std::size_t>(1, pages * millionths_of_percent / 100'000'000);
}

Result<std::vector<FrameCount>> parse_frames(std::string_view list) {
  std::vector<FrameCount> counts;
  for (const std::string_view part : split(list, ',')) {
    BRIM_TRY(counts.emplace_back(), parse_frame_count(trim(part)));
  }
  return counts;
}

Result<std::vector<ReplayResult>> replay_all(const ReplayQuestion& question, Progress& progress,
                                             const Cancel& cancel) {
  std::vector<ReplayResult> results;
  for (std::size_t policy = 0; policy < question.policies.size(); ++policy)
    for (const FrameCount& count : question.frames)
      results.push_back({policy, count.of(question.trace.pages), {}});
  std::atomic<std::size_t> next{0};
  run_on_threads(question.threads, [&](unsigned) {
    for (std::size_t i = next++; i < results.size() && !cancel.requested(); i = next++) {
      const ChosenPolicy& chosen = question.policies[results[i].policy];
      results[i].counts = chosen.policy->replay({.trace = question.trace,
                                                 .frames = results[i].frames,
                                                 .rng = Rng(question.seed),
                                                 .cancel = cancel},
                                                chosen.settings);
      progress.advance(1);
    }
  });
  if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
  return results;
}

}  // namespace brim::thrash::model
