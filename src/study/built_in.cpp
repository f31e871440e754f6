// SPDX-License-Identifier: Apache-2.0
#include "study/built_in.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace brim::study {
namespace {

constexpr std::array kFiles = std::to_array<BuiltInFile>({
#include "built_in_generated.inc"
});

constexpr std::string_view kScenarioFolder = "scenarios/";
constexpr std::string_view kCatalogueFolder = "catalogue/";
constexpr std::string_view kEnding = ".toml";

std::string stem(std::string_view path) {
  path.remove_prefix(path.find('/') + 1);
  return std::string(path.substr(0, path.size() - kEnding.size()));
}

}  // namespace

std::span<const BuiltInFile> built_in_files() { return kFiles; }

std::vector<std::string> built_in_scenarios() {
  std::vector<std::string> names;
  for (const BuiltInFile& file : kFiles)
    if (file.path.starts_with(kScenarioFolder)) names.push_back(stem(file.path));
  std::sort(names.begin(), names.end());
  return names;
}

Result<Catalogue> open_catalogue(std::span<const Area* const> areas,
                                 std::span<const std::string> more) {
  Catalogue catalogue;
  for (const BuiltInFile& file : kFiles) {
    if (!file.path.starts_with(kCatalogueFolder)) continue;
    const bool wanted = std::ranges::any_of(areas, [&file](const Area* area) {
      return file.path.substr(kCatalogueFolder.size()) == std::string(area->name) + ".toml";
    });
    if (!wanted) continue;
    BRIM_TRY(const ConfigNode root, parse_config(file.text, "data/" + std::string(file.path)));
    BRIM_CHECK(catalogue.add(root, areas));
  }
  for (const std::string& path : more) {
    BRIM_TRY(const ConfigNode root, read_config(path));
    BRIM_CHECK(catalogue.add(root, areas));
  }
  return catalogue;
}

Result<ScenarioFile> open_scenario(const std::string& name, const Catalogue& catalogue,
                                   std::span<const Area* const> areas,
                                   std::span<const Override> overrides) {
  std::error_code ignored;
  if (std::filesystem::exists(name, ignored))
    return ScenarioFile::read(name, catalogue, areas, overrides);
  for (const BuiltInFile& file : kFiles)
    if (file.path.starts_with(kScenarioFolder) && stem(file.path) == name)
      return ScenarioFile::parse(file.text, "data/" + std::string(file.path), catalogue, areas,
                                 overrides);
  const std::vector<std::string> names = built_in_scenarios();
  const auto near = nearest_word(name, names);
  return fail(
      ErrorCode::bad_input,
      near ? fmt::format("no such file, and no scenario of brim's own; did you mean '{}'?", *near)
           : fmt::format("no such file, and no scenario of brim's own: those are {}",
                         fmt::join(names, ", ")),
      name);
}

}  // namespace brim::study
