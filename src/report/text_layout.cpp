// SPDX-License-Identifier: Apache-2.0
#include "report/text_layout.h"

#include "base/printable.h"

#include <algorithm>

namespace brim::report {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

}  // namespace

int widest_word(std::string_view text) {
  int widest = 0;
  for (const std::string_view word : words_of(text)) widest = std::max(widest, display_width(word));
  return widest;
}

std::vector<std::string> wrap(std::string_view text, int width, std::string_view first,
                              int indent) {
  std::vector<std::string> lines;
  std::string line(first);
  int used = display_width(first);
  bool blank = line.find_first_not_of(' ') == std::string::npos;  // only an indent so far
  bool gap = false;
  const auto restart = [&](int at_most, int size) {
    // A word too wide for the indent takes less of it rather than overflow.
    used = std::clamp(width - size, 0, at_most);
    line.assign(static_cast<std::size_t>(used), ' ');
    blank = true;
    gap = false;
  };
  for (const std::string_view word : words_of(text)) {
    const int size = display_width(word);
    if (used + (gap ? 1 : 0) + size > width) {
      if (!blank) lines.push_back(line);
      restart(blank && lines.empty() ? used : indent, size);
    }
    if (gap) line += ' ';
    line += word;
    used += size + (gap ? 1 : 0);
    blank = false;
    gap = true;
  }
  if (!blank || lines.empty()) lines.push_back(line);
  for (std::string& each : lines) each.erase(each.find_last_not_of(' ') + 1);
  return lines;
}

}  // namespace brim::report
