// SPDX-License-Identifier: Apache-2.0
#include "study/export.h"

#include "base/json_text.h"
#include "base/utf8.h"
#include "report/csv.h"
#include "study/metric.h"
#include "study/run_json.h"

#include <algorithm>
#include <array>
#include <functional>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace brim::study {
namespace {

using nlohmann::json;

bool is_repeatable(std::string_view metric) {
  const Metric* known = find_metric(metric);
  return known == nullptr || known->repeatable == Repeatable::yes;
}

// When a measured sample was taken is no more repeatable than how long a scan took; a model's clock
// is.
bool keeps_times(const Run& run, bool canonical) {
  return !canonical || run.info.provenance != Provenance::measured;
}

std::vector<Sample> canonical_samples(const Run& run) {
  std::vector<Sample> kept;
  for (const Sample& sample : run.samples) {
    if (!is_repeatable(sample.metric)) continue;
    kept.push_back(sample);
    if (!keeps_times(run, /*canonical=*/true)) kept.back().t_seconds = 0;
  }
  const auto key = [](const Sample& sample) {
    return std::tie(sample.point, sample.repeat, sample.t_seconds, sample.metric, sample.subject);
  };
  std::stable_sort(kept.begin(), kept.end(),
                   [&key](const Sample& a, const Sample& b) { return key(a) < key(b); });
  return kept;
}

// Drops every member of this value, at any depth, whose name `goes`. Recursion no deeper than the
// JSON parser allowed.
void drop_members(json& value, const std::function<bool(const std::string&)>& goes) {
  if (value.is_array())
    for (json& item : value) drop_members(item, goes);
  if (!value.is_object()) return;
  for (auto member = value.begin(); member != value.end();) {
    if (goes(member.key())) {
      member = value.erase(member);
    } else {
      drop_members(*member, goes);
      ++member;
    }
  }
}

bool names_an_unrepeatable_metric(const std::string& key) {
  return std::any_of(metrics().begin(), metrics().end(), [&key](const Metric& metric) {
    return metric.repeatable == Repeatable::no &&
           metric.name.substr(metric.name.find('.') + 1) == key;
  });
}

json canonical_result(json result, bool with_times) {
  static constexpr std::array<const char*, 8> kOfTheOccasion = {
      "host", "context", "cost", "run", "version", "started", "finished", "generated"};
  if (result.is_object())
    for (const char* name : kOfTheOccasion) result.erase(name);
  drop_members(result, [with_times](const std::string& key) {
    return names_an_unrepeatable_metric(key) || (!with_times && key.ends_with("_seconds"));
  });
  return result;
}

// fmt prints the shortest digits that read back to the same double.
std::string csv_number(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value + 0.0) : std::string();
}

std::string to_csv(const Run& run, const std::vector<Sample>& samples, bool canonical) {
  const bool with_times = keeps_times(run, canonical);
  std::string out = fmt::format("{}metric,unit,subject,point,repeat,{}value,low,high\r\n",
                                canonical ? "" : "run,", with_times ? "t_seconds," : "");
  for (const Sample& sample : samples) {
    if (!canonical) out += fmt::format("{},", run.info.id);
    // The total has no subject: an empty field, not the name "".
    const std::string subject = sample.subject.empty() ? "" : report::csv_field(sample.subject);
    out += fmt::format("{},{},{},{},{},", report::csv_field(sample.metric), unit_of(sample.metric),
                       subject, sample.point, sample.repeat);
    if (with_times) out += csv_number(sample.t_seconds) + ",";
    out += fmt::format("{},{},{}\r\n", csv_number(sample.value), csv_number(sample.low),
                       csv_number(sample.high));
  }
  return out;
}

json sample_json(const Sample& sample, bool with_times) {
  json out = {{"metric", valid_utf8(sample.metric)},
              {"unit", unit_of(sample.metric)},
              {"subject", valid_utf8(sample.subject)},
              {"point", sample.point},
              {"repeat", sample.repeat},
              {"value", json_number(sample.value)},
              {"low", sample.low ? json_number(*sample.low) : json(nullptr)},
              {"high", sample.high ? json_number(*sample.high) : json(nullptr)}};
  if (with_times) out["t_seconds"] = json_number(sample.t_seconds);
  return out;
}

std::string to_json(const Run& run, const std::vector<Sample>& samples, bool canonical) {
  const bool with_times = keeps_times(run, canonical);
  json result = parsed_or_null(run.result_json);
  json info = run_json(run.info);
  if (canonical) {
    result = canonical_result(std::move(result), with_times);
    info = {
        {"area", info["area"]}, {"command", info["command"]}, {"provenance", info["provenance"]}};
  }
  json list = json::array();
  for (const Sample& sample : samples) list.push_back(sample_json(sample, with_times));
  const json out = {{"schema", "brim.export/1"},
                    {"canonical", canonical},
                    {"run", std::move(info)},
                    {"samples", std::move(list)},
                    {"result", std::move(result)}};
  return json_text(out);
}

}  // namespace

std::string export_run(const Run& run, ExportFormat format, bool canonical) {
  const std::vector<Sample> samples = canonical ? canonical_samples(run) : run.samples;
  return format == ExportFormat::csv ? to_csv(run, samples, canonical)
                                     : to_json(run, samples, canonical);
}

}  // namespace brim::study
