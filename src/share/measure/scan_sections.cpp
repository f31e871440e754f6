// SPDX-License-Identifier: Apache-2.0
// The report's tables and charts, one function a section; what is really shared is in
// scan_sections_real.cpp.
#include "base/text.h"
#include "base/units.h"
#include "share/measure/scan_view.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::share {
namespace {

using nlohmann::json;
using report::Cell;
using report::Chart;
using report::ChartKind;
using report::Column;
using report::Section;
using report::Table;
using report::Unit;

std::string size_name(const json& size) {
  return number(size, "page_size_bytes") == static_cast<double>(kHugePageSize) ? "2 MiB" : "4 KiB";
}

// Counts of this table are of the first result's pages.
void set_page_bytes(Table& table, const View& view) {
  for (Column& column : table.columns)
    if (column.page_bytes != 0) column.page_bytes = static_cast<std::uint64_t>(view.page_bytes);
}

Section potential_section(const View& view) {
  Section section{"potential", "Potential", {}, {}, {}, false};
  section.paragraphs.push_back(
      "Over the non-zero pages that could be read: used = minimum + intra + inter. Minimum is one "
      "copy of each content; intra is what copies inside a subject could save, inter what copies "
      "between subjects could save beyond that.");
  Table table{"potential", "What identical pages could save", "", {}, {}};
  table.columns = {{"page_size", "page size", Unit::none},
                   {"zero_pages", "zero", Unit::pages},
                   {"used_pages", "used", Unit::pages},
                   {"minimum_pages", "minimum", Unit::pages},
                   {"intra_saving_pages", "intra saving", Unit::pages},
                   {"inter_saving_pages", "inter saving", Unit::pages},
                   {"saving_bytes", "saving", Unit::bytes}};
  for (const json& size : view.scan.at("results")) {
    const json& potential = size.at("potential");
    const double bytes =
        (number(potential, "intra_saving_pages") + number(potential, "inter_saving_pages")) *
        number(size, "page_size_bytes");
    table.rows.push_back(
        {Cell(size_name(size)), cell(potential, "zero_pages"), cell(potential, "used_pages"),
         cell(potential, "minimum_pages"), cell(potential, "intra_saving_pages"),
         cell(potential, "inter_saving_pages"), Cell(static_cast<std::uint64_t>(bytes))});
  }
  // Rows of different page sizes: no size can stand beside the counts.
  for (Column& column : table.columns)
    if (view.scan.at("results").size() > 1) column.page_bytes = 0;
  set_page_bytes(table, view);
  section.tables.push_back(std::move(table));
  return section;
}

Chart subjects_chart(const View& view) {
  Chart chart{"subjects_chart",
              "Where each subject's memory goes",
              ChartKind::stacked_bar,
              "subject",
              "memory",
              Unit::bytes,
              {},
              {},
              ""};
  report::Series needed{"distinct here only", {}, {}, {}};
  report::Series inter{"also in another subject", {}, {}, {}};
  report::Series intra{"copies inside the subject", {}, {}, {}};
  report::Series zero{"zero", {}, {}, {}};
  for (const json& subject : view.first.at("subjects")) {
    chart.categories.push_back(subject.at("name"));
    const double shared = number(subject, "inter_saving_pages");
    const double distinct = number(subject, "distinct_pages");
    needed.y.push_back((distinct - shared) * view.page_bytes);
    inter.y.push_back(shared * view.page_bytes);
    intra.y.push_back(number(subject, "intra_saving_pages") * view.page_bytes);
    zero.y.push_back(number(subject, "zero_pages") * view.page_bytes);
  }
  chart.series = {needed, inter, intra, zero};
  return chart;
}

Section subjects_section(const View& view) {
  Section section{"subjects", "Subjects", {}, {}, {}, false};
  Table table{"subjects",
              "Each subject",
              fmt::format("Pages of {}. Inter: its contents that another subject has too.",
                          size_name(view.first)),
              {},
              {}};
  table.columns = {{"name", "name", Unit::none},
                   {"kind", "kind", Unit::none},
                   {"pid", "pid", Unit::none},
                   {"used_pages", "used", Unit::pages},
                   {"distinct_pages", "distinct", Unit::pages},
                   {"intra_saving_pages", "intra", Unit::pages},
                   {"inter_saving_pages", "inter", Unit::pages},
                   {"zero_pages", "zero", Unit::pages},
                   {"merged_pages", "merged by KSM", Unit::pages},
                   {"unread_pages", "not read", Unit::pages}};
  for (const json& subject : view.first.at("subjects")) {
    const json real = subject.value("real", json(nullptr));
    const json& unread = subject.at("unread_pages");
    const Cell pid =
        subject.at("pid").is_number() ? Cell(std::to_string(subject.at("pid").get<int>())) : Cell();
    table.rows.push_back(
        {cell(subject, "name"), cell(subject, "kind"), pid, cell(subject, "used_pages"),
         cell(subject, "distinct_pages"), cell(subject, "intra_saving_pages"),
         cell(subject, "inter_saving_pages"), cell(subject, "zero_pages"),
         real.is_null() ? Cell() : cell(real, "merged_pages"),
         Cell(static_cast<std::uint64_t>(number(unread, "swapped") + number(unread, "absent") +
                                         number(unread, "denied")))});
  }
  set_page_bytes(table, view);
  section.tables.push_back(std::move(table));
  section.charts.push_back(subjects_chart(view));
  return section;
}

Section matrix_section(const View& view) {
  Section section{"matrix", "Who shares with whom", {}, {}, {}, true};
  const json& matrix = view.scan.at("matrix");
  Chart chart{"matrix_chart",
              "Contents found in both",
              ChartKind::heat_map,
              "subject",
              "subject",
              Unit::pages,
              {},
              {},
              "The diagonal is each subject's number of distinct contents."};
  Table table{
      "matrix", "Contents found in both subjects", "", {{"subject", "subject", Unit::none}}, {}};
  const json& names = matrix.at("subjects");
  std::size_t row_number = 0;
  for (const json& name : names) {
    chart.categories.push_back(name);
    table.columns.push_back({name, name, Unit::pages});
    report::Series series{name, {}, matrix.at("shared_contents").at(row_number), {}};
    std::vector<Cell> row{Cell(name.get<std::string>())};
    for (const double value : series.y) row.emplace_back(static_cast<std::uint64_t>(value));
    table.rows.push_back(std::move(row));
    chart.series.push_back(std::move(series));
    ++row_number;
  }
  section.tables.push_back(std::move(table));
  section.charts.push_back(std::move(chart));
  return section;
}

Section groups_section(const View& view) {
  Section section{"groups", "Largest groups of identical pages", {}, {}, {}, true};
  Table table{
      "groups",
      "Most copied contents",
      "Hashes are keyed per run unless --stable-hash; page contents never leave the process.",
      {{"copies", "copies", Unit::pages},
       {"pattern", "pattern", Unit::none},
       {"in", "in", Unit::none},
       {"hash", "hash", Unit::none}},
      {}};
  for (const json& group : view.scan.at("groups")) {
    std::vector<std::string> where;
    for (const json& in : group.at("in")) {
      if (where.size() == 4) {
        where.push_back(fmt::format("and {} more", group.at("in").size() - 4));
        break;
      }
      where.push_back(fmt::format("{} ({})", in.at("subject").get<std::string>(),
                                  with_separators(in.at("pages").get<std::uint64_t>())));
    }
    table.rows.push_back({cell(group, "copies"), cell(group, "pattern"),
                          Cell(fmt::format("{}", fmt::join(where, ", "))), cell(group, "hash")});
  }
  section.tables.push_back(std::move(table));
  return section;
}

// Cumulative, as in the Difference Engine paper: sharing, + patching, + compression.
Chart beyond_chart(const View& view, const json& beyond) {
  const double used = number(view.potential, "used_pages");
  Chart chart{"beyond_chart",
              "Saved by sharing, + patching, + compression",
              ChartKind::stacked_bar,
              "mechanisms",
              "% of used memory",
              Unit::percent,
              {"sharing", "+ patching", "+ lz4", "+ zstd"},
              {},
              ""};
  const bool patching = !beyond.at("patch_saving_pages").is_null();
  const double patch = number(beyond, "patch_saving_pages");
  const char* const lz4 = patching ? "patch_then_lz4_saving_pages" : "lz4_saving_pages";
  const char* const zstd = patching ? "patch_then_zstd_saving_pages" : "zstd_saving_pages";
  const double with_lz4 = number(beyond, lz4) - patch;
  const double with_zstd = number(beyond, zstd) - patch;
  const auto share = [used](double pages) { return used > 0 ? 100 * pages / used : 0; };
  const double sharing = share(view.saving);
  chart.series = {{"sharing", {}, {sharing, sharing, sharing, sharing}, {}},
                  {"patching", {}, {0, share(patch), share(patch), share(patch)}, {}},
                  {"compression", {}, {0, 0, share(with_lz4), share(with_zstd)}, {}}};
  if (!patching) {
    chart.title = "Saved by sharing, + compression";
    chart.categories.erase(chart.categories.begin() + 1);
    chart.series.erase(chart.series.begin() + 1);
    for (report::Series& series : chart.series) series.y.erase(series.y.begin() + 1);
  }
  return chart;
}

Section beyond_section(const View& view) {
  const json& beyond = view.scan.at("beyond");
  Section section{"beyond", "Beyond identity", {}, {}, {}, true};
  section.paragraphs.push_back(fmt::format(
      "After sharing, {} of {} contents examined. Near-identical pages are found as in Difference "
      "Engine (Gupta et al., 2008): two 64-byte blocks at fixed random offsets, one candidate "
      "each; "
      "a patch counts up to half a page, a compressed page up to half its size.",
      with_separators(beyond.at("examined_contents").get<std::uint64_t>()),
      with_separators(beyond.at("contents").get<std::uint64_t>())));
  if (beyond.at("patch_saving_pages").is_null())
    section.paragraphs.emplace_back(
        "Patching is not estimated: this scan kept a sample of the contents (--sample), and a "
        "page's similar page is then seldom among them.");
  Table table{"beyond",
              "What could be saved after sharing",
              "",
              {{"mechanism", "mechanism", Unit::none}, {"pages", "saving", Unit::pages}},
              {}};
  for (const char* key : {"patch_saving_pages", "lz4_saving_pages", "zstd_saving_pages",
                          "patch_then_lz4_saving_pages", "patch_then_zstd_saving_pages"}) {
    std::string name = key;
    name.erase(name.rfind("_saving_pages"));
    std::replace(name.begin(), name.end(), '_', ' ');
    table.rows.push_back({Cell(std::move(name)), cell(beyond, key)});
  }
  section.tables.push_back(std::move(table));
  section.charts.push_back(beyond_chart(view, beyond));
  return section;
}

Section time_section(const View& view) {
  Section section{"time", "Over time", {}, {}, {}, false};
  Chart chart{"time_chart",
              "Potential and real sharing over time",
              ChartKind::line,
              "seconds",
              "memory",
              Unit::bytes,
              {},
              {},
              ""};
  report::Series potential{"potential", {}, {}, {}};
  report::Series real{"shared now", {}, {}, {}};
  report::Series ksm{"by KSM", {}, {}, {}};
  Chart churn{"churn_chart",
              "Churn: pages with other contents than a look before",
              ChartKind::line,
              "seconds",
              "% of pages",
              Unit::percent,
              {},
              {{"churn", {}, {}, {}}},
              ""};
  Table table{"time",
              "Looks",
              "",
              {{"t_seconds", "t", Unit::seconds},
               {"used_pages", "used", Unit::pages},
               {"saving_pages", "potential saving", Unit::pages},
               {"saved_pages", "shared now", Unit::pages},
               {"churned_pages", "churned", Unit::pages}},
              {}};
  for (const json& look : view.scan.at("looks")) {
    const double t = number(look, "t_seconds");
    const json& p = look.at("potential");
    const double saving = number(p, "intra_saving_pages") + number(p, "inter_saving_pages");
    potential.x.push_back(t);
    potential.y.push_back(saving * view.page_bytes);
    Cell saved;
    if (const json& r = look.at("real"); !r.is_null()) {
      real.x.push_back(t);
      real.y.push_back(number(r, "saved_pages") * static_cast<double>(kPageSize));
      ksm.x.push_back(t);
      ksm.y.push_back(number(r, "ksm_saved_pages") * static_cast<double>(kPageSize));
      saved = cell(r, "saved_pages");
    }
    if (const double compared = number(look, "compared_pages"); compared > 0) {
      churn.series.front().x.push_back(t);
      churn.series.front().y.push_back(100 * number(look, "churned_pages") / compared);
    }
    table.rows.push_back(
        {Cell(t), cell(p, "used_pages"), Cell(saving), saved, cell(look, "churned_pages")});
  }
  for (Column& column : table.columns)  // what is shared and churned is counted in 4 KiB pages
    if (column.key == "used_pages" || column.key == "saving_pages")
      column.page_bytes = static_cast<std::uint64_t>(view.page_bytes);
  chart.series = {potential, real, ksm};
  section.charts = {chart, churn};
  section.tables.push_back(std::move(table));
  return section;
}

Section checks_section(const View& view) {
  Section section{"checks", "Checks", {}, {}, {}, true};
  if (const json& c = view.scan.at("confirmation"); !c.is_null())
    section.paragraphs.push_back(
        fmt::format("Confirmed byte by byte: {} pages; {} collisions, {} changed meanwhile, {} "
                    "could not be read "
                    "again.",
                    text_of(c.at("confirmed_pages")), text_of(c.at("collisions")),
                    text_of(c.at("changed_pages")), text_of(c.at("unconfirmed_pages"))));
  if (const json& s = view.scan.at("second_look"); !s.is_null())
    section.paragraphs.push_back(
        fmt::format("Second look: {} pages had changed (first look {:.2f} s, second {:.2f} s).",
                    text_of(s.at("changing_pages")), number(s, "first_look_seconds"),
                    number(s, "second_look_seconds")));
  if (const json& s = view.scan.at("sampling"); !s.is_null())
    section.paragraphs.push_back(fmt::format(
        "Sampled: {:g} % of contents, {} heavy contents counted exactly; intervals are 95 %.",
        100 * number(s, "share"), text_of(s.at("heavy_contents"))));
  return section;
}

}  // namespace

std::vector<Section> sections(const View& view) {
  const json& scan = view.scan;
  std::vector<Section> list = {potential_section(view), subjects_section(view)};
  if (!scan.at("looks").empty()) list.push_back(time_section(view));
  if (!scan.at("ksm").is_null()) list.push_back(real_section(view));
  if (!scan.at("unrealized").is_null()) list.push_back(causes_section(view));
  if (view.first.at("subjects").size() > 1 && !scan.at("matrix").at("shared_contents").empty())
    list.push_back(matrix_section(view));
  if (!scan.at("groups").empty()) list.push_back(groups_section(view));
  if (!scan.at("beyond").is_null()) list.push_back(beyond_section(view));
  if (!scan.at("ksm").is_null()) list.push_back(ksm_section(view));
  if (Section checks = checks_section(view); !checks.paragraphs.empty())
    list.push_back(std::move(checks));
  return list;
}

}  // namespace brim::share
