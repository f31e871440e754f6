// SPDX-License-Identifier: Apache-2.0
// The texts of /proc/PID: maps, stat, status, ksm_stat, cgroup (smaps has a file of its own).
#include "host/process_text.h"

#include "base/text.h"
#include "host/process.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

namespace brim::host {
namespace {

// Takes the text up to the next space, and that space.
std::string_view take_word(std::string_view& rest) {
  const std::size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  return word;
}

// seq_file writes a newline in a name as \012 and leaves all else alone.
std::string with_newlines(std::string_view text) {
  static constexpr std::string_view kEscaped = "\\012";
  std::string out;
  while (true) {
    const std::size_t at = text.find(kEscaped);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += '\n';
    text.remove_prefix(at + kEscaped.size());
  }
}

std::optional<std::int64_t> parse_signed(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<int> parse_int(std::string_view text) {
  const std::optional<std::int64_t> value = parse_signed(text);
  if (!value || *value < std::numeric_limits<int>::min() ||
      *value > std::numeric_limits<int>::max())
    return std::nullopt;
  return static_cast<int>(*value);
}

// "r-xp": four letters, each its own or '-'; the last p or s.
bool parse_permissions(std::string_view text, Mapping& out) {
  if (text.size() != 4) return false;
  const auto is = [&](std::size_t at, char letter) { return text[at] == letter; };
  for (const std::size_t at : {0U, 1U, 2U})
    if (!is(at, "rwx"[at]) && !is(at, '-')) return false;
  if (!is(3, 'p') && !is(3, 's')) return false;
  out.readable = is(0, 'r');
  out.writable = is(1, 'w');
  out.executable = is(2, 'x');
  out.shared = is(3, 's');
  return true;
}

bool parse_range(std::string_view text, Mapping& out) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  const std::optional<std::uint64_t> start = parse_number(text.substr(0, dash), 16);
  const std::optional<std::uint64_t> end = parse_number(text.substr(dash + 1), 16);
  if (!start || !end || *start >= *end) return false;
  if ((*start | *end) % kPageSize != 0) return false;
  out.start = *start;
  out.end = *end;
  return true;
}

}  // namespace

Error malformed(std::string_view what, std::string_view where, std::size_t line,
                std::string_view text) {
  return {ErrorCode::io, fmt::format("{}: '{}'", what, text.substr(0, 80)),
          fmt::format("{}:{}", where, line)};
}

Result<Mapping> parse_maps_line(std::string_view line, std::string_view where,
                                std::size_t line_number) {
  Mapping mapping;
  std::string_view rest = line;
  const bool range = parse_range(take_word(rest), mapping);
  const bool permissions = range && parse_permissions(take_word(rest), mapping);
  if (!permissions)
    return fail(malformed("not a mapping, expected 'start-end perms offset device inode path'",
                          where, line_number, line));
  const std::optional<std::uint64_t> offset = parse_number(take_word(rest), 16);
  mapping.device = std::string(take_word(rest));
  const std::optional<std::uint64_t> inode = parse_number(take_word(rest));
  if (!offset || !inode || mapping.device.find(':') == std::string::npos)
    return fail(malformed("mapping without offset, device and inode", where, line_number, line));
  mapping.offset = *offset;
  mapping.inode = *inode;
  // Padded with spaces up to the path; no path begins with one, but it may end with one.
  const std::size_t begin = rest.find_first_not_of(' ');
  if (begin != std::string_view::npos) mapping.path = with_newlines(rest.substr(begin));
  return mapping;
}

Result<void> check_order(const Mapping& mapping, std::uint64_t end_before, std::string_view where,
                         std::size_t line_number) {
  // proc(5) promises that addresses never go backwards, even while mappings change.
  if (mapping.start >= end_before) return {};
  return fail(ErrorCode::io,
              fmt::format("mapping at {:x} begins before the end of the one before it, {:x}",
                          mapping.start, end_before),
              fmt::format("{}:{}", where, line_number));
}

Result<std::vector<Mapping>> parse_maps(std::string_view text, std::string_view where) {
  std::vector<Mapping> mappings;
  std::uint64_t end_before = 0;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    BRIM_TRY(Mapping mapping, parse_maps_line(*line, where, lines.number()));
    BRIM_CHECK(check_order(mapping, end_before, where, lines.number()));
    end_before = mapping.end;
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

Result<ProcessStat> parse_stat(std::string_view text, std::string_view where) {
  // "pid (comm) state ppid ...": comm may hold anything, ") " too, so the last one ends it.
  text = text.substr(0, text.find_last_not_of('\n') + 1);
  const std::size_t open = text.find(" (");
  const std::size_t close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2)
    return fail(malformed("no '(name)' in it, expected 'pid (name) state ...'", where, 1, text));
  ProcessStat stat;
  stat.name = std::string(text.substr(open + 2, close - open - 2));
  const std::vector<std::string_view> fields = split(text.substr(close + 2), ' ');
  // Numbered as in proc(5): 3 is the state; 24, the resident set, is the last one needed.
  const auto field = [&](std::size_t number) { return fields[number - 3]; };
  if (fields.size() < 24 - 2 || field(3).size() != 1)
    return fail(malformed("cut short, expected a state and at least 24 fields", where, 1, text));
  stat.state = field(3)[0];
  const std::optional<int> pid = parse_int(text.substr(0, open));
  const std::optional<int> parent = parse_int(field(4));
  const auto count = [&](std::size_t number) { return parse_number(field(number)); };
  const auto minor = count(10);
  const auto major = count(12);
  const auto user = count(14);
  const auto system = count(15);
  const auto start = count(22);
  const std::optional<std::int64_t> resident = parse_signed(field(24));
  if (!pid || !parent || !minor || !major || !user || !system || !start || !resident)
    return fail(malformed("a field is not a number", where, 1, text));
  stat.pid = *pid;
  stat.parent = *parent;
  stat.process_group = parse_int(field(5)).value_or(0);
  if (fields.size() > 41 - 3) stat.scheduling_policy = parse_int(field(41)).value_or(0);
  stat.minor_faults = *minor;
  stat.major_faults = *major;
  stat.user_ticks = *user;
  stat.system_ticks = *system;
  stat.start_ticks = *start;
  // Counted per processor and summed inexactly: it can dip below 0.
  stat.rss_pages = *resident < 0 ? 0 : static_cast<std::uint64_t>(*resident);
  return stat;
}

Result<ProcessStatus> parse_status(std::string_view text, std::string_view where) {
  ProcessStatus status;
  bool named = false;
  bool owned = false;
  bool memory = false;
  char state = '?';
  std::optional<bool> kernel_thread;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    const std::size_t colon = line->find(':');
    if (colon == std::string_view::npos) continue;  // lines that a later kernel adds are not ours
    const std::string_view key = line->substr(0, colon);
    const std::string_view value = trim(line->substr(colon + 1));
    if (key == "Name") {
      status.name = unescape_octal(line->substr(std::min(colon + 2, line->size())));
      named = true;
    } else if (key == "State" && !value.empty()) {
      state = value[0];
    } else if (key == "Uid") {
      const std::optional<std::uint64_t> uid = parse_number(value.substr(0, value.find('\t')));
      if (!uid || *uid > std::numeric_limits<std::uint32_t>::max())
        return fail(malformed("no user id", where, lines.number(), *line));
      status.uid = static_cast<std::uint32_t>(*uid);
      owned = true;
    } else if (key == "Kthread") {
      kernel_thread = value == "1";
    } else if (key == "VmRSS" || key == "VmSwap") {
      const std::optional<std::uint64_t> bytes = parse_kibibytes(value);
      if (!bytes) return fail(malformed("not a size in kB", where, lines.number(), *line));
      (key == "VmRSS" ? status.vm_rss_bytes : status.vm_swap_bytes) = *bytes;
      memory = true;
    } else if (key == "RssAnon" || key == "RssShmem") {
      status.own_rss_bytes = status.own_rss_bytes.value_or(0) + parse_kibibytes(value).value_or(0);
    }
  }
  if (!named || !owned)
    return fail(ErrorCode::io, "cut short, expected lines 'Name:' and 'Uid:'", std::string(where));
  const bool zombie = state == 'Z' || state == 'X';
  status.kernel_thread = kernel_thread.value_or(!memory && !zombie);
  return status;
}

