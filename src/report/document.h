// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a command has to say, once, for every writer: text on a terminal, JSON, CSV, and one HTML
// file with charts. `json` is the machine's form (docs/json.md, data/schemas/); the rest is for
// people and is drawn from the same result.
//
// Table cells are values with a unit, not strings: CSV and the HTML's sorting see numbers. A row
// may be shorter than the columns (the rest is missing), never longer.
//
// Strings may come from the host (names of VMs, paths) and may hold anything. Text, HTML, charts
// and CSV show control and invisible formatting characters as escapes (base/printable.h; CSV keeps
// line ends). JSON keeps every character, controls as its own escapes; bytes that are not UTF-8
// become U+FFFD there.

#include "base/provenance.h"
#include "base/stats.h"
#include "base/units.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace brim::report {

enum class Unit : std::uint8_t { none, pages, bytes, percent, seconds, per_second, count, ratio };

struct Cell {
  std::variant<std::monostate, std::string, double, std::uint64_t, bool> value;  // monostate: "–"
  std::optional<Interval> interval;                                              // 95 %
  Cell() = default;
  explicit Cell(std::string text) : value(std::move(text)) {}
  explicit Cell(const char* text) : value(std::string(text)) {}
  explicit Cell(double number) : value(number) {}
  explicit Cell(std::uint64_t number) : value(number) {}
  explicit Cell(bool flag) : value(flag) {}
  Cell(double estimate, Interval of_estimate) : value(estimate), interval(of_estimate) {}
};

struct Column {
  std::string key;    // CSV header and JSON-like name: "zero_pages"
  std::string title;  // "zero pages"
  Unit unit = Unit::none;
  // Size of one of Unit::pages: HTML shows the size in bytes beside the count. 0: no hint.
  std::uint64_t page_bytes = kPageSize;
};

struct Table {
  std::string id;  // "subjects"
  std::string title;
  std::string note;  // one paragraph, may be empty
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

enum class ChartKind : std::uint8_t { line, bar, stacked_bar, heat_map };

struct Series {
  std::string name;
  std::vector<double> x;           // line: x positions; else empty
  std::vector<double> y;           // bar: one per category; heat map: a row per series
  std::vector<Interval> interval;  // empty, or one per y
};

struct Chart {
  std::string id;
  std::string title;
  ChartKind kind = ChartKind::bar;
  std::string x_title;
  std::string y_title;
  Unit unit = Unit::none;               // of y
  std::vector<std::string> categories;  // bars, heat map columns
  std::vector<Series> series;
  std::string note;
  std::uint64_t page_bytes = kPageSize;  // as in Column
  bool x_logarithmic = false;            // of lines; all x are above 0
};

struct Section {
  std::string id;
  std::string title;
  std::vector<std::string> paragraphs;
  std::vector<Table> tables;
  std::vector<Chart> charts;
  bool detail = false;  // text shows it only with --verbose; HTML always
};

struct Document {
  std::string title;
  std::vector<std::string> answer;  // the first screen: one finding a line
  std::vector<std::string> warnings;
  std::vector<std::pair<std::string, std::string>>
      context;  // host, kernel, revision, time, options
  Provenance provenance = Provenance::measured;
  std::vector<Section> sections;
  nlohmann::json json;
};

struct TextOptions {
  int columns = 80;  // never wider; tables drop to fewer columns a line or wrap, never overflow
  bool verbose = false;
  bool colour = false;
};

// Human text: answer, warnings, sections. Charts are not drawn (a stacked bar becomes its table).
[[nodiscard]] std::string to_text(const Document& document, const TextOptions& options);
// document.json, pretty, with a final newline.
[[nodiscard]] std::string to_json(const Document& document);
// Every table: a line "# id: title", a header line, rows, an empty line. With `table` only that
// one's header and rows (also if it is the only one); an unknown id is bad_input in the caller,
// here it gives nothing. RFC 4180: lines end in CR LF, the header line holds the keys; KEY_low and
// KEY_high follow a column of which any row has an interval; a missing value is an empty field, an
// empty string is "". LIMIT: a spreadsheet takes a name that begins with = + - or @ for a formula:
// import such a file as text.
[[nodiscard]] std::string to_csv(const Document& document, std::string_view table);
// One self-contained HTML file: styles, data and ECharts inside, nothing fetched; readable without
// scripts (tables), light and dark, prints.
[[nodiscard]] std::string to_html(const Document& document);

}  // namespace brim::report
