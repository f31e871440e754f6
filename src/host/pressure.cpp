// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "host/process_text.h"
#include "host/system.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace brim::host {
namespace {

std::optional<double> parse_percent(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value) || value < 0)
    return std::nullopt;
  return value;
}

// "avg10=0.00 avg60=0.00 avg300=0.00 total=0"; every one of the four, and others if the kernel adds
// some.
std::optional<PressureLine> parse_line(std::string_view text) {
  PressureLine line;
  int seen = 0;
  for (const std::string_view field : split(text, ' ')) {
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view key = field.substr(0, equals);
    const std::string_view value = field.substr(equals + 1);
    double* average = key == "avg10"    ? &line.avg10
                      : key == "avg60"  ? &line.avg60
                      : key == "avg300" ? &line.avg300
                                        : nullptr;
    if (average != nullptr) {
      const std::optional<double> percent = parse_percent(value);
      if (!percent) return std::nullopt;
      *average = *percent;
      ++seen;
    } else if (key == "total") {
      const std::optional<std::uint64_t> total = parse_number(value);
      if (!total) return std::nullopt;
      line.total_us = *total;
      ++seen;
    }
  }
  if (seen != 4) return std::nullopt;
  return line;
}

}  // namespace

Result<Pressure> parse_pressure(std::string_view text, std::string_view where) {
  Pressure pressure;
  bool some_seen = false;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    const bool some = line->starts_with("some ");
    if (!some && !line->starts_with("full ")) continue;
    const std::optional<PressureLine> parsed = parse_line(trim(line->substr(5)));
    if (!parsed)
      return fail(malformed("expected 'some avg10=N avg60=N avg300=N total=N'", where,
                            lines.number(), *line));
    if (some)
      pressure.some = *parsed;
    else
      pressure.full = *parsed;
    some_seen = some_seen || some;
  }
  // /proc/pressure/irq has no such line; brim does not read it.
  if (!some_seen)
    return fail(ErrorCode::io, "cut short, expected a line 'some avg10=...'", std::string(where));
  return pressure;
}

Result<Pressure> read_pressure(const Host& host, std::string_view path) {
  auto text = host.read_file(path);
  if (text) return parse_pressure(*text, host.place(path));
  Error error = std::move(text).error();
  if (error.code == ErrorCode::missing)
    error.what +=
        "; pressure stall information needs a kernel with CONFIG_PSI, booted with psi=1 where it "
        "is "
        "off by default";
  return fail(std::move(error));
}

}  // namespace brim::host
