// SPDX-License-Identifier: Apache-2.0
#pragma once
// How people see a value: thousands separators, a sensible number of digits, its unit, its 95 %
// interval. The same in text and HTML. JSON and CSV don't use this: they keep every digit.

#include "report/document.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brim::report {

inline constexpr std::string_view kMissing = "–";

// "12,345", "1.5 GiB", "12.3 %", "250 ms", "1,200 /s", "0.62". Not a number: "nan"; infinite:
// "inf". Pages and counts are shown whole where they are whole or large (estimates are rounded).
[[nodiscard]] std::string format_number(double value, Unit unit);
[[nodiscard]] std::string format_number(std::uint64_t value, Unit unit);
// A string is made printable; bool is yes or no; nothing is kMissing. An interval that is symmetric
// about the value is "v ± h", any other "v [low, high]".
[[nodiscard]] std::string format_cell(const Cell& cell, Unit unit);
// The cell's value if it is a number.
[[nodiscard]] std::optional<double> number_of(const Cell& cell);
// "[low, high]"
[[nodiscard]] std::string format_interval(const Interval& interval, Unit unit);
// Bytes of so many pages, "4.8 MiB"; empty where page_bytes is 0 or the number is not finite.
[[nodiscard]] std::string pages_hint(double pages, std::uint64_t page_bytes);
// A column's title, with the unit where neither the title nor the cells say it: "zero (pages)".
// Printable.
[[nodiscard]] std::string heading(const Column& column);
// A column of numbers (or yes and no): set flush right. A column with no value at all is not one.
[[nodiscard]] bool is_numeric(const Table& table, std::size_t column);
// Words as JSON and the charts' script spell them: "none", "pages", "per_second".
[[nodiscard]] std::string_view name_of(Unit unit);
[[nodiscard]] std::string_view name_of(ChartKind kind);

}  // namespace brim::report
