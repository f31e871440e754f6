// SPDX-License-Identifier: Apache-2.0
#include "report/chart_table.h"

#include "base/text.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace brim::report {
namespace {

Cell point(const Series& series, std::size_t i) {
  if (i >= series.y.size() || std::isnan(series.y[i])) return {};
  Cell cell(series.y[i]);
  if (i < series.interval.size()) cell.interval = series.interval[i];
  return cell;
}

std::string column_key(std::size_t i) { return fmt::format("series_{}", i + 1); }

void add_category_rows(const Chart& chart, Table& table) {
  table.columns.push_back({"category", chart.x_title});
  for (std::size_t s = 0; s < chart.series.size(); ++s) {
    const std::string& name = chart.series[s].name;
    table.columns.push_back(
        {column_key(s), name.empty() ? chart.y_title : name, chart.unit, chart.page_bytes});
  }
  for (std::size_t i = 0; i < chart.categories.size(); ++i) {
    std::vector<Cell> row = {Cell(chart.categories[i])};
    for (const Series& series : chart.series) row.push_back(point(series, i));
    table.rows.push_back(std::move(row));
  }
}

void add_heat_map_rows(const Chart& chart, Table& table) {
  table.columns.push_back({"row", chart.y_title});
  for (std::size_t i = 0; i < chart.categories.size(); ++i)
    table.columns.push_back({column_key(i), chart.categories[i], chart.unit, 0});
  for (const Series& series : chart.series) {
    std::vector<Cell> row = {Cell(series.name)};
    for (std::size_t i = 0; i < chart.categories.size(); ++i) row.push_back(point(series, i));
    table.rows.push_back(std::move(row));
  }
}

// Series need not share their x: a row for each x of any, in order. A series' x may repeat: its
// points then take rows of their own.
void add_line_rows(const Chart& chart, Table& table) {
  table.columns.push_back({"x", chart.x_title});
  for (std::size_t s = 0; s < chart.series.size(); ++s) {
    const std::string& name = chart.series[s].name;
    table.columns.push_back(
        {column_key(s), name.empty() ? chart.y_title : name, chart.unit, chart.page_bytes});
  }
  std::vector<std::vector<std::size_t>> order;
  for (const Series& series : chart.series) {
    std::vector<std::size_t> points;
    for (std::size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i)
      if (!std::isnan(series.x[i])) points.push_back(i);
    std::stable_sort(points.begin(), points.end(),
                     [&](std::size_t a, std::size_t b) { return series.x[a] < series.x[b]; });
    order.push_back(std::move(points));
  }
  std::vector<std::size_t> next(chart.series.size(), 0);
  while (true) {
    double least = INFINITY;
    bool any = false;
    for (std::size_t s = 0; s < next.size(); ++s) {
      if (next[s] == order[s].size()) continue;
      least = any ? std::min(least, chart.series[s].x[order[s][next[s]]])
                  : chart.series[s].x[order[s][next[s]]];
      any = true;
    }
    if (!any) return;
    std::vector<Cell> row = {Cell(least)};
    for (std::size_t s = 0; s < next.size(); ++s) {
      const bool here = next[s] < order[s].size() && chart.series[s].x[order[s][next[s]]] == least;
      row.push_back(here ? point(chart.series[s], order[s][next[s]++]) : Cell());
    }
    table.rows.push_back(std::move(row));
  }
}

void thin(Table& table, std::size_t limit) {
  const std::size_t all = table.rows.size();
  if (limit < 2 || all <= limit) return;
  std::vector<std::vector<Cell>> kept;
  for (std::size_t i = 0; i < limit; ++i)
    kept.push_back(std::move(table.rows[i * (all - 1) / (limit - 1)]));
  table.rows = std::move(kept);
  table.note = fmt::format("{} of {} rows, evenly spaced; the chart has them all.",
                           with_separators(limit), with_separators(all));
}

}  // namespace

Table chart_table(const Chart& chart, std::size_t row_limit) {
  Table table;
  table.id = chart.id;
  table.title = chart.title;
  switch (chart.kind) {
    case ChartKind::line:
      add_line_rows(chart, table);
      break;
    case ChartKind::heat_map:
      add_heat_map_rows(chart, table);
      break;
    case ChartKind::bar:
    case ChartKind::stacked_bar:
      add_category_rows(chart, table);
      break;
  }
  thin(table, row_limit);
  return table;
}

}  // namespace brim::report
