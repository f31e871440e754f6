// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pieces that the parsers of /proc's texts share. Internal to the host room.

#include "base/result.h"
#include "base/units.h"
#include "host/process.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

// The lines of a text, without their newlines; a last line without one counts.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++number_;
    return line;
  }
  // Of the line next() gave last, from 1.
  [[nodiscard]] std::size_t number() const { return number_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

// An error of a text that the kernel would not write.
[[nodiscard]] Error malformed(std::string_view what, std::string_view where, std::size_t line,
                              std::string_view text);

[[nodiscard]] Result<Mapping> parse_maps_line(std::string_view line, std::string_view where,
                                              std::size_t line_number);
// An error if `mapping` begins below `end_before`.
[[nodiscard]] Result<void> check_order(const Mapping& mapping, std::uint64_t end_before,
                                       std::string_view where, std::size_t line_number);

// "  1976 kB" in bytes. Nothing if it is no number, is too large, or ends before its unit: it may
// then have lost digits, too.
[[nodiscard]] std::optional<std::uint64_t> parse_kibibytes(std::string_view text);

// N of the line "key N"; nothing where there is no such line, or it holds something else.
[[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key);

// The same of pages.
[[nodiscard]] std::optional<Pages> pages_counted(std::string_view text, std::string_view key);

// The words of a line, white space of any length between them.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view line);

// \040 and its like as /proc/mounts writes white space; \\ and \n as /proc/PID/status does.
[[nodiscard]] std::string unescape_octal(std::string_view text);

}  // namespace brim::host
