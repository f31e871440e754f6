// SPDX-License-Identifier: Apache-2.0
#include "report/format.h"

#include "base/printable.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <variant>

#include <fmt/format.h>

namespace brim::report {
namespace {

constexpr double kLargest = 1e15;  // beyond, powers of ten read better than separators

// Thousands separators into the whole part of "-1234567.8".
std::string separated(std::string_view digits) {
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  const std::size_t point = std::min(digits.find('.'), digits.size());
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > first && i < point && (point - i) % 3 == 0) out.push_back(',');
    out.push_back(digits[i]);
  }
  return out;
}

std::string fixed(double value, int decimals) {
  if (std::abs(value) >= kLargest) return fmt::format("{:.6g}", value);
  const std::string digits = fmt::format("{:.{}f}", value, decimals);
  const bool zero = digits.find_first_not_of("-0.") == std::string::npos;
  return separated(
      std::string_view(digits).substr(zero && digits.starts_with('-') ? 1 : 0));  // no "-0"
}

// So many significant digits, at least the whole part.
std::string significant(double value, int digits) {
  if (value == 0) return "0";
  if (std::abs(value) < 1e-6) return fmt::format("{:.{}g}", value, digits);
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  return fixed(value, std::max(0, digits - 1 - magnitude));
}

bool whole(double value) { return std::trunc(value) == value; }

std::string bytes_text(double value) {
  static constexpr std::array<std::string_view, 8> kUnits = {"KiB", "MiB", "GiB", "TiB",
                                                             "PiB", "EiB", "ZiB", "YiB"};
  if (std::abs(value) < 1024) return fixed(value, whole(value) ? 0 : 1) + " B";
  std::size_t unit = 0;
  value /= 1024;
  while (std::abs(value) >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", fixed(value, 1), kUnits.at(unit));
}

std::string seconds_text(double value) {
  const double size = std::abs(value);
  if (size == 0 || size >= 100) return fixed(value, 0) + " s";
  if (size >= 0.9995) return significant(value, 3) + " s";
  if (size >= 0.9995e-3) return significant(value * 1e3, 3) + " ms";
  if (size >= 0.9995e-6) return significant(value * 1e6, 3) + " µs";
  return significant(value * 1e9, 3) + " ns";
}

// The number alone, and what follows it.
std::string amount(double value, Unit unit) {
  const double size = std::abs(value);
  switch (unit) {
    case Unit::pages:
    case Unit::count:
      return fixed(value, whole(value) || size >= 100 ? 0 : 1);
    case Unit::percent:
      return size >= 0.1 || size == 0 ? fixed(value, 1) : significant(value, 2);
    case Unit::per_second:
      return size >= 100 || size == 0 ? fixed(value, 0) : significant(value, 3);
    case Unit::ratio:
      return significant(value, 3);
    default:
      return whole(value) ? fixed(value, 0) : significant(value, 4);
  }
}

std::string_view suffix_of(Unit unit) {
  if (unit == Unit::percent) return " %";
  if (unit == Unit::per_second) return " /s";
  return "";
}

bool has_own_prefixes(Unit unit) { return unit == Unit::bytes || unit == Unit::seconds; }

bool symmetric(double value, const Interval& interval) {
  const double below = value - interval.low;
  const double above = interval.high - value;
  return std::isfinite(below) && std::isfinite(above) && below >= 0 && above >= 0 &&
         std::abs(below - above) <= 0.02 * (below + above);
}

}  // namespace

std::string format_number(double value, Unit unit) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (unit == Unit::bytes) return bytes_text(value);
  if (unit == Unit::seconds) return seconds_text(value);
  return fmt::format("{}{}", amount(value, unit), suffix_of(unit));
}

std::string format_number(std::uint64_t value, Unit unit) {
  if (has_own_prefixes(unit)) return format_number(static_cast<double>(value), unit);
  return fmt::format("{}{}", with_separators(value), suffix_of(unit));
}

std::string format_interval(const Interval& interval, Unit unit) {
  return fmt::format("[{}, {}]", format_number(interval.low, unit),
                     format_number(interval.high, unit));
}

std::optional<double> number_of(const Cell& cell) {
  if (const auto* real = std::get_if<double>(&cell.value)) return *real;
  if (const auto* count = std::get_if<std::uint64_t>(&cell.value))
    return static_cast<double>(*count);
  return std::nullopt;
}

std::string format_cell(const Cell& cell, Unit unit) {
  if (const auto* text = std::get_if<std::string>(&cell.value)) return printable(*text);
  if (const auto* truth = std::get_if<bool>(&cell.value)) return *truth ? "yes" : "no";
  const std::optional<double> number = number_of(cell);
  if (!number) return std::string(kMissing);
  const auto* count = std::get_if<std::uint64_t>(&cell.value);
  std::string shown = count ? format_number(*count, unit) : format_number(*number, unit);
  if (!cell.interval) return shown;
  if (!std::isfinite(*number) || !symmetric(*number, *cell.interval))
    return fmt::format("{} {}", shown, format_interval(*cell.interval, unit));
  const double half = (cell.interval->high - cell.interval->low) / 2;
  if (has_own_prefixes(unit)) return fmt::format("{} ± {}", shown, format_number(half, unit));
  return fmt::format("{} ± {}{}", count ? with_separators(*count) : amount(*number, unit),
                     amount(half, unit), suffix_of(unit));
}

std::string pages_hint(double pages, std::uint64_t page_bytes) {
  const double bytes = pages * static_cast<double>(page_bytes);
  if (page_bytes == 0 || !std::isfinite(bytes)) return {};
  return bytes_text(bytes);
}

std::string heading(const Column& column) {
  std::string title = printable(column.title);
  const bool says_so = title.find("page") != std::string::npos ||
                       title.find("Page") != std::string::npos || column.unit != Unit::pages;
  if (says_so) return title;
  return title.empty() ? "pages" : title + " (pages)";
}

bool is_numeric(const Table& table, std::size_t column) {
  bool any = false;
  for (const auto& row : table.rows) {
    if (column >= row.size() || std::holds_alternative<std::monostate>(row[column].value)) continue;
    if (std::holds_alternative<std::string>(row[column].value)) return false;
    any = true;
  }
  return any;
}

std::string_view name_of(Unit unit) {
  switch (unit) {
    case Unit::none:
      return "none";
    case Unit::pages:
      return "pages";
    case Unit::bytes:
      return "bytes";
    case Unit::percent:
      return "percent";
    case Unit::seconds:
      return "seconds";
    case Unit::per_second:
      return "per_second";
    case Unit::count:
      return "count";
    case Unit::ratio:
      return "ratio";
  }
  return "none";
}

std::string_view name_of(ChartKind kind) {
  switch (kind) {
    case ChartKind::line:
      return "line";
    case ChartKind::bar:
      return "bar";
    case ChartKind::stacked_bar:
      return "stacked_bar";
    case ChartKind::heat_map:
      return "heat_map";
  }
  return "bar";
}

}  // namespace brim::report
