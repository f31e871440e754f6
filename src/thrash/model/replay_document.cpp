// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/replay_document.h"

#include "report/format.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

using nlohmann::json;
using report::Cell;
using report::Chart;
using report::Document;
using report::Section;
using report::Table;
using report::Unit;

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string counted(std::size_t count) {
  return report::format_number(std::uint64_t{count}, Unit::count);
}

json result_json(const ReplayFindings& findings, const ReplayResult& result) {
  return {
      {"policy", findings.policies[result.policy].words}, {"frames", result.frames},
      {"references", result.counts.references},           {"faults", result.counts.faults},
      {"cold_faults", result.counts.cold_faults},         {"writebacks", result.counts.writebacks}};
}

json curve_json(const Curve& curve) {
  json points = json::array();
  for (std::size_t i = 0; i < curve.frames.size(); ++i) {
    json point = {{"frames", curve.frames[i]}, {"miss_ratio", curve.miss_ratio[i]}};
    if (!curve.interval.empty())
      point["miss_ratio_interval"] = {curve.interval[i].low, curve.interval[i].high};
    points.push_back(std::move(point));
  }
  return {{"policy", curve.policy}, {"method", curve.method}, {"points", std::move(points)}};
}

json replay_json(const ReplayFindings& findings) {
  const auto writes = std::ranges::count_if(findings.trace.references, [](Reference reference) {
    return reference.access() == Access::write;
  });
  json whole = {{"schema", "brim.thrash_replay/1"},
                {"trace",
                 {{"file", findings.file},
                  {"format", findings.format},
                  {"references", findings.trace.references.size()},
                  {"pages", findings.trace.pages},
                  {"writes", writes}}},
                {"seed", findings.seed},
                {"results", json::array()},
                {"curves", json::array()}};
  for (const ReplayResult& result : findings.results)
    whole["results"].push_back(result_json(findings, result));
  for (const Curve& curve : findings.curves) whole["curves"].push_back(curve_json(curve));
  return whole;
}

Table results_table(const ReplayFindings& findings) {
  Table table{"results",
              "Faults",
              "Faults include first references, which no policy spares.",
              {{"policy", "policy", Unit::none},
               {"frames", "frames", Unit::count},
               {"faults", "faults", Unit::count},
               {"fault_percent", "of references", Unit::percent},
               {"cold_faults", "first references", Unit::count},
               {"writebacks", "written back", Unit::count}},
              {}};
  for (const ReplayResult& result : findings.results) {
    const ReplayCounts& counts = result.counts;
    table.rows.push_back({Cell(findings.policies[result.policy].words),
                          Cell(std::uint64_t{result.frames}), Cell(counts.faults),
                          Cell(percent(counts.faults, counts.references)), Cell(counts.cold_faults),
                          Cell(counts.writebacks)});
  }
  return table;
}

Chart curves_chart(const ReplayFindings& findings) {
  Chart chart;
  chart.id = "curves";
  chart.title = "Miss ratio by frames";
  chart.kind = report::ChartKind::line;
  chart.x_title = "frames";
  chart.x_logarithmic = true;
  chart.unit = Unit::percent;
  for (const Curve& curve : findings.curves) {
    report::Series line;
    line.name = curve.policy;
    for (std::size_t i = 0; i < curve.frames.size(); ++i) {
      line.x.push_back(static_cast<double>(curve.frames[i]));
      line.y.push_back(100 * curve.miss_ratio[i]);
      if (!curve.interval.empty())
        line.interval.push_back({100 * curve.interval[i].low, 100 * curve.interval[i].high});
    }
    chart.series.push_back(std::move(line));
  }
  return chart;
}

// "12.0 % of references fault at best (opt), 25.0 % at worst (fifo)": of the first number of
// frames.
std::string best_and_worst(const ReplayFindings& findings, std::size_t frames) {
  const ReplayResult* best = nullptr;
  const ReplayResult* worst = nullptr;
  for (const ReplayResult& result : findings.results) {
    if (result.frames != frames) continue;
    if (best == nullptr || result.counts.faults < best->counts.faults) best = &result;
    if (worst == nullptr || result.counts.faults > worst->counts.faults) worst = &result;
  }
  const auto share = [&](const ReplayResult& result) {
    return fmt::format("{:.2f} % ({})", percent(result.counts.faults, result.counts.references),
                       findings.policies[result.policy].words);
  };
  if (best == worst)
    return fmt::format("With {} frames {} of references fault.", counted(frames), share(*best));
  return fmt::format("With {} frames {} of references fault at best, {} at worst.", counted(frames),
                     share(*best), share(*worst));
}

}  // namespace

Document replay_document(const ReplayFindings& findings) {
  Document document;
  document.title = "Page replacement on a trace";
  document.provenance = Provenance::modelled;
  document.json = replay_json(findings);
  document.answer.push_back(fmt::format("{} references to {} pages.",
                                        counted(findings.trace.references.size()),
                                        counted(findings.trace.pages)));
  std::vector<std::size_t> told;
  for (const ReplayResult& result : findings.results) {
    if (std::ranges::find(told, result.frames) != told.end()) continue;
    told.push_back(result.frames);
    document.answer.push_back(best_and_worst(findings, result.frames));
  }
  if (!findings.results.empty())
    document.sections.push_back({"results", "Replays", {}, {results_table(findings)}, {}, false});
  if (!findings.curves.empty()) {
    Section section{"curves", "Miss-ratio curves", {}, {}, {curves_chart(findings)}, false};
    for (const Curve& curve : findings.curves)
      section.paragraphs.push_back(fmt::format("{}: {}.", curve.policy, curve.method));
    document.sections.push_back(std::move(section));
  }
  return document;
}

}  // namespace brim::thrash::model
