// SPDX-License-Identifier: Apache-2.0
#include "report/html_parts.h"

#include "base/printable.h"
#include "base/result.h"
#include "report/chart_table.h"
#include "report/escape.h"
#include "report/format.h"

#include <cmath>
#include <variant>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace brim::report {
namespace {

constexpr std::size_t kChartTableRows = 500;  // of a chart's numbers; export has every sample
constexpr std::size_t kTallRows = 30;         // a longer table scrolls under its headings

// What the script sorts a cell by: every digit of a number. Strings sort as they read.
std::string sort_attribute(const Cell& cell) {
  if (const auto* count = std::get_if<std::uint64_t>(&cell.value))
    return fmt::format(" data-v=\"{}\"", *count);
  if (const auto* truth = std::get_if<bool>(&cell.value))
    return fmt::format(" data-v=\"{}\"", *truth ? 1 : 0);
  const auto* real = std::get_if<double>(&cell.value);
  if (real == nullptr || std::isnan(*real)) return {};
  if (std::isinf(*real)) return *real > 0 ? " data-v=\"Infinity\"" : " data-v=\"-Infinity\"";
  return fmt::format(" data-v=\"{}\"", *real);
}

std::string hint_of(const Cell& cell, const Column& column) {
  const auto number = number_of(cell);
  if (!number || column.unit != Unit::pages) return {};
  const std::string hint = pages_hint(*number, column.page_bytes);
  return hint.empty() ? hint : fmt::format("<small>{}</small>", hint);
}

std::string html_cell(const Cell& cell, const Column& column, bool numeric, bool row_heading) {
  const std::string_view tag = row_heading ? "th scope=\"row\"" : "td";
  return fmt::format("<{}{}{}>{}{}</{}>", tag, numeric ? " class=\"n\"" : "", sort_attribute(cell),
                     html_escape(format_cell(cell, column.unit)), hint_of(cell, column),
                     tag.substr(0, 2));
}

std::string table_element(const Table& table) {
  std::vector<bool> numeric;
  std::string out =
      fmt::format("<table>\n<caption>{}</caption>\n<thead><tr>", html_escape(table.title));
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    numeric.push_back(is_numeric(table, i));
    out += fmt::format("<th scope=\"col\"{}>{}</th>", numeric[i] ? " class=\"n\"" : "",
                       html_escape(heading(table.columns[i])));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    BRIM_ASSERT(row.size() <= table.columns.size());
    out += "<tr>";
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      out += html_cell(i < row.size() ? row[i] : Cell(), table.columns[i], numeric[i],
                       i == 0 && !numeric[i]);
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>";
}

std::string scrolling_table(const Table& table) {
  return fmt::format(
      "<div class=\"scroll{}\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">\n{}\n</div>\n",
      table.rows.size() > kTallRows ? " tall" : "", html_escape("Table: " + table.title),
      table.rows.empty() ? "<p class=\"empty\">No rows.</p>" : table_element(table));
}

std::string note_of(const std::string& note) {
  return note.empty() ? "" : fmt::format("<p class=\"note\">{}</p>\n", html_escape(note));
}

std::string chart_label(const Chart& chart) {
  static constexpr std::string_view kFollows = "The numbers are in the table that follows.";
  switch (chart.kind) {
    case ChartKind::line:
      return fmt::format("Line chart: {}. {} over {}. {}", chart.title, chart.y_title,
                         chart.x_title, kFollows);
    case ChartKind::heat_map:
      return fmt::format("Heat map: {}. {} rows, {} columns. {}", chart.title, chart.series.size(),
                         chart.categories.size(), kFollows);
    case ChartKind::bar:
    case ChartKind::stacked_bar:
      return fmt::format("{}: {}. {} bars. {}",
                         chart.kind == ChartKind::bar ? "Bar chart" : "Stacked bar chart",
                         chart.title, chart.categories.size(), kFollows);
  }
  return chart.title;
}

}  // namespace

std::string html_table(const Table& table, std::string_view id) {
  return fmt::format("<figure class=\"table\" id=\"{}\">\n{}{}</figure>\n", id,
                     scrolling_table(table), note_of(table.note));
}

std::string html_chart(const Chart& chart, std::string_view id, std::size_t index) {
  const Table numbers = chart_table(chart, kChartTableRows);
  return fmt::format(
      "<figure class=\"chart\" id=\"{}\">\n<figcaption>{}</figcaption>\n"
      "<div class=\"plot-scroll\"><div class=\"plot\" data-chart=\"{}\" role=\"img\" "
      "aria-label=\"{}\"></div></div>\n"
      "<noscript><p class=\"note\">Drawing this chart needs JavaScript; its numbers are in the "
      "table below.</p></noscript>\n"
      "{}<details><summary>Numbers of this chart</summary>\n{}{}</details>\n</figure>\n",
      id, html_escape(chart.title), index, html_escape(chart_label(chart)), note_of(chart.note),
      scrolling_table(numbers), note_of(numbers.note));
}

nlohmann::json chart_data(const Chart& chart) {
  nlohmann::json categories = nlohmann::json::array();
  for (const std::string& category : chart.categories) categories.push_back(printable(category));
  nlohmann::json all = nlohmann::json::array();
  for (const Series& series : chart.series) {
    nlohmann::json low = nlohmann::json::array();
    nlohmann::json high = nlohmann::json::array();
    for (const Interval& interval : series.interval) {
      low.push_back(interval.low);
      high.push_back(interval.high);
    }
    all.push_back({{"name", printable(series.name)},
                   {"x", series.x},
                   {"y", series.y},
                   {"low", std::move(low)},
                   {"high", std::move(high)}});
  }
  return {{"title", printable(chart.title)},
          {"kind", name_of(chart.kind)},
          {"x_title", printable(chart.x_title)},
          {"x_logarithmic", chart.x_logarithmic},
          {"y_title", printable(chart.y_title)},
          {"unit", name_of(chart.unit)},
          {"page_bytes", chart.page_bytes},
          {"categories", std::move(categories)},
          {"series", std::move(all)}};
}

}  // namespace brim::report
