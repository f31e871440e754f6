// SPDX-License-Identifier: Apache-2.0
#include "lab/kernel_modules.h"

#include "base/text.h"
#include "lab/archive.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
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

Result<void> copy_decompressed(const std::string& from, const std::string& to) {
  std::ifstream file(from, std::ios::binary);
  if (!file) return fail(errno_error(errno, "open", from));
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file),
                                std::istreambuf_iterator<char>()};
  if (!from.ends_with(".ko")) return decompress(std::as_bytes(std::span(bytes)), to, from);
  std::ofstream copy(to, std::ios::binary | std::ios::trunc);
  if (!copy.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush())
    return fail(errno_error(errno, "write", to));
  return {};
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

Result<void> write_modules(const std::string& tree, const std::vector<std::string>& paths,
                           const std::string& work, const std::string& to) {
  using Kind = ArchiveEntry::Kind;
  std::vector<ArchiveEntry> entries = {{Kind::directory, "lib", "", "", 0, 0},
                                       {Kind::directory, "lib/brim", "", "", 0, 0}};
  std::string list;
  for (const std::string& path : paths) {
    const std::string name = "lib/brim/" + module_name(path) + ".ko";
    const std::string plain = work + "/" + module_name(path) + ".ko";
    BRIM_CHECK(copy_decompressed(tree + "/" + path, plain));
    entries.push_back({Kind::file, name, plain, "", 0, 0});
    list += "/" + name + "\n";
  }
  entries.push_back({Kind::file, "lib/brim/modules.list", "", list, 0, 0});
  return write_initramfs(to, entries);
}

}  // namespace brim::lab
