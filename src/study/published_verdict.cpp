// SPDX-License-Identifier: Apache-2.0
// Figures of runs as a published study asks for them, and what they decide.
#include "base/bezier.h"
#include "base/stats.h"
#include "study/published.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace brim::study {
namespace {

std::vector<std::string> parts_of(std::string_view sum) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t plus = std::min(sum.find('+'), sum.size());
    parts.emplace_back(sum.substr(0, plus));
    if (plus == sum.size()) return parts;
    sum.remove_prefix(plus + 1);
  }
}

const TimedSummary& at_time(const TimeSeries& series, double t) {
  return *std::min_element(series.values.begin(), series.values.end(),
                           [t](const auto& a, const auto& b) {
                             return std::abs(a.t_seconds - t) < std::abs(b.t_seconds - t);
                           });
}

double seconds_of(const Settings& settings, std::string_view key) {
  return std::chrono::duration<double>(settings.get<std::chrono::nanoseconds>(key)).count();
}

// The samples of a stretch of time.
std::vector<const TimedSummary*> within(const TimeSeries& series, const Settings& settings) {
  const double from = seconds_of(settings, "from");
  const double until = seconds_of(settings, "t");
  std::vector<const TimedSummary*> samples;
  for (const TimedSummary& value : series.values)
    if (value.t_seconds >= from && (until == 0 || value.t_seconds <= until))
      samples.push_back(&value);
  return samples;
}

// The highest place of a Bezier curve through them.
PlanePoint smooth_peak(const std::vector<const TimedSummary*>& samples) {
  std::vector<PlanePoint> points(samples.size());
  std::transform(samples.begin(), samples.end(), points.begin(), [](const TimedSummary* one) {
    return PlanePoint{one->t_seconds, one->summary.mean};
  });
  const auto curve = bezier(points);
  return *std::max_element(curve.begin(), curve.end(),
                           [](PlanePoint a, PlanePoint b) { return a.y < b.y; });
}

// Nothing where there are no samples.
std::optional<Figure> over_time(const TimeSeries& series, const Settings& settings) {
  const auto& statistic = settings.get<std::string>("statistic");
  const auto samples = within(series, settings);
  if (samples.empty()) return std::nullopt;
  std::size_t repeats = samples.front()->summary.n;
  std::vector<double> values(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Summary& summary = samples[i]->summary;
    repeats = std::min(repeats, summary.n);
    values[i] = statistic == "time_sd" ? summary.sample_sd : summary.mean;
  }
  if (statistic == "percentile")
    return Figure{percentile(std::move(values), settings.get<double>("percent")), repeats};
  if (statistic == "smooth_highest") return Figure{smooth_peak(samples).y, repeats};
  if (statistic == "smooth_time_of_highest") return Figure{smooth_peak(samples).x, repeats};
  return Figure{mean(values), repeats};
}

constexpr std::array<std::string_view, 5> kOverTime{
    "percentile", "smooth_highest", "smooth_time_of_highest", "time_mean", "time_sd"};

std::optional<Figure> figure_in(const TimeSeries& series, const Settings& settings) {
  const auto& statistic = settings.get<std::string>("statistic");
  if (std::find(kOverTime.begin(), kOverTime.end(), statistic) != kOverTime.end())
    return over_time(series, settings);
  const TimedSummary& at =
      statistic == "last" ? series.values.back() : at_time(series, seconds_of(settings, "t"));
  if (statistic == "mean" || statistic == "last") return Figure{at.summary.mean, at.summary.n};
  if (statistic == "sd") return Figure{at.summary.sample_sd, at.summary.n};
  const TimedSummary& highest = series.highest();
  return Figure{statistic == "highest" ? highest.summary.mean : highest.t_seconds,
                highest.summary.n};
}

// Sample by sample; nothing where one of them is not there.
std::optional<TimeSeries> sum_of(const std::vector<TimeSeries>& all, const std::string& metrics,
                                 std::uint32_t point) {
  std::optional<TimeSeries> sum;
  for (const std::string& metric : parts_of(metrics)) {
    const TimeSeries* series = find_series(all, metric, "", point);
    if (series == nullptr) return std::nullopt;
    if (!sum) {
      sum = *series;
      continue;
    }
    for (TimedSummary& at : sum->values) {
      const Summary& other = at_time(*series, at.t_seconds).summary;
      at.summary.mean += other.mean;
      at.summary.sample_sd += other.sample_sd;  // at most: they need not swing together
    }
  }
  return sum;
}

