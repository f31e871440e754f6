// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace brim {
namespace {

struct Suffixed {
  double value = 0;
  std::string_view suffix;
};

// Splits "2.5min" into 2.5 and "min"; nothing where there is no number.
std::optional<Suffixed> number_and_suffix(std::string_view text) {
  text = trim(text);
  Suffixed out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.value);
  if (error != std::errc() || !std::isfinite(out.value)) return std::nullopt;
  out.suffix = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  return out;
}

// Optimal string alignment: edits and swaps of neighbours; three rows of the table are kept.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        current[j] = std::min(current[j], before[j - 2] + 1);
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

std::string human_bytes(Bytes bytes) {
  static constexpr std::array<std::string_view, 6> kUnits = {"KiB", "MiB", "GiB",
                                                             "TiB", "PiB", "EiB"};
  if (bytes.count() < 1024) return fmt::format("{} B", bytes.count());
  double value = static_cast<double>(bytes.count()) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

std::string with_separators(std::uint64_t n) {
  const std::string digits = std::to_string(n);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  static constexpr std::array<Unit, 9> kUnits = {{{"ns", 1},
                                                  {"us", 1e3},
                                                  {"ms", 1e6},
                                                  {"s", 1e9},
                                                  {"sec", 1e9},
                                                  {"m", 60e9},
                                                  {"min", 60e9},
                                                  {"h", 3600e9},
                                                  {"d", 86400e9}}};
  const auto parsed = number_and_suffix(text);
  if (parsed && parsed->value >= 0) {
    for (const Unit& unit : kUnits) {
      const double total = parsed->value * unit.nanoseconds;
      if (parsed->suffix == unit.name && total < 9e18)
        return std::chrono::nanoseconds(std::llround(total));
    }
  }
  return fail(ErrorCode::bad_input,
              fmt::format("'{}' is not a duration; write a number and a unit, such as 500ms, 5s, "
                          "10min or 1h",
                          text));
}

Result<Bytes> parse_bytes(std::string_view text) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  static constexpr std::array<Unit, 5> kUnits = {
      {{"B", 1}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}}};
  const auto parsed = number_and_suffix(text);
  if (parsed && parsed->value >= 0) {
    for (const Unit& unit : kUnits) {
      const double total = parsed->value * unit.bytes;
      if (parsed->suffix == unit.name && total < 0x1p63 && total == std::floor(total))
        return Bytes(static_cast<std::uint64_t>(total));
    }
  }
  return fail(
      ErrorCode::bad_input,
      fmt::format("'{}' is not a size; write a number and a unit, such as 512MiB or 2GiB", text));
}

Result<double> parse_fraction(std::string_view text) {
  const auto parsed = number_and_suffix(text);
  if (parsed) {
    const double value = parsed->suffix == "%" ? parsed->value / 100 : parsed->value;
    if ((parsed->suffix.empty() || parsed->suffix == "%") && value > 0 && value <= 1) return value;
  }
  return fail(ErrorCode::bad_input,
              fmt::format("'{}' is not a share; write a percentage above 0% and up to 100%, such "
                          "as 1%",
                          text));
}

std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::string> nearest_word(std::string_view word,
                                        std::span<const std::string> candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    const bool near = distance <= std::max(word.size(), candidate.size()) / 3;
    if (near && (!best || distance < best_distance)) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

void add_once(std::vector<std::string>& lines, const std::string& line) {
  if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
}

std::string_view trim(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string iso_time(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

}  // namespace brim
