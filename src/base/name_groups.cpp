// SPDX-License-Identifier: Apache-2.0
#include "base/name_groups.h"

#include "base/text.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>

namespace brim {

std::vector<std::string> listed_names(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string_view name : split(text, ','))
    if (!trim(name).empty()) names.emplace_back(trim(name));
  return names;
}

Result<std::vector<NameGroup>> parse_name_groups(std::string_view text,
                                                 const NameGroupWords& words) {
  std::vector<NameGroup> groups;
  for (const std::string_view part : split(text, ';')) {
    if (trim(part).empty()) continue;
    const std::size_t equals = part.find('=');
    NameGroup group{std::string(trim(part.substr(0, equals))), {}};
    if (equals != std::string_view::npos) group.patterns = listed_names(part.substr(equals + 1));
    if (group.name.empty() || group.patterns.empty())
      return fail(ErrorCode::bad_input,
                  fmt::format("'{}' is no {}: expected NAME={},{}", trim(part), words.group,
                              words.member, words.member),
                  std::string(words.where));
    groups.push_back(std::move(group));
  }
  return groups;
}

bool matches_any(std::span<const std::string> patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&name](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  });
}

std::string_view group_of(std::span<const NameGroup> groups, const std::string& name) {
  for (const NameGroup& group : groups)
    if (matches_any(group.patterns, name)) return group.name;
  return {};
}

}  // namespace brim
