// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text that people read and write: sizes, durations, percentages, the nearest known word.

#include "base/result.h"
#include "base/units.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim {

// "0 B", "512 B", "4.0 KiB", "1.5 GiB": binary units, one decimal from KiB on.
[[nodiscard]] std::string human_bytes(Bytes bytes);
// "1,234,567".
[[nodiscard]] std::string with_separators(std::uint64_t n);

// "5s", "10min", "1h", "250ms", "2.5s". A bare number is an error that says to name a unit.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(std::string_view text);
// "2GiB", "1.5 MiB", "4096B": binary units, whole bytes. A bare number, and "2GB", are errors.
[[nodiscard]] Result<Bytes> parse_bytes(std::string_view text);
// "1%", "0.5%" or a fraction "0.01"; in (0, 1].
[[nodiscard]] Result<double> parse_fraction(std::string_view text);
// A whole unsigned number, nothing before or after it.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, int base = 10);

// The candidate nearest to `word` by edit distance (with transpositions), if it is near enough to
// be what was meant (at most a third of the longer word's letters differ); ties go to the first.
[[nodiscard]] std::optional<std::string> nearest_word(std::string_view word,
                                                      std::span<const std::string> candidates);

[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
// At the end, unless it is there.
void add_once(std::vector<std::string>& lines, const std::string& line);
[[nodiscard]] std::string_view trim(std::string_view text);

// 2026-11-22T02:12:17Z
[[nodiscard]] std::string iso_time(std::chrono::system_clock::time_point time);

}  // namespace brim
