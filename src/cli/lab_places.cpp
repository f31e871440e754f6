// SPDX-License-Identifier: Apache-2.0
#include "cli/lab_places.h"

#include <cstdlib>
#include <filesystem>

#include <unistd.h>

namespace brim::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

Result<std::string> lab_cache_directory(const std::string& typed) {
  if (!typed.empty()) return typed;
  if (std::string named = environment("BRIM_LAB_CACHE"); !named.empty()) return named;
  if (const std::string base = environment("XDG_CACHE_HOME"); !base.empty()) return base + "/brim";
  if (::geteuid() == 0) return std::string("/var/cache/brim");
  if (const std::string home = environment("HOME"); !home.empty()) return home + "/.cache/brim";
  return fail(ErrorCode::bad_input, "no $HOME to keep a cache in; name a folder", "--cache");
}

Result<std::string> agent_program(const std::string& typed) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!typed.empty()) return typed;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& path : {folder / "brim-agent", folder / "../libexec/brim/brim-agent"})
    if (fs::exists(path, error)) return fs::weakly_canonical(path, error).string();
  return fail(ErrorCode::missing, "no brim-agent beside brim; name it", "--agent");
}

}  // namespace brim::cli
