// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/module_order.h"

#include "base/text.h"

#include <algorithm>
#include <map>

namespace brim::lab {
namespace {

using Dependencies = std::map<std::string, std::vector<std::string_view>>;  // path first

// "PATH: DEPENDENCY DEPENDENCY ...", the dependencies of dependencies included, and to be loaded
// from the last to the first.
Dependencies parse_modules_dep(std::string_view text) {
  Dependencies found;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::vector<std::string_view>& paths = found[module_name(line.substr(0, colon))];
    paths = {line.substr(0, colon)};
    for (const std::string_view path : split(line.substr(colon + 1), ' '))
      if (!path.empty()) paths.push_back(path);
  }
  return found;
}

}  // namespace

std::string module_name(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  std::string plain(name.substr(0, name.find('.')));
  std::replace(plain.begin(), plain.end(), '-', '_');
  return plain;
}

std::vector<std::string> modules_in_order(std::string_view modules_dep,
                                          std::span<const std::string_view> wanted) {
  const Dependencies dependencies = parse_modules_dep(modules_dep);
  std::vector<std::string> order;
  for (const std::string_view name : wanted) {
    const auto known = dependencies.find(std::string(name));
    if (known == dependencies.end()) continue;
    for (auto path = known->second.rbegin(); path != known->second.rend(); ++path)
      if (std::find(order.begin(), order.end(), *path) == order.end()) order.emplace_back(*path);
  }
  return order;
}

}  // namespace brim::lab
