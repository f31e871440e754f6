// SPDX-License-Identifier: Apache-2.0
#pragma once
// What brim brings with it: catalogues, scenarios, published tables (the files under data/).

#include "base/result.h"
#include "study/area.h"
#include "study/catalogue.h"
#include "study/scenario.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::study {

struct BuiltInFile {
  std::string_view path;  // under data/: "scenarios/share-ksm.toml"
  std::string_view text;
};

[[nodiscard]] std::span<const BuiltInFile> built_in_files();
// The names of scenarios ("share-ksm"), sorted.
[[nodiscard]] std::vector<std::string> built_in_scenarios();

// brim's own entries for these areas (a file is named after its area), and those of `more`, files
// of the user's.
[[nodiscard]] Result<Catalogue> open_catalogue(std::span<const Area* const> areas,
                                               std::span<const std::string> more);
// A file, or a scenario of brim's own by its name. `missing` with the names there are, or the
// nearest.
[[nodiscard]] Result<ScenarioFile> open_scenario(const std::string& name,
                                                 const Catalogue& catalogue,
                                                 std::span<const Area* const> areas,
                                                 std::span<const Override> overrides = {});

}  // namespace brim::study
