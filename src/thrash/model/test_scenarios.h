// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of scenarios of the area "thrash" have in common.

#include "study/built_in.h"
#include "study/scenario.h"
#include "thrash/model/thrash_area.h"

#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace brim::thrash::model::test {

inline std::span<const study::Area* const> areas() {
  static const std::array<const study::Area*, 1> all{&thrash_area()};
  return all;
}

// Entries of brim's own catalogue can be named.
inline Result<study::ScenarioFile> parse_scenario(std::string_view text) {
  study::Catalogue catalogue;
  for (const study::BuiltInFile& file : study::built_in_files()) {
    if (file.path != "catalogue/thrash.toml") continue;
    BRIM_TRY(const study::ConfigNode node, study::parse_config(file.text, std::string(file.path)));
    BRIM_CHECK(catalogue.add(node, areas()));
  }
  return study::ScenarioFile::parse(text, "s.toml", catalogue, areas());
}

struct SmallScenario {
  std::string_view hardware = "memory = \"16MiB\"\nswap_size = \"64MiB\"";
  std::string_view mechanism = "policy = \"system\"\nreplacement = \"clock\"";
  std::string_view load = "kind = \"uniform\"\nmemory = \"4MiB\"\naccesses = 500\npause = \"20ms\"";
  std::string_view schedule = "duration = \"12s\"\nsample_interval = \"1s\"";
  std::string_view guests =
      "count = 6\nsettle = \"1s\"\nstart_interval = \"500ms\"\nrun_for = \"4s\"";
  std::string_view study = "seed = 1";
};
// Six consumers of 4 MiB on 16 MiB.
inline study::ScenarioFile small_scenario(const SmallScenario& parts = {}) {
  auto file = parse_scenario(fmt::format(
      "area = \"thrash\"\n[study]\n{}\n[schedule]\n{}\n"
      "[hardware]\n{}\n[mechanism]\n{}\n[loads.one]\n{}\n"
      "[[guests]]\nload = \"one\"\n{}\n",
      parts.study, parts.schedule, parts.hardware, parts.mechanism, parts.load, parts.guests));
  EXPECT_TRUE(file) << error_line(file.error());
  return std::move(*file);
}

}  // namespace brim::thrash::model::test
