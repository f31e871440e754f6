// SPDX-License-Identifier: Apache-2.0
#include "report/sample/sample_document.h"

#include "base/rng.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace brim::report {
namespace {

const std::vector<std::string>& subjects() {
  static const std::vector<std::string> kNames = {"web-frontend-01", "web-frontend-02", "database",
                                                  std::string(kHostileName)};
  return kNames;
}

Chart potential_chart() {
  Chart chart;
  chart.id = "potential";
  chart.title = "What each VM's pages are";
  chart.kind = ChartKind::stacked_bar;
  chart.x_title = "subject";
  chart.y_title = "memory";
  chart.unit = Unit::pages;
  chart.categories = subjects();
  chart.series = {{"distinct", {}, {201342, 198776, 402187, 96021}, {}},
                  {"intra-VM saving", {}, {20481, 21077, 12034, 160993}, {}},
                  {"inter-VM saving", {}, {87230, 90121, 31009, 44100}, {}},
                  {"zero", {}, {215235, 214314, 79058, 223174}, {}}};
  chart.note = "Intra-VM: equal pages within one VM. Inter-VM: equal pages of different VMs.";
  return chart;
}

Chart causes_chart() {
  Chart chart;
  chart.id = "causes";
  chart.title = "Where the potential goes";
  chart.kind = ChartKind::bar;
  chart.x_title = "cause";
  chart.y_title = "pages not merged";
  chart.unit = Unit::pages;
  chart.categories = {"shared_mapping", "not_mergeable", "not_scanned_yet",
                      "changing",       "huge_page",     "max_page_sharing"};
  chart.series = {{"pages",
                   {},
                   {160993, 87230, 61200, 31009, 20480, 310},
                   {{158100, 163900},
                    {85000, 89400},
                    {57100, 65800},
                    {28900, 33400},
                    {20480, 20480},
                    {12, 940}}}};
  return chart;
}

Chart matrix(std::size_t size, bool wide) {
  Chart chart;
  chart.id = "matrix";
  chart.title = fmt::format("Sharing between {} subjects", size);
  chart.kind = ChartKind::heat_map;
  chart.unit = Unit::pages;
  Rng rng(7);
  for (std::size_t i = 0; i < size; ++i)
    chart.categories.push_back(
        size == subjects().size()
            ? subjects()[i]
            : fmt::format("customer-{:02}-application-server-{}.example.net", i, i % 3));
  for (std::size_t row = 0; row < size; ++row) {
    Series series;
    series.name = chart.categories[row];
    for (std::size_t column = 0; column < size; ++column) {
      const double exponent = 2 + static_cast<double>(rng.below(300)) / 100;
      const double alike = row % 3 == column % 3 ? 10 : 1;
      const bool none = wide && (row * 7 + column) % 11 == 0;
      const double value = wide ? std::floor(std::pow(10, exponent)) * alike
                                : 20000 + 9000 * static_cast<double>((row + column) % 4);
      series.y.push_back(none ? 0 : value);
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

Chart curves(std::size_t points, bool bands) {
  Chart chart;
  chart.id = "curves";
  chart.title = fmt::format("Memory over time, {} points", points);
  chart.kind = ChartKind::line;
  chart.x_title = "seconds";
  chart.y_title = "memory";
  chart.unit = Unit::bytes;
  Rng rng(11);
  const std::array<const char*, 3> names = {"potential", "merged", "host use"};
  for (std::size_t s = 0; s < names.size(); ++s) {
    Series series;
    series.name = names.at(s);
    for (std::size_t i = 0; i < points; ++i) {
      const double t = 600.0 * static_cast<double>(i) / static_cast<double>(points);
      const double rise = 1 - std::exp(-t / (60.0 + 80.0 * static_cast<double>(s)));
      const double noise = static_cast<double>(rng.below(1000)) / 20000;
      const double value = (0.4 + static_cast<double>(s) * 0.6 + rise + noise) * 1073741824.0;
      series.x.push_back(t);
      series.y.push_back(value);
      if (bands && s < 2) series.interval.push_back({value * 0.93, value * 1.08});
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

Table subjects_table() {
  Table table;
  table.id = "subjects";
  table.title = "Subjects";
  table.note = "Estimates from a sample of 1 % of the contents, with 95 % intervals.";
  table.columns = {{"name", "name"},
                   {"kind", "kind"},
                   {"used_pages", "used", Unit::pages},
                   {"zero_pages", "zero pages", Unit::pages},
                   {"intra_saving_pages", "intra-VM saving", Unit::pages},
                   {"efficiency_percent", "efficiency", Unit::percent},
                   {"rss_bytes", "resident", Unit::bytes},
                   {"mergeable", "mergeable"}};
  const std::vector<Interval> intervals = {{19800, 21162}, {15400, 18054}, {11600, 12962}, {0, 0}};
  for (std::size_t i = 0; i < subjects().size(); ++i) {
    const std::uint64_t used = 309053 + 31007 * i;
    Cell saving(20481.0 - 4100.0 * static_cast<double>(i), intervals[i]);
    if (i == 3) saving = Cell();
    table.rows.push_back({Cell(subjects()[i]), Cell(i == 2 ? "process" : "vm"), Cell(used),
                          Cell(std::uint64_t{215235}), saving,
                          Cell(37.25 / (1.0 + static_cast<double>(i))),
                          Cell(std::uint64_t{1} << (31 - i)), Cell(i != 2)});
  }
  return table;
}

Table groups_table() {
  Table table;
  table.id = "groups";
  table.title = "Largest groups of identical pages";
  table.columns = {{"hash", "content"},
                   {"copies", "copies", Unit::pages},
                   {"subjects", "in subjects", Unit::count},
                   {"pattern", "fill pattern"},
                   {"share_percent", "share of savings", Unit::percent}};
  for (std::uint64_t i = 0; i < 60; ++i)
    table.rows.push_back({Cell(fmt::format("{:016x}", (i + 1) * 0x9e3779b97f4a7c15ULL)),
                          Cell(std::uint64_t{90000} / (i + 1)), Cell(i % 4 + 1),
                          i % 5 == 0 ? Cell("0x00 to 0xff, repeated") : Cell(),
                          Cell(31.4 / static_cast<double>(i + 1))});
  return table;
}

Chart odd_chart(ChartKind kind, const char* id, std::vector<Series> series,
                std::vector<std::string> categories = {}) {
  Chart chart;
  chart.id = id;
  chart.title = id;
  chart.kind = kind;
  chart.series = std::move(series);
  chart.categories = std::move(categories);
  return chart;
}

}  // namespace

Document sample_document() {
  Document document;
  document.title = "Memory sharing: 4 VMs";
  document.answer = {
      "Your VMs hold 1.6 GiB of identical pages; 412 MiB of that is merged now (25 %).",
      "Most of the rest, 629 MiB, is in shared mappings (memfd, share=on), which KSM never merges.",
      fmt::format("The VM with the most to gain is {}.", kHostileName)};
  document.warnings = {
      "1,204 pages of database were swapped out and were not read.",
      fmt::format("{}: its memory could not be read a second time.", kHostileName)};
  document.context = {{"host", "kvm-07"},
                      {"kernel", "6.18.0-1-amd64"},
                      {"processor", "2 × Intel Xeon E5-2609, 8 cores"},
                      {"memory", "16.0 GiB"},
                      {"time", "2026-11-22T02:12:17Z"},
                      {"revision", "0.1.0 (3f8bac9)"},
                      {"options", "--vms --sample 1%"}};
  Section potential{"potential", "Potential", {}, {}, {}, false};
  potential.paragraphs = {
      "Of 1,017,504 used pages 898,326 are distinct. Keeping each content once would save 467,045 "
      "pages, 46 % of what is used."};
  potential.charts = {potential_chart()};
  potential.tables = {subjects_table()};
  Section causes{"causes", "Where the rest goes", {}, {}, {causes_chart()}, false};
  Section together{"matrix", "Who shares with whom", {}, {}, {matrix(4, false), matrix(30, true)},
                   false};
  Section time{"time", "Over time", {}, {}, {curves(120, true), curves(10000, false)}, false};
  Section groups{"groups", "Identical pages", {}, {groups_table()}, {}, true};
  document.sections = {potential, causes, together, time, groups};
  document.json = {{"schema_version", 1}, {"name", std::string(kHostileName)}};
  return document;
}

Document odd_document() {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Document document;
  document.title = "Odd charts";
  Section section{"", "", {}, {}, {}, false};
  for (const ChartKind kind :
       {ChartKind::line, ChartKind::bar, ChartKind::stacked_bar, ChartKind::heat_map}) {
    section.charts.push_back(odd_chart(kind, "no series", {}));
    section.charts.push_back(odd_chart(kind, "no points", {{"a", {}, {}, {}}}, {}));
    section.charts.push_back(
        odd_chart(kind, "zero", {{"a", {0, 1}, {0, 0}, {}}}, {"first", "second"}));
    section.charts.push_back(odd_chart(kind, "one value", {{"", {5}, {3}, {{1, 4}}}}, {"only"}));
    section.charts.push_back(odd_chart(kind, "not finite",
                                       {{"a", {0, 1, 2, kNan}, {kNan, kInfinity, -5, 2}, {}}},
                                       {"nan", "inf", "negative", "nan"}));
    section.charts.push_back(odd_chart(kind, "alike and short",
                                       {{"same", {0, 1}, {1}, {}},
                                        {"same", {0}, {1, 2}, {{0, 1}}},
                                        {"__proto__", {0, 1}, {1e300, 1e-300}, {}}},
                                       {"{a|b}", "{a|b}", "constructor"}));
  }
  std::vector<std::string> many;
  std::vector<double> values;
  for (int i = 0; i < 50; ++i) {
    many.push_back(fmt::format("subject number {} with a long name", i));
    values.push_back(i * i * 1000.0);
  }
  section.charts.push_back(odd_chart(ChartKind::heat_map, "50 × 50",
                                     std::vector<Series>(50, Series{"row", {}, values, {}}), many));
  section.charts.push_back(odd_chart(ChartKind::bar, "50 bars", {{"a", {}, values, {}}}, many));
  section.tables.push_back({"", "no rows", "", {{"a", "a"}}, {}});
  section.tables.push_back({"", "no columns", "", {}, {{}}});
  document.sections = {section};
  return document;
}

}  // namespace brim::report