std::optional<Figure> figure_at(const std::vector<TimeSeries>& all, const Settings& settings,
                                std::uint32_t point) {
  const auto series = sum_of(all, settings.get<std::string>("metric"), point);
  if (!series) return std::nullopt;
  auto figure = figure_in(*series, settings);
  if (figure) figure->value /= settings.get<double>("divide");
  return figure;
}

// "thrash.user_cpu_percent+thrash.system_cpu_percent" as "user_cpu_percent+system_cpu_percent".
std::string short_names(const std::string& metrics) {
  std::vector<std::string> parts = parts_of(metrics);
  for (std::string& part : parts) part.erase(0, part.find('.') + 1);
  return fmt::format("{}", fmt::join(parts, "+"));
}

std::string words(const Selection& selection, const std::optional<Figure>& figure) {
  const Settings& settings = selection.settings;
  const std::string point = settings.get<bool>("any_point")
                                ? "any point"
                                : fmt::format("point {}", settings.get<std::uint64_t>("point"));
  const bool never = figure && figure->n == 0 && settings.get<double>("never") != 0;
  return fmt::format("{} {} {} {} {}", settings.get<std::string>("run"), point,
                     settings.get<std::string>("statistic"),
                     short_names(settings.get<std::string>("metric")),
                     never    ? "never"
                     : figure ? fmt::format("{:.4g}", figure->value)
                              : "missing");
}

bool holds(const Settings& check, double left, double right) {
  const auto& relation = check.get<std::string>("relation");
  const double by = check.get<double>("by");
  if (relation == "less") return left < right * (1 - by);
  if (relation == "more") return left > right * (1 + by);
  return std::abs(left - right) <= by * std::abs(right);
}

}  // namespace

std::optional<Figure> figure_of(const Selection& selection, const SeriesByRun& runs) {
  const Settings& settings = selection.settings;
  const auto run = runs.find(settings.get<std::string>("run"));
  if (run == runs.end()) return std::nullopt;
  if (!settings.get<bool>("any_point")) {
    const auto point = static_cast<std::uint32_t>(settings.get<std::uint64_t>("point"));
    const auto figure = figure_at(run->second, settings, point);
    const double never = settings.get<double>("never");
    return figure || never == 0 ? figure : std::optional(Figure{never, 0});
  }
  std::optional<Figure> greatest;
  const std::string first = parts_of(settings.get<std::string>("metric")).front();
  for (const TimeSeries& series : run->second) {
    if (series.metric != first || !series.subject.empty()) continue;
    const auto figure = figure_at(run->second, settings, series.point);
    if (figure && (!greatest || figure->value > greatest->value)) greatest = figure;
  }
  return greatest;
}

std::string_view name_of(ClaimStatus status) {
  switch (status) {
    case ClaimStatus::held:
      return "held";
    case ClaimStatus::failed:
      return "failed";
    case ClaimStatus::not_decidable:
      break;
  }
  return "not_decidable";
}

ClaimVerdict judge(const PublishedClaim& claim, const SeriesByRun& runs, Provenance of_runs) {
  const bool live = of_runs == Provenance::measured;
  ClaimVerdict verdict;
  for (const char* key : {"not_decidable", live ? "not_live" : "not_modelled"}) {
    const auto& why = claim.settings.get<std::string>(key);
    if (why.empty()) continue;
    verdict.evidence.push_back(why);
    return verdict;
  }
  verdict.status = ClaimStatus::held;
  for (const ClaimCheck& check : claim.checks) {
    const auto left = figure_of(check.left, runs);
    const auto right = check.right ? figure_of(*check.right, runs)
                                   : std::optional(Figure{check.settings.get<double>("value"), 0});
    const bool known = left && right;
    if (live && (!known || check.settings.get<bool>("not_live"))) continue;
    const bool held = known && holds(check.settings, left->value, right->value);
    verdict.evidence.push_back(fmt::format(
        "{} {} {}: {}", words(check.left, left), check.settings.get<std::string>("relation"),
        check.right ? words(*check.right, right) : fmt::format("{:g}", right->value),
        known ? (held ? "held" : "failed") : "not known"));
    if (!known && verdict.status == ClaimStatus::held) verdict.status = ClaimStatus::not_decidable;
    if (known && !held) verdict.status = ClaimStatus::failed;
  }
  if (verdict.evidence.empty()) {
    verdict.status = ClaimStatus::not_decidable;
    verdict.evidence.emplace_back("nothing of it can run live");
  }
  return verdict;
}

}  // namespace brim::study
