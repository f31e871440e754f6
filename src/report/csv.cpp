// SPDX-License-Identifier: Apache-2.0
#include "report/csv.h"

#include "base/printable.h"
#include "base/result.h"
#include "report/document.h"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>

namespace brim::report {
namespace {

constexpr std::string_view kEnd = "\r\n";

std::string printable_lines(std::string_view text) {
  std::string out;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const bool returns = end > 0 && text[end - 1] == '\r';
    out += printable(text.substr(0, returns ? end - 1 : end));
    out += returns ? "\r\n" : "\n";
    text.remove_prefix(end + 1);
  }
  return out + printable(text);
}

// Every digit: shortest form that reads back as the same double.
std::string field(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell.value)) return csv_field(*text);
  if (const auto* real = std::get_if<double>(&cell.value)) return fmt::format("{}", *real);
  if (const auto* count = std::get_if<std::uint64_t>(&cell.value)) return std::to_string(*count);
  if (const auto* truth = std::get_if<bool>(&cell.value)) return *truth ? "true" : "false";
  return {};
}

bool has_interval(const Table& table, std::size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const std::vector<Cell>& row) {
    return column < row.size() && row[column].interval.has_value();
  });
}

std::string joined(const std::vector<std::string>& fields) {
  return fmt::format("{}{}", fmt::join(fields, ","), kEnd);
}

std::string csv_of(const Table& table) {
  std::vector<bool> wide;
  std::vector<std::string> header;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    wide.push_back(has_interval(table, i));
    header.push_back(csv_field(table.columns[i].key));
    if (!wide.back()) continue;
    header.push_back(csv_field(table.columns[i].key + "_low"));
    header.push_back(csv_field(table.columns[i].key + "_high"));
  }
  std::string out = joined(header);
  for (const auto& row : table.rows) {
    BRIM_ASSERT(row.size() <= table.columns.size());
    std::vector<std::string> fields;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const Cell cell = i < row.size() ? row[i] : Cell();
      fields.push_back(field(cell));
      if (!wide[i]) continue;
      fields.push_back(cell.interval ? fmt::format("{}", cell.interval->low) : "");
      fields.push_back(cell.interval ? fmt::format("{}", cell.interval->high) : "");
    }
    out += joined(fields);
  }
  return out;
}

}  // namespace

std::string csv_field(std::string_view text) {
  std::string shown = printable_lines(text);
  const bool plain = !shown.empty() && shown.find_first_of(",\"\n#") == std::string::npos &&
                     shown.front() != ' ' && shown.back() != ' ';
  if (plain) return shown;
  std::string out = "\"";
  for (const char c : shown) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string to_csv(const Document& document, std::string_view table) {
  std::vector<const Table*> wanted;
  for (const Section& section : document.sections)
    for (const Table& each : section.tables)
      if (table.empty() || each.id == table) wanted.push_back(&each);
  if (wanted.size() == 1 || (!table.empty() && !wanted.empty())) return csv_of(*wanted.front());
  std::string out;
  for (const Table* each : wanted)
    out += fmt::format("# {}: {}{}{}{}", printable(each->id), printable(each->title), kEnd,
                       csv_of(*each), kEnd);
  return out;
}

}  // namespace brim::report
