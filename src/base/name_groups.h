// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names by shell pattern, as settings have them: lists ("sshd*,init"), and groups with a name of
// their own ("web=web1,web2;db=db*"). Patterns are those of fnmatch(3), without flags: "*" takes a
// "/", too.

#include "base/result.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim {

struct NameGroup {
  std::string name;
  std::vector<std::string> patterns;  // never empty
};

// What an error calls such groups.
struct NameGroupWords {
  std::string_view group;   // "team"
  std::string_view member;  // "TASK"
  std::string_view where;   // the setting
};

// "a, b": what is between commas, without blanks around it; nothing for nothing.
[[nodiscard]] std::vector<std::string> listed_names(std::string_view text);
// "web=web1,web2; db=db*". `bad_input` for a group without a name or without members.
[[nodiscard]] Result<std::vector<NameGroup>> parse_name_groups(std::string_view text,
                                                               const NameGroupWords& words);

// Whether one of the patterns is the name.
[[nodiscard]] bool matches_any(std::span<const std::string> patterns, const std::string& name);
// The first group that has the name; "" for none. It lives as long as the groups.
[[nodiscard]] std::string_view group_of(std::span<const NameGroup> groups, const std::string& name);

}  // namespace brim
