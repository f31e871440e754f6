// SPDX-License-Identifier: Apache-2.0
#include "host/swap_table.h"

#include "base/text.h"
#include "host/process_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace brim::host {
namespace {

std::optional<int> parse_priority(std::string_view word) {
  int priority = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, priority);
  if (error != std::errc() || stop != end) return std::nullopt;
  return priority;
}

std::optional<Bytes> parse_kibibyte_count(std::string_view word) {
  const auto number = parse_number(word);
  if (!number || *number > (~0ULL >> 10)) return std::nullopt;
  return kibibytes(*number);
}

// "path type size used priority", sizes in KiB.
std::optional<SwapEntry> parse_swap_line(std::string_view line) {
  const std::vector<std::string_view> words = words_of(line);
  if (words.size() != 5) return std::nullopt;
  const auto size = parse_kibibyte_count(words[2]);
  const auto used = parse_kibibyte_count(words[3]);
  const auto priority = parse_priority(words[4]);
  if (!size || !used || !priority) return std::nullopt;
  return SwapEntry{unescape_octal(words[0]), words[1] == "partition", *size, *used, *priority};
}

// The numbers of a file that holds nothing else; at least as many as `least`.
Result<std::vector<std::uint64_t>> read_row(const Host& host, const std::string& path,
                                            std::size_t least) {
  BRIM_TRY(const std::string text, host.read_value(path));
  std::vector<std::uint64_t> numbers;
  for (const std::string_view word : words_of(text)) {
    const auto number = parse_number(word);
    if (!number) return fail(malformed("not a whole number", host.place(path), 1, word));
    numbers.push_back(*number);
  }
  if (numbers.size() < least)
    return fail(ErrorCode::io,
                fmt::format("holds {} numbers, expected {} or more", numbers.size(), least),
                host.place(path));
  return numbers;
}

}  // namespace

Result<std::vector<SwapEntry>> parse_swap_table(std::string_view text, std::string_view where) {
  std::vector<SwapEntry> entries;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    if (lines.number() == 1 && line->starts_with("Filename")) continue;
    auto entry = parse_swap_line(*line);
    if (!entry)
      return fail(
          malformed("expected 'path type size used priority'", where, lines.number(), *line));
    entries.push_back(std::move(*entry));
  }
  return entries;
}

Result<std::vector<SwapEntry>> read_swap_table(const Host& host) {
  constexpr std::string_view kPath = "/proc/swaps";
  auto text = host.read_file(kPath);
  if (text) return parse_swap_table(*text, host.place(kPath));
  Error error = std::move(text).error();
  if (error.code == ErrorCode::missing) error.what += "; this kernel has no swap (CONFIG_SWAP)";
  return fail(std::move(error));
}

Result<std::optional<SwapEntry>> find_swap(const Host& host, std::string_view path) {
  BRIM_TRY(std::vector<SwapEntry> entries, read_swap_table(host));
  for (SwapEntry& entry : entries)
    if (entry.path == path) return std::optional(std::move(entry));
  return std::optional<SwapEntry>();
}

Result<SwapCounters> read_swap_counters(const Host& host) {
  BRIM_TRY(const std::string text, host.read_file("/proc/vmstat"));
  SwapCounters counters;
  counters.in = pages_counted(text, "pswpin");
  counters.out = pages_counted(text, "pswpout");
  counters.zero_in = pages_counted(text, "swpin_zero");
  counters.zero_out = pages_counted(text, "swpout_zero");
  counters.zswap_in = pages_counted(text, "zswpin");
  counters.zswap_out = pages_counted(text, "zswpout");
  counters.zswap_written_back = pages_counted(text, "zswpwb");
  return counters;
}

Result<ZramUse> read_zram_use(const Host& host, unsigned number) {
  const std::string folder = fmt::format("/sys/block/zram{}", number);
  // mm_stat: original, compressed, used, limit, peak, same-filled, compacted, huge, huge since.
  BRIM_TRY(const auto memory, read_row(host, folder + "/mm_stat", 7));
  // stat: reads, merged, sectors, time, then the same of writes.
  BRIM_TRY(const auto requests, read_row(host, folder + "/stat", 8));
  BRIM_TRY(const auto failures, read_row(host, folder + "/io_stat", 2));
  ZramUse use;
  use.original = Bytes(memory[0]);
  use.compressed = Bytes(memory[1]);
  use.memory = Bytes(memory[2]);
  use.memory_peak = Bytes(memory[4]);
  use.same_filled = Pages(memory[5]);
  if (memory.size() > 7) use.incompressible = Pages(memory[7]);
  use.reads = requests[0];
  use.writes = requests[4];
  use.failed_reads = failures[0];
  use.failed_writes = failures[1];
  return use;
}

Result<ZswapUse> read_zswap_use(const Host& host) {
  constexpr std::string_view kPath = "/proc/meminfo";
  BRIM_TRY(const std::string text, host.read_file(kPath));
  std::optional<std::uint64_t> memory;
  std::optional<std::uint64_t> original;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    if (line->starts_with("Zswap:")) memory = parse_kibibytes(line->substr(6));
    if (line->starts_with("Zswapped:")) original = parse_kibibytes(line->substr(9));
  }
  if (!memory || !original)
    return fail(ErrorCode::missing, "this kernel does not tell what zswap holds (Linux 5.19 does)",
                host.place(kPath));
  return ZswapUse{Bytes(*original), Bytes(*memory)};
}

}  // namespace brim::host
