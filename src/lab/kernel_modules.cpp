// SPDX-License-Identifier: Apache-2.0
#include "lab/kernel_modules.h"

#include "lab/archive.h"

#include <cerrno>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace brim::lab {
namespace {

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

Result<void> write_modules(const std::string& tree, const std::vector<std::string>& paths,
                           const std::string& work, const std::string& to) {
  using Kind = ArchiveEntry::Kind;
  std::vector<ArchiveEntry> entries = {{Kind::directory, "lib", "", "", 0, 0},
                                       {Kind::directory, "lib/brim", "", "", 0, 0}};
  std::string list;
  for (const std::string& path : paths) {
    const std::string name = "lib/brim/" + module_name(path) + ".ko";
    const std::string plain = work + "/" + module_name(path) + ".ko";
    BRIM_CHECK(copy_decompressed(fmt::format("{}/{}", tree, path), plain));
    entries.push_back({Kind::file, name, plain, "", 0, 0});
    list += "/" + name + "\n";
  }
  entries.push_back({Kind::file, "lib/brim/modules.list", "", list, 0, 0});
  return write_initramfs(to, entries);
}

}  // namespace brim::lab
