// SPDX-License-Identifier: Apache-2.0
#include "study/export.h"

#include "base/json_text.h"
#include "base/utf8.h"
#include "study/metric.h"
#include "study/run_json.h"

#include <algorithm>
#include <array>
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

std::string_view unit_of(std::string_view metric) {
  const Metric* known = find_metric(metric);
  return known == nullptr ? std::string_view() : known->unit;
}

std::vector<Sample> canonical_samples(const std::vector<Sample>& samples) {
  std::vector<Sample> kept;
  for (const Sample& sample : samples)
    if (is_repeatable(sample.metric)) kept.push_back(sample);
  const auto key = [](const Sample& sample) {
    return std::tie(sample.point, sample.repeat, sample.t_seconds, sample.metric, sample.subject);
  };
  std::stable_sort(kept.begin(), kept.end(),
                   [&key](const Sample& a, const Sample& b) { return key(a) < key(b); });
  return kept;
}

// Recursion no deeper than the JSON parser allowed.
void drop_unrepeatable(json& value) {
  if (value.is_array())
    for (json& item : value) drop_unrepeatable(item);
  if (!value.is_object()) return;
  for (auto member = value.begin(); member != value.end();) {
    const bool dropped =
        std::any_of(metrics().begin(), metrics().end(), [&member](const Metric& metric) {
          return metric.repeatable == Repeatable::no &&
                 metric.name.substr(metric.name.find('.') + 1) == member.key();
        });
    if (dropped) {
      member = value.erase(member);
    } else {
      drop_unrepeatable(*member);
      ++member;
    }
  }
}

json canonical_result(json result) {
  static constexpr std::array<const char*, 8> kOfTheOccasion = {
      "host", "context", "cost", "run", "version", "started", "finished", "generated"};
  if (result.is_object())
    for (const char* name : kOfTheOccasion) result.erase(name);
  drop_unrepeatable(result);
  return result;
}

std::string csv_field(const std::string& text) {
  const std::string valid = valid_utf8(text);
  if (valid.find_first_of(",\"\r\n") == std::string::npos) return valid;
  std::string quoted = "\"";
  for (const char c : valid) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

// fmt prints the shortest digits that read back to the same double.
std::string csv_number(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value + 0.0) : std::string();
}

std::string to_csv(const Run& run, const std::vector<Sample>& samples, bool canonical) {
  std::string out = canonical ? "" : "run,";
  out += "metric,unit,subject,point,repeat,t_seconds,value,low,high\r\n";
  for (const Sample& sample : samples) {
    if (!canonical) out += fmt::format("{},", run.info.id);
    out += fmt::format("{},{},{},{},{},{},{},{},{}\r\n", csv_field(sample.metric),
                       unit_of(sample.metric), csv_field(sample.subject), sample.point,
                       sample.repeat, csv_number(sample.t_seconds), csv_number(sample.value),
                       csv_number(sample.low), csv_number(sample.high));
  }
  return out;
}

json sample_json(const Sample& sample) {
  return {{"metric", valid_utf8(sample.metric)},
          {"unit", unit_of(sample.metric)},
          {"subject", valid_utf8(sample.subject)},
          {"point", sample.point},
          {"repeat", sample.repeat},
          {"t_seconds", json_number(sample.t_seconds)},
          {"value", json_number(sample.value)},
          {"low", sample.low ? json_number(*sample.low) : json(nullptr)},
          {"high", sample.high ? json_number(*sample.high) : json(nullptr)}};
}

std::string to_json(const Run& run, const std::vector<Sample>& samples, bool canonical) {
  json result = parsed_or_null(run.result_json);
  if (canonical) result = canonical_result(std::move(result));
  json info = run_json(run.info);
  if (canonical)
    info = {
        {"area", info["area"]}, {"command", info["command"]}, {"provenance", info["provenance"]}};
  json list = json::array();
  for (const Sample& sample : samples) list.push_back(sample_json(sample));
  const json out = {{"schema", "brim.export/1"},
                    {"canonical", canonical},
                    {"run", std::move(info)},
                    {"samples", std::move(list)},
                    {"result", std::move(result)}};
  return json_text(out);
}

}  // namespace

std::string export_run(const Run& run, ExportFormat format, bool canonical) {
  const std::vector<Sample> samples = canonical ? canonical_samples(run.samples) : run.samples;
  return format == ExportFormat::csv ? to_csv(run, samples, canonical)
                                     : to_json(run, samples, canonical);
}

}  // namespace brim::study
