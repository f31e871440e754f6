// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a command has to say, once, for every writer: text on a terminal, JSON, CSV, and one HTML file
// with charts. `json` is the machine's form (docs/json.md, data/schemas/); the rest is for people and
// is drawn from the same result.
//
// Table cells are values with a unit, not strings: CSV and the HTML's sorting see numbers.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/provenance.h"
#include "base/stats.h"

namespace brim::report {

enum class Unit : std::uint8_t { none, pages, bytes, percent, seconds, per_second, count, ratio };

struct Cell {
  std::variant<std::monostate, std::string, double, std::uint64_t, bool> value;  // monostate: "–"
  std::optional<Interval> interval;  // 95 %
  Cell() = default;
  template <class T>
  Cell(T&& v) : value(std::forward<T>(v)) {}  // NOLINT: cells are written in place
};

struct Column {
  std::string key;    // CSV header and JSON-like name: "zero_pages"
  std::string title;  // "zero pages"
  Unit unit = Unit::none;
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
  std::vector<double> x;  // line: x positions; else empty
  std::vector<double> y;  // bar: one per category; heat map: a row per series
  std::vector<Interval> interval;  // empty, or one per y
};

struct Chart {
  std::string id;
  std::string title;
  ChartKind kind = ChartKind::bar;
  std::string x_title;
  std::string y_title;
  Unit unit = Unit::none;  // of y
  std::vector<std::string> categories;  // bars, heat map columns
  std::vector<Series> series;
  std::string note;
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
  std::vector<std::pair<std::string, std::string>> context;  // host, kernel, revision, time, options
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
// Every table: a line "# id: title", a header line, rows (RFC 4180), an empty line. With one table
// only its header and rows. `table`: empty for all; an unknown id is bad_input in the caller.
[[nodiscard]] std::string to_csv(const Document& document, std::string_view table);
// One self-contained HTML file: styles, data and ECharts inside, nothing fetched; readable without
// scripts (tables), light and dark, prints.
[[nodiscard]] std::string to_html(const Document& document);

}  // namespace brim::report
