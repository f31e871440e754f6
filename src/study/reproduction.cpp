// SPDX-License-Identifier: Apache-2.0
#include "study/reproduction.h"

#include "base/bezier.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

namespace brim::study {
namespace {

using nlohmann::json;
using report::Cell;
using report::Section;
using report::Table;
using report::Unit;

constexpr std::string_view kReproductionSchema = "brim.reproduce/1";

json cell_json(const PublishedCell& cell, const SeriesByRun& runs) {
  const Settings& settings = cell.settings;
  json out = json::object();
  for (const char* key :
       {"table", "row", "column", "unit", "role", "error_kind", "place", "uncertain"})
    out[key] = settings.get<std::string>(key);
  const double published = settings.get<double>("published");
  out["published"] = published;
  const auto ours = figure_of(cell.ours, runs);
  out["ours"] = ours ? json(ours->value) : json();
  out["n"] = ours ? ours->n : 0;
  out["error"] = json();
  if (!ours) return out;
  const double difference = ours->value - published;
  if (settings.get<std::string>("error_kind") == "points")
    out["error"] = difference;
  else if (published != 0)
    out["error"] = 100 * difference / published;
  return out;
}

json claim_json(const PublishedClaim& claim, const SeriesByRun& runs, Provenance of_runs) {
  const ClaimVerdict verdict = judge(claim, runs, of_runs);
  return {{"id", claim.settings.get<std::string>("id")},
          {"text", claim.settings.get<std::string>("text")},
          {"place", claim.settings.get<std::string>("place")},
          {"status", name_of(verdict.status)},
          {"evidence", verdict.evidence}};
}

json line_json(const TimeSeries& series, const std::string& label, double divide) {
  json line = {{"label", label}, {"t_seconds", json::array()}, {"values", json::array()}};
  for (const TimedSummary& value : series.values) {
    line["t_seconds"].push_back(value.t_seconds);
    line["values"].push_back(value.summary.mean / divide);
  }
  return line;
}

// Null where none of its runs was made.
json figure_json(const PublishedFigure& figure, const SeriesByRun& runs,
                 const LabelsByRun& labels) {
  const Settings& settings = figure.settings;
  const auto& metric = settings.get<std::string>("metric");
  const auto divide = settings.get<double>("divide");
  json lines = json::array();
  const auto add = [&](const std::string& run, std::uint32_t point, const std::string& label) {
    const auto found = runs.find(run);
    if (found == runs.end()) return;
    const TimeSeries* series = find_series(found->second, metric, "", point);
    if (series != nullptr) lines.push_back(line_json(*series, label, divide));
  };
  for (const std::string& run : figure.runs)
    add(run, static_cast<std::uint32_t>(settings.get<std::uint64_t>("point")), run);
  const auto& run = settings.get<std::string>("run");
  if (const auto named = labels.find(run); named != labels.end())
    for (const std::string& label : named->second)
      add(run, static_cast<std::uint32_t>(&label - named->second.data()),
          label.empty() ? run : label);
  if (lines.empty()) return {};
  json out = {{"lines", std::move(lines)}};
  for (const char* key : {"id", "title", "metric", "unit", "smooth"})
    out[key] = settings.get<std::string>(key);
  const std::chrono::duration<double> until = settings.get<std::chrono::nanoseconds>("until");
  out["until_seconds"] = until.count() == 0 ? json() : json(until.count());
  return out;
}

json summary_json(const json& cells, const json& claims) {
  std::uint64_t predictions = 0;
  double sum = 0;
  double most = 0;
  for (const json& cell : cells) {
    if (cell.at("role") != "prediction" || cell.at("error_kind") != "relative" ||
        cell.at("error").is_null())
      continue;
    const double error = std::abs(cell.at("error").get<double>());
    ++predictions;
    sum += error;
    most = std::max(most, error);
  }
  const auto count = [&claims](std::string_view status) {
    return std::count_if(claims.begin(), claims.end(),
                         [status](const json& claim) { return claim.at("status") == status; });
  };
  return {{"predictions", predictions},
          {"mean_abs_error", predictions == 0 ? 0 : sum / static_cast<double>(predictions)},
          {"max_abs_error", most},
          {"claims_held", count("held")},
          {"claims_failed", count("failed")},
          {"claims_total", claims.size()}};
}

Table table_of(const json& cells, const std::string& name) {
  Table table{"table_" + name,
              "Table " + name,
              "",
              {{"row", "row", Unit::none},
               {"column", "column", Unit::none},
               {"published", "published", Unit::none},
               {"ours", "ours", Unit::none},
               {"unit", "unit", Unit::none},
               {"error_percent", "error", Unit::percent},
               {"error_points", "off by", Unit::none},
               {"role", "role", Unit::none},
               {"n", "n", Unit::count}},
              {}};
  std::replace(table.id.begin(), table.id.end(), '.', '_');
  for (const json& cell : cells) {
    if (cell.at("table") != name) continue;
    const auto number = [&cell](const char* key) {
      return cell.at(key).is_null() ? Cell() : Cell(cell.at(key).get<double>());
    };
    const bool points = cell.at("error_kind") == "points";
    table.rows.push_back(
        {Cell(cell.at("row").get<std::string>()), Cell(cell.at("column").get<std::string>()),
         number("published"), number("ours"), Cell(cell.at("unit").get<std::string>()),
         points ? Cell() : number("error"), points ? number("error") : Cell(),
         Cell(cell.at("role").get<std::string>()), Cell(cell.at("n").get<std::uint64_t>())});
  }
  return table;
}

Section tables_section(const json& cells) {
  Section section{
      "tables",
      "Tables",
      {"Calibration: our figure was fitted to the published one. Prediction: it was not."},
      {},
      {},
      false};
  std::set<std::string> seen;
  for (const json& cell : cells) {
    const auto name = cell.at("table").get<std::string>();
    if (seen.insert(name).second) section.tables.push_back(table_of(cells, name));
  }
  return section;
}

// As the source drew it.
report::Series drawn(const json& line, const json& figure) {
  const auto x = line.at("t_seconds").get<std::vector<double>>();
  const auto y = line.at("values").get<std::vector<double>>();
  const json until = figure.value("until_seconds", json());
  std::vector<PlanePoint> points;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (until.is_null() || x[i] <= until.get<double>()) points.push_back({x[i], y[i]});
  if (figure.value("smooth", "none") == "bezier") points = bezier(points);
  report::Series series{line.at("label").get<std::string>(), {}, {}, {}};
  for (const PlanePoint& point : points) {
    series.x.push_back(point.x);
    series.y.push_back(point.y);
  }
  return series;
}

report::Chart chart_of(const json& figure) {
  report::Chart chart;
  const auto id = figure.at("id").get<std::string>();
  chart.id = "figure_" + id;
  std::replace(chart.id.begin(), chart.id.end(), '.', '_');
  chart.title = fmt::format("Figure {}: {}", id, figure.at("title").get<std::string>());
  chart.kind = report::ChartKind::line;
  chart.x_title = "time (s)";
  chart.y_title = figure.at("unit").get<std::string>();
  if (figure.value("smooth", "none") == "bezier")
    chart.note = "Smoothed by a Bezier curve, as published; the samples are in the JSON.";
  for (const json& line : figure.at("lines")) chart.series.push_back(drawn(line, figure));
  return chart;
}

Section figures_section(const json& figures) {
  Section section{
      "figures", "Figures", {"Our curves. The source prints its own without figures to read off."},
      {},        {},        false};
  for (const json& figure : figures) section.charts.push_back(chart_of(figure));
  return section;
}

Section claims_section(const json& claims) {
  Table table{"claims",
              "Claims",
              "",
              {{"id", "claim", Unit::none},
               {"status", "status", Unit::none},
               {"text", "text", Unit::none},
               {"place", "place", Unit::none}},
              {}};
  Table evidence{"evidence",
                 "What decided them",
                 "",
                 {{"id", "claim", Unit::none}, {"check", "check", Unit::none}},
                 {}};
  for (const json& claim : claims) {
    const auto text = [&claim](const char* key) { return Cell(claim.at(key).get<std::string>()); };
    table.rows.push_back({text("id"), text("status"), text("text"), text("place")});
    for (const json& check : claim.at("evidence"))
      evidence.rows.push_back({text("id"), Cell(check.get<std::string>())});
  }
  return {"claims", "Claims", {}, {std::move(table), std::move(evidence)}, {}, false};
}

}  // namespace

json reproduction_json(const PublishedStudy& study, const SeriesByRun& runs,
                       const LabelsByRun& labels, Provenance of_runs) {
  json cells = json::array();
  if (of_runs == Provenance::modelled)
    for (const PublishedCell& cell : study.cells) cells.push_back(cell_json(cell, runs));
  json claims = json::array();
  for (const PublishedClaim& claim : study.claims)
    claims.push_back(claim_json(claim, runs, of_runs));
  json figures = json::array();
  for (const PublishedFigure& figure : study.figures)
    if (json one = figure_json(figure, runs, labels); !one.is_null())
      figures.push_back(std::move(one));
  json summary = summary_json(cells, claims);
  return {{"schema", kReproductionSchema},  {"study", study.name},
          {"title", study.title},           {"source", study.source},
          {"cells", std::move(cells)},      {"claims", std::move(claims)},
          {"figures", std::move(figures)},  {"summary", std::move(summary)},
          {"provenance", name_of(of_runs)}, {"notes", json::array()},
          {"warnings", json::array()}};
}

bool all_claims_held(const json& reproduction) {
  return reproduction.at("summary").at("claims_failed").get<std::uint64_t>() == 0;
}

Result<report::Document> reproduction_document(const json& reproduction) {
  if (reproduction.value("schema", "") != kReproductionSchema)
    return fail(ErrorCode::bad_input,
                fmt::format("not a result of schema {}", kReproductionSchema));
  const json& summary = reproduction.at("summary");
  report::Document document;
  document.title = reproduction.at("title").get<std::string>();
  const bool live = reproduction.value("provenance", "") == name_of(Provenance::measured);
  document.provenance = live ? Provenance::measured : Provenance::modelled;
  document.json = reproduction;
  document.answer.push_back(fmt::format("Claims: {} held, {} failed, {} in all.",
                                        summary.at("claims_held").get<std::uint64_t>(),
                                        summary.at("claims_failed").get<std::uint64_t>(),
                                        summary.at("claims_total").get<std::uint64_t>()));
  if (!live)
    document.answer.push_back(fmt::format(
        "Predictions: {}, off by {:.1f} % on average and {:.1f} % at most.",
        summary.at("predictions").get<std::uint64_t>(), summary.at("mean_abs_error").get<double>(),
        summary.at("max_abs_error").get<double>()));
  document.answer.push_back("Source: " + reproduction.at("source").get<std::string>() + ".");
  for (const json& warning : reproduction.at("warnings"))
    document.warnings.push_back(warning.get<std::string>());
  if (const json notes = reproduction.value("notes", json::array()); !notes.empty())
    document.sections.push_back({"notes", "What stands for what", notes, {}, {}, false});
  if (!live) document.sections.push_back(tables_section(reproduction.at("cells")));
  if (const json figures = reproduction.value("figures", json::array()); !figures.empty())
    document.sections.push_back(figures_section(figures));
  document.sections.push_back(claims_section(reproduction.at("claims")));
  return document;
}

}  // namespace brim::study