KsmStat parse_ksm_stat(std::string_view text) {
  KsmStat stat;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    const std::size_t space = line->find(' ');
    if (space == std::string_view::npos) continue;
    std::string_view key = line->substr(0, space);
    const std::string_view value = trim(line->substr(space + 1));
    if (key.ends_with(':')) key.remove_suffix(1);
    if (key == "ksm_rmap_items") stat.rmap_items = parse_number(value);
    if (key == "ksm_zero_pages") stat.zero_pages = parse_number(value);
    if (key == "ksm_merging_pages") stat.merging_pages = parse_number(value);
    if (key == "ksm_process_profit") stat.process_profit_bytes = parse_signed(value);
    if (value != "yes" && value != "no") continue;
    if (key == "ksm_merge_any") stat.merge_any = value == "yes";
    if (key == "ksm_mergeable") stat.mergeable = value == "yes";
  }
  return stat;
}

Result<std::map<std::string, std::string>> parse_process_cgroups(std::string_view text,
                                                                 std::string_view where) {
  std::map<std::string, std::string> paths;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    // "4:memory:/a:b": the path may hold colons.
    const std::size_t first = line->find(':');
    const std::size_t second = first == std::string_view::npos ? first : line->find(':', first + 1);
    if (second == std::string_view::npos || !parse_number(line->substr(0, first)))
      return fail(malformed("expected 'hierarchy:controllers:path'", where, lines.number(), *line));
    paths.emplace(line->substr(first + 1, second - first - 1), line->substr(second + 1));
  }
  return paths;
}

