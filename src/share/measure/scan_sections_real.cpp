// SPDX-License-Identifier: Apache-2.0
// The report's sections on what is really shared, and why no more is.
#include "base/units.h"
#include "share/measure/scan_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace brim::share {

using nlohmann::json;
using report::Cell;
using report::Chart;
using report::ChartKind;
using report::Section;
using report::Table;
using report::Unit;

namespace {

Table memory_table(const View& view) {
  Table table{"memory",
              "The kernel's own accounting",
              "From smaps, of the whole process before it was read: Pss divides a shared page "
              "among those who "
              "map it. For a VM it includes the emulator's own memory.",
              {{"name", "name", Unit::none},
               {"identified_by", "known by", Unit::none},
               {"rss_bytes", "Rss", Unit::bytes},
               {"pss_bytes", "Pss", Unit::bytes},
               {"ksm_bytes", "KSM", Unit::bytes},
               {"swap_bytes", "swap", Unit::bytes},
               {"anon_huge_bytes", "huge", Unit::bytes}},
              {}};
  for (const json& subject : view.first.at("subjects")) {
    const json memory = subject.value("memory", json(nullptr));
    if (memory.is_null()) continue;
    table.rows.push_back({cell(subject, "name"), cell(subject, "identified_by"),
                          cell(memory, "rss_bytes"), cell(memory, "pss_bytes"),
                          cell(memory, "ksm_bytes"), cell(memory, "swap_bytes"),
                          cell(memory, "anon_huge_bytes")});
  }
  return table;
}

Table real_table(const json& real) {
  struct Row {
    const char* key;
    const char* meaning;
  };
  static constexpr Row kRows[] = {
      {"merged_pages", "non-zero pages on a KSM frame"},
      {"ksm_frames", "distinct KSM frames behind them"},
      {"ksm_saved_pages", "saved by KSM (merged - frames)"},
      {"saved_pages", "saved in any way: KSM, fork, page cache, shared memory"},
      {"mergeable_saved_pages", "of these, in memory registered with KSM"},
      {"zero_merged_pages", "zero pages without a frame of their own (apart from the rest)"},
      {"outside_pages", "pages whose frame a process that was not scanned maps too"}};
  Table table{"real",
              "What is really shared now",
              "From page flags and mapping counts of the pages read.",
              {{"figure", "figure", Unit::none},
               {"pages", "pages", Unit::pages},
               {"meaning", "meaning", Unit::none}},
              {}};
  for (const Row& row : kRows)
    table.rows.push_back(
        {Cell(std::string(row.key)), cell(real, row.key), Cell(std::string(row.meaning))});
  return table;
}

}  // namespace

Section real_section(const View& view) {
  Section section{"real", "Real sharing", {}, {}, {}, false};
  if (view.scan.at("real").is_null()) {
    section.paragraphs.push_back(real_line(view));
  } else {
    section.tables.push_back(real_table(view.scan.at("real")));
    const json& efficiency = view.scan.at("efficiency_percent");
    if (efficiency.is_number())
      section.paragraphs.push_back(fmt::format(
          "Efficiency: {:.1f} % (pages saved in memory registered with KSM, of intra + inter).",
          efficiency.get<double>()));
  }
  Table memory = memory_table(view);
  if (!memory.rows.empty()) section.tables.push_back(std::move(memory));
  return section;
}

Section causes_section(const View& view) {
  Section section{"causes", "Where the rest goes", {}, {}, {}, false};
  const json& unrealized = view.scan.at("unrealized");
  section.paragraphs.push_back(
      "Every frame that duplicates another frame's content is put under the first cause that "
      "applies, "
      "in the order of this table; the causes add up to the unrealized potential.");
  Table table{"causes",
              "Unrealized potential by cause",
              "",
              {{"cause", "cause", Unit::none},
               {"pages", "pages", Unit::pages},
               {"percent", "share", Unit::percent},
               {"action", "what would free it", Unit::none}},
              {}};
  Chart chart{"causes_chart",
              "Unrealized potential by cause",
              ChartKind::bar,
              "cause",
              "memory",
              Unit::bytes,
              {},
              {{"unrealized", {}, {}, {}}},
              ""};
  const double total = number(unrealized, "pages");
  for (const json& cause : unrealized.at("causes")) {
    const double pages = number(cause, "pages");
    table.rows.push_back({cell(cause, "cause"), cell(cause, "pages"),
                          Cell(total > 0 ? 100 * pages / total : 0.0), cell(cause, "action")});
    chart.categories.push_back(cause.at("cause"));
    chart.series.front().y.push_back(pages * static_cast<double>(kPageSize));
  }
  section.tables.push_back(std::move(table));
  if (total > 0) section.charts.push_back(std::move(chart));
  return section;
}

Section ksm_section(const View& view) {
  Section section{"ksm", "The kernel's global KSM counters", {}, {}, {}, true};
  const json& ksm = view.scan.at("ksm");
  if (!ksm.at("available").get<bool>()) {
    section.paragraphs.push_back(
        fmt::format("Not available: {}.", ksm.at("reason").get<std::string>()));
    return section;
  }
  std::vector<std::string> reasons = ksm.at("misleading_because");
  section.paragraphs.push_back(
      fmt::format("Don't judge a VM by these: {}.", fmt::join(reasons, "; ")));
  Table table{"ksm",
              "/sys/kernel/mm/ksm",
              "",
              {{"name", "name", Unit::none}, {"value", "value", Unit::none}},
              {}};
  for (const auto& [key, value] : ksm.items()) {
    if (key == "available" || key == "misleading_because" || value.is_null()) continue;
    table.rows.push_back({Cell(key), Cell(text_of(value))});
  }
  section.tables.push_back(std::move(table));
  return section;
}

}  // namespace brim::share
