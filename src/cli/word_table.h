// SPDX-License-Identifier: Apache-2.0
#pragma once
// A table of words alone, in a section by itself: what lists and plans are made of. No column has a
// unit, and every row has a word for each; numbers that CSV is to see go into a report::Table.

#include "report/document.h"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace brim::cli {

struct WordColumn {
  std::string key;  // as in report::Column
  std::string title;
};

struct WordTable {
  std::string id;       // the section's, too
  std::string section;  // its title
  std::string title;
  std::vector<WordColumn> columns;
  std::vector<std::vector<std::string>> rows;
};

[[nodiscard]] report::Section section_of(const WordTable& table);
// A list of objects, one a row: each word under its column's key.
[[nodiscard]] nlohmann::json rows_json(const WordTable& table);

}  // namespace brim::cli