std::optional<std::uint64_t> parse_kibibytes(std::string_view text) {
  text = trim(text);
  if (!text.ends_with(" kB")) return std::nullopt;
  text.remove_suffix(3);
  const std::optional<std::uint64_t> number = parse_number(trim(text));
  if (!number || *number > std::numeric_limits<std::uint64_t>::max() / 1024) return std::nullopt;
  return *number * 1024;
}

std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key) {
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next())
    if (line->starts_with(key) && line->substr(key.size()).starts_with(' '))
      return parse_number(trim(line->substr(key.size())));
  return std::nullopt;
}

std::optional<Pages> pages_counted(std::string_view text, std::string_view key) {
  const auto number = number_of(text, key);
  return number ? std::optional(Pages(*number)) : std::nullopt;
}

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view kWhite = " \t";
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t start = line.find_first_not_of(kWhite);
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    words.push_back(line.substr(0, line.find_first_of(kWhite)));
    line.remove_prefix(words.back().size());
  }
}

std::string unescape_octal(std::string_view text) {
  const auto digit = [](char c, char largest) { return c >= '0' && c <= largest; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view three = text.substr(i + 1, 3);
    if (text[i] == '\\' && three.size() == 3 && digit(three[0], '3') && digit(three[1], '7') &&
        digit(three[2], '7')) {
      out += static_cast<char>((three[0] - '0') * 64 + (three[1] - '0') * 8 + (three[2] - '0'));
      i += 3;
    } else if (text[i] == '\\' && three.starts_with('\\')) {
      out += '\\';
      i += 1;
    } else if (text[i] == '\\' && three.starts_with('n')) {
      out += '\n';
      i += 1;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace brim::host
