// SPDX-License-Identifier: Apache-2.0
#include "study/point_notes.h"

#include "study/catalogue.h"
#include "study/test_area.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using testing::ElementsAre;

// One note of all, one by the rate, one of slow points.
class Talkative final : public Backend {
 public:
  [[nodiscard]] Provenance provenance() const override { return Provenance::modelled; }
  [[nodiscard]] bool concurrent() const override { return true; }
  [[nodiscard]] Result<void> check(const Scenario& /*scenario*/) const override { return {}; }
  [[nodiscard]] Result<void> run(const Scenario& /*scenario*/, const Rng& /*rng*/,
                                 const SampleSink& /*sink*/,
                                 const std::function<void(double)>& /*progress*/,
                                 const Cancel& /*cancel*/) const override {
    return {};
  }
  [[nodiscard]] std::vector<std::string> notes(const Scenario& scenario) const override {
    const auto rate = scenario.mechanism.settings.get<double>("rate");
    std::vector<std::string> notes{"One and all.", fmt::format("Rate {}.", rate)};
    if (rate < 300) notes.emplace_back("Slow.");
    return notes;
  }
};

ScenarioFile point_notes_study(std::string_view sweep) {
  const Catalogue catalogue;
  auto file = ScenarioFile::parse(fmt::format(R"(
area = "test"
summary = "A study of nothing"
[mechanism]
policy = "fast"
[[guests]]
count = 2
{})",
                                              sweep),
                                  "dir/study.toml", catalogue, test::kAreas);
  EXPECT_TRUE(file.has_value()) << (file ? "" : error_line(file.error()));
  return std::move(*file);
}

TEST(PointNotesTest, What_only_some_points_note_is_told_with_the_values_that_only_they_have) {
  const ScenarioFile study = point_notes_study(
      "[sweep.over]\n\"mechanism.rate\" = [100, 200, 300]\n\"guests.0.count\" = [1, 2]");
  EXPECT_THAT(point_notes(study, Talkative()),
              ElementsAre("One and all.", "mechanism.rate=100: Rate 100.",
                          "mechanism.rate=100 or 200: Slow.", "mechanism.rate=200: Rate 200.",
                          "mechanism.rate=300: Rate 300."));
}

TEST(PointNotesTest, The_only_points_notes_stand_as_they_are) {
  EXPECT_THAT(point_notes(point_notes_study("[study]\nseed = 1"), Talkative()), testing::SizeIs(2));
}

}  // namespace
}  // namespace brim::study
