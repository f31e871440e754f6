// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"
#include "base/result.h"
#include "report/format.h"
#include "report/text_layout.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include <fmt/format.h>

namespace brim::report {
namespace {

constexpr int kIndent = 2;
constexpr int kGap = 2;
constexpr int kRecordIndent = 4;

std::string spaces(int n) { return std::string(static_cast<std::size_t>(std::max(n, 0)), ' '); }

std::string padded(std::string_view text, int width, bool right) {
  const std::string fill = spaces(width - display_width(text));
  return right ? fill + std::string(text) : std::string(text) + fill;
}

struct Grid {
  std::vector<std::string> headings;
  std::vector<bool> right;
  std::vector<std::vector<std::string>> rows;
};

Grid grid_of(const Table& table) {
  Grid grid;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    grid.headings.push_back(heading(table.columns[i]));
    grid.right.push_back(is_numeric(table, i));
  }
  for (const auto& row : table.rows) {
    BRIM_ASSERT(row.size() <= table.columns.size());
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      cells.push_back(i < row.size() ? format_cell(row[i], table.columns[i].unit)
                                     : std::string(kMissing));
    grid.rows.push_back(std::move(cells));
  }
  return grid;
}

int total(const std::vector<int>& widths) {
  return std::accumulate(widths.begin(), widths.end(), kIndent) +
         kGap * (static_cast<int>(widths.size()) - 1);
}

// The widths at which the columns fit: as they are, with wrapped headings, with wrapped texts, or
// not at all.
std::optional<std::vector<int>> fitted(const Grid& grid, int width) {
  std::vector<int> natural;
  std::vector<int> least;
  std::vector<int> roomy;
  for (std::size_t i = 0; i < grid.headings.size(); ++i) {
    int widest = 0;
    int word = widest_word(grid.headings[i]);
    natural.push_back(word);
    for (const auto& row : grid.rows) {
      widest = std::max(widest, display_width(row[i]));
      if (!grid.right[i]) word = std::max(word, widest_word(row[i]));
    }
    natural.back() = std::max(natural.back(), widest);
    least.push_back(grid.right[i] ? natural.back() : word);
    roomy.push_back(std::max(widest, display_width(grid.headings[i])));
  }
  if (total(roomy) <= width) return roomy;
  while (total(natural) > width) {
    std::optional<std::size_t> widest;
    for (std::size_t i = 0; i < natural.size(); ++i)
      if (natural[i] > least[i] && (!widest || natural[i] > natural[*widest])) widest = i;
    if (!widest) return std::nullopt;
    --natural[*widest];
  }
  return natural;
}

void add_row(std::vector<std::string>& lines, const std::vector<std::string>& cells,
             const std::vector<int>& widths, const std::vector<bool>& right, bool at_bottom) {
  std::vector<std::vector<std::string>> wrapped;
  std::size_t height = 1;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool fits = display_width(cells[i]) <= widths[i];
    wrapped.push_back(fits ? std::vector<std::string>{cells[i]} : wrap(cells[i], widths[i], "", 0));
    height = std::max(height, wrapped.back().size());
  }
  for (std::size_t l = 0; l < height; ++l) {
    std::string line = spaces(kIndent);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::size_t skip = at_bottom ? height - wrapped[i].size() : 0;
      const bool there = l >= skip && l - skip < wrapped[i].size();
      line += padded(there ? wrapped[i][l - skip] : "", widths[i], right[i]);
      if (i + 1 < cells.size()) line += spaces(kGap);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
}

std::vector<std::string> side_by_side(const Grid& grid, const std::vector<int>& widths) {
  std::vector<std::string> lines;
  add_row(lines, grid.headings, widths, grid.right, true);
  std::vector<std::string> rule;
  for (const int width : widths) {
    std::string dashes;
    for (int i = 0; i < width; ++i) dashes += "─";
    rule.push_back(std::move(dashes));
  }
  add_row(lines, rule, widths, grid.right, false);
  for (const auto& row : grid.rows) add_row(lines, row, widths, grid.right, false);
  return lines;
}

std::vector<std::string> records(const Grid& grid, int width) {
  int key_width = 0;
  int value_width = 0;
  for (std::size_t i = 1; i < grid.headings.size(); ++i) {
    key_width = std::max(key_width, display_width(grid.headings[i]));
    for (const auto& row : grid.rows)
      if (grid.right[i]) value_width = std::max(value_width, display_width(row[i]));
  }
  const bool aligned = kRecordIndent + key_width + 2 + value_width <= width;
  std::vector<std::string> lines;
  const auto add = [&](std::vector<std::string> more) {
    std::move(more.begin(), more.end(), std::back_inserter(lines));
  };
  for (const auto& row : grid.rows) {
    add(wrap(fmt::format("{}: {}", grid.headings[0], row[0]), width, spaces(kIndent),
             kRecordIndent));
    for (std::size_t i = 1; i < row.size(); ++i) {
      const std::string key = grid.headings[i] + ":";
      if (aligned && grid.right[i])
        lines.push_back(spaces(kRecordIndent) + padded(key, key_width + 2, false) +
                        padded(row[i], value_width, true));
      else
        add(wrap(key + " " + row[i], width, spaces(kRecordIndent), kRecordIndent + kIndent));
    }
  }
  return lines;
}

}  // namespace

std::vector<std::string> table_lines(const Table& table, int width) {
  if (table.columns.empty() || table.rows.empty()) return {spaces(kIndent) + "(none)"};
  const Grid grid = grid_of(table);
  const auto widths = fitted(grid, width);
  return widths ? side_by_side(grid, *widths) : records(grid, width);
}

}  // namespace brim::report
