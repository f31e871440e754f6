// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "host/process_text.h"
#include "host/system.h"

#include <array>

#include <fmt/format.h>

namespace brim::host {
namespace {

struct Line {
  std::string_view key;
  std::uint64_t MemoryInfo::*field;
};

constexpr std::array<Line, 6> kLines = {{
    {"AnonHugePages", &MemoryInfo::anon_huge_bytes},
    {"MemAvailable", &MemoryInfo::available_bytes},
    {"MemFree", &MemoryInfo::free_bytes},
    {"MemTotal", &MemoryInfo::total_bytes},
    {"SwapFree", &MemoryInfo::swap_free_bytes},
    {"SwapTotal", &MemoryInfo::swap_total_bytes},
}};

}  // namespace

Result<MemoryInfo> parse_memory_info(std::string_view text, std::string_view where) {
  MemoryInfo info;
  bool total = false;
  bool available = false;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    const std::size_t colon = line->find(':');
    if (colon == std::string_view::npos) continue;
    for (const Line& known : kLines) {
      if (line->substr(0, colon) != known.key) continue;
      const std::optional<std::uint64_t> bytes = parse_kibibytes(line->substr(colon + 1));
      if (!bytes) return fail(malformed("not a size in kB", where, lines.number(), *line));
      info.*known.field = *bytes;
      total = total || known.key == "MemTotal";
      available = available || known.key == "MemAvailable";
    }
  }
  if (!total)
    return fail(ErrorCode::io, "cut short, expected a line 'MemTotal:'", std::string(where));
  if (!available) info.available_bytes = info.free_bytes;
  return info;
}

Result<MemoryInfo> read_memory_info(const Host& host) {
  BRIM_TRY(const std::string text, host.read_file("/proc/meminfo"));
  return parse_memory_info(text, host.place("/proc/meminfo"));
}

}  // namespace brim::host
