// SPDX-License-Identifier: Apache-2.0
#include "cli/word_table.h"

#include "base/result.h"

#include <utility>

namespace brim::cli {

report::Section section_of(const WordTable& table) {
  report::Table cells{table.id, table.title, "", {}, {}};
  for (const WordColumn& column : table.columns)
    cells.columns.push_back({column.key, column.title, report::Unit::none});
  for (const std::vector<std::string>& row : table.rows) {
    BRIM_ASSERT(row.size() == table.columns.size());
    cells.rows.emplace_back(row.begin(), row.end());
  }
  return {table.id, table.section, {}, {std::move(cells)}, {}, false};
}

nlohmann::json rows_json(const WordTable& table) {
  nlohmann::json rows = nlohmann::json::array();
  for (const std::vector<std::string>& row : table.rows) {
    BRIM_ASSERT(row.size() == table.columns.size());
    nlohmann::json one = nlohmann::json::object();
    for (std::size_t i = 0; i < row.size(); ++i) one[table.columns[i].key] = row[i];
    rows.push_back(std::move(one));
  }
  return rows;
}

}  // namespace brim::cli
