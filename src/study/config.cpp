// SPDX-License-Identifier: Apache-2.0
#include "study/config.h"

#include "base/fd.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

// Debian's library of it throws, and has nothing that does not.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace brim::study {
namespace {

constexpr std::size_t kLargestFile = std::size_t{16} << 20;

// Lines of toml++ are counted from 1.
class Converter {
 public:
  explicit Converter(std::string file) : file_(std::move(file)) {}

  Result<ConfigNode> convert(const toml::node& node) {
    ConfigNode out;
    out.file = file_;
    out.line = node.source().begin.line;
    switch (node.type()) {
      case toml::node_type::boolean:
        out.value = node.as_boolean()->get();
        return out;
      case toml::node_type::integer:
        out.value = node.as_integer()->get();
        return out;
      case toml::node_type::floating_point:
        out.value = node.as_floating_point()->get();
        return out;
      case toml::node_type::string:
        out.value = node.as_string()->get();
        return out;
      case toml::node_type::array: {
        BRIM_TRY(out.value, convert_list(*node.as_array()));
        return out;
      }
      case toml::node_type::table: {
        BRIM_TRY(out.value, convert_table(*node.as_table()));
        return out;
      }
      default:
        return fail(ErrorCode::bad_input, "a date or time; durations are texts: \"10min\"",
                    out.place());
    }
  }

 private:
  Result<ConfigList> convert_list(const toml::array& array) {
    ConfigList list;
    list.reserve(array.size());
    for (const toml::node& element : array) {
      BRIM_TRY(list.emplace_back(), convert(element));
    }
    return list;
  }

  // toml++ sorts by key; the file's order is that of the keys' places.
  Result<ConfigTable> convert_table(const toml::table& table) {
    std::vector<std::pair<toml::source_position, const toml::key*>> keys;
    for (const auto& [key, value] : table) keys.emplace_back(key.source().begin, &key);
    std::stable_sort(keys.begin(), keys.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    ConfigTable out;
    for (const auto& [position, key] : keys) {
      BRIM_TRY(ConfigNode node, convert(*table.get(key->str())));
      if (node.line == 0) node.line = position.line;
      out.members.push_back({std::string(key->str()), std::move(node)});
    }
    return out;
  }

  std::string file_;
};

std::optional<std::size_t> index_in(const ConfigList& list, std::string_view text) {
  const auto index = parse_number(text);
  if (!index || *index >= list.size()) return std::nullopt;
  return static_cast<std::size_t>(*index);
}

// The node under `key`, made where a table has none; null where there can be none.
ConfigNode* step_into(ConfigNode& node, std::string_view key) {
  if (auto* list = std::get_if<ConfigList>(&node.value)) {
    const auto index = index_in(*list, key);
    return index ? &(*list)[*index] : nullptr;
  }
  auto* table = std::get_if<ConfigTable>(&node.value);
  if (table == nullptr) return nullptr;
  if (ConfigNode* known = table->find(key)) return known;
  ConfigNode made{.value = ConfigTable{}, .file = node.file, .line = node.line};
  table->members.push_back({std::string(key), std::move(made)});
  return &table->members.back().value;
}

}  // namespace

const ConfigNode* ConfigTable::find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [key](const auto& member) { return member.key == key; });
  return found == members.end() ? nullptr : &found->value;
}

ConfigNode* ConfigTable::find(std::string_view key) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [key](const auto& member) { return member.key == key; });
  return found == members.end() ? nullptr : &found->value;
}

std::string ConfigNode::place() const { return fmt::format("{}:{}", file, line); }

std::string_view ConfigNode::kind() const {
  constexpr std::array<std::string_view, 6> kNames{"true or false", "a whole number", "a number",
                                                   "a text",        "a list",         "a table"};
  return kNames.at(value.index());
}

Result<ConfigNode> parse_config(std::string_view text, const std::string& file) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(ErrorCode::bad_input, std::string(error.description()),
                fmt::format("{}:{}", file, error.source().begin.line));
  }
  BRIM_TRY(ConfigNode root, Converter(file).convert(parsed.table()));
  return root;
}

Result<ConfigNode> read_config(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(named_by_user(errno_error(errno, "open", path)));
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(named_by_user(errno_error(errno, "read", path)));
    if (got == 0) break;
    if (text.size() > kLargestFile)
      return fail(ErrorCode::bad_input, "too large for a scenario or catalogue (over 16 MiB)",
                  path);
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return parse_config(text, path);
}

Result<void> set_at(ConfigNode& root, std::string_view path, const ConfigNode& value) {
  ConfigNode* at = &root;
  for (const std::string_view key : split(path, '.')) {
    at = step_into(*at, key);
    if (at == nullptr)
      return fail(ErrorCode::bad_input, fmt::format("{} leads nowhere at \"{}\"", path, key),
                  value.place());
  }
  *at = value;
  return {};
}

}  // namespace brim::study
