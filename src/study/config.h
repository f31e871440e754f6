// SPDX-License-Identifier: Apache-2.0
#pragma once
// TOML files as a tree that knows the line of each value, so that whoever reads it can say where a
// wrong one stands. (toml++ is included in config.cpp alone.)

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace brim::study {

struct ConfigNode;
struct ConfigMember;
using ConfigList = std::vector<ConfigNode>;

// Members in the order of the file; keys are unique.
struct ConfigTable {
  std::vector<ConfigMember> members;

  [[nodiscard]] const ConfigNode* find(std::string_view key) const;
  [[nodiscard]] ConfigNode* find(std::string_view key);
};

struct ConfigNode {
  std::variant<bool, std::int64_t, double, std::string, ConfigList, ConfigTable> value;
  std::string file;  // as it was named
  std::uint32_t line = 0;

  // Null where it is of another kind.
  [[nodiscard]] const ConfigTable* table() const { return std::get_if<ConfigTable>(&value); }
  [[nodiscard]] const ConfigList* list() const { return std::get_if<ConfigList>(&value); }
  [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&value); }
  // "file.toml:12".
  [[nodiscard]] std::string place() const;
  // "true", "a whole number", "text", "a table"
  [[nodiscard]] std::string_view kind() const;
};

struct ConfigMember {
  std::string key;
  ConfigNode value;
};

// The root table. Dates and times, which nothing of brim's has, are an error like any other.
[[nodiscard]] Result<ConfigNode> parse_config(std::string_view text, const std::string& file);
[[nodiscard]] Result<ConfigNode> read_config(const std::string& path);

// Puts a value at a path of keys and of indexes from 0 ("guests.0.memory"), in place of what is
// there; tables on the way are made. `bad_input` where the path leads through something else.
[[nodiscard]] Result<void> set_at(ConfigNode& root, std::string_view path, const ConfigNode& value);

}  // namespace brim::study
