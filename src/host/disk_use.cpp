// SPDX-License-Identifier: Apache-2.0
#include "host/disk_use.h"

#include "base/text.h"
#include "host/process_text.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace brim::host {
namespace {

constexpr const char* kDiskStats = "/proc/diskstats";
constexpr std::size_t kBusyWord = 12;  // field 10 of the statistics, after major, minor and name

std::vector<std::string_view> words_of_line(std::string_view line) {
  std::vector<std::string_view> words = split(line, ' ');
  std::erase_if(words, [](std::string_view word) { return word.empty(); });
  return words;
}

}  // namespace

Result<std::chrono::milliseconds> parse_disk_busy(std::string_view text, std::string_view number,
                                                  std::string_view where) {
  std::uint64_t line_number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++line_number;
    const std::vector<std::string_view> words = words_of_line(line);
    if (words.size() < 2 || fmt::format("{}:{}", words[0], words[1]) != number) continue;
    const auto busy = words.size() > kBusyWord ? parse_number(words[kBusyWord]) : std::nullopt;
    if (!busy) return fail(malformed("expected a disk's statistics", where, line_number, line));
    return std::chrono::milliseconds(*busy);
  }
  return fail(ErrorCode::missing, fmt::format("no disk {}", number), std::string(where));
}

Result<std::chrono::milliseconds> read_disk_busy(const Host& host, std::string_view number) {
  BRIM_TRY(const std::string text, host.read_file(kDiskStats));
  return parse_disk_busy(text, number, host.place(kDiskStats));
}

}  // namespace brim::host
