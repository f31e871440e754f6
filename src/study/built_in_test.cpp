// SPDX-License-Identifier: Apache-2.0
#include "study/built_in.h"

#include "study/published.h"
#include "study/test_area.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using testing::Contains;
using testing::HasSubstr;

TEST(BuiltIn, Scenarios_and_published_studies_are_in_the_program) {
  EXPECT_THAT(built_in_scenarios(), Contains("share-ksm"));
  bool published = false;
  for (const BuiltInFile& file : built_in_files()) {
    if (!file.path.starts_with("published/")) continue;
    published = true;
    const auto study = parse_published(file.text, std::string(file.path));
    ASSERT_TRUE(study.has_value()) << error_line(study.error());
    EXPECT_FALSE(study->cells.empty());
    for (const PublishedRun& run : study->runs)
      EXPECT_THAT(built_in_scenarios(), Contains(run.scenario));
    for (const PublishedCell& cell : study->cells)
      EXPECT_FALSE(cell.settings.get<std::string>("place").empty());
  }
  EXPECT_TRUE(published);
}

TEST(BuiltIn, A_name_that_is_neither_file_nor_scenario_is_said_with_the_nearest) {
  const Catalogue catalogue;
  const auto none = open_scenario("share-ksn", catalogue, test::kAreas);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::bad_input);
  EXPECT_THAT(error_line(none.error()), HasSubstr("did you mean 'share-ksm'?"));
}

TEST(Overrides, Values_are_read_as_toml_and_else_as_texts) {
  const auto number = parse_override("study.scale=0.1");
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(number->path, "study.scale");
  EXPECT_EQ(std::get<double>(number->value.value), 0.1);
  EXPECT_EQ(*parse_override("mechanism.sleep=10ms")->value.text(), "10ms");
  EXPECT_EQ(std::get<bool>(parse_override("a=true")->value.value), true);
  EXPECT_FALSE(parse_override("study.scale").has_value());
  EXPECT_FALSE(parse_override("=1").has_value());
}

TEST(Overrides, They_stand_in_place_of_what_the_file_says) {
  constexpr std::string_view kText =
      "area = \"test\"\n[mechanism]\npolicy = \"fast\"\nrate = 1\n[[guests]]\n";
  const Catalogue catalogue;
  const std::vector<Override> overrides{*parse_override("mechanism.rate=7")};
  const auto file = ScenarioFile::parse(kText, "s.toml", catalogue, test::kAreas, overrides);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->base().mechanism.settings.get<double>("rate"), 7);
  const std::vector<Override> wrong{*parse_override("mechanism.rat=7")};
  const auto refused = ScenarioFile::parse(kText, "s.toml", catalogue, test::kAreas, wrong);
  ASSERT_FALSE(refused);
  EXPECT_THAT(error_line(refused.error()), HasSubstr("rate"));
}

}  // namespace
}  // namespace brim::study
