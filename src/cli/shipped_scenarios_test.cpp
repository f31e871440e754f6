// SPDX-License-Identifier: Apache-2.0
// The scenarios that brim ships, with all areas' catalogues: the model takes each of their points.
#include "cli/study_areas.h"
#include "study/built_in.h"
#include "study/catalogue.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace brim::cli {
namespace {

// Loads of programs and machines that run already are live only.
bool modelled(const study::Scenario& scenario) {
  const bool share = scenario.area->name == "share";
  for (const study::GuestGroup& group : scenario.guests) {
    if (share && group.settings.get<std::string>("kind") == "running") return false;
    const study::Load* load = scenario.find_load(group.load);
    if (load == nullptr) continue;
    if (share ? load->family != "synthetic" && load->family != "idle" : load->family == "program")
      return false;
  }
  return true;
}

// Sizes are rounded to pages: what fits at one scale may not at another.
TEST(ShippedScenarios, The_model_takes_every_point_at_every_scale) {
  const auto catalogue = study::open_catalogue(study_areas(), {});
  ASSERT_TRUE(catalogue) << error_line(catalogue.error());
  int taken = 0;
  for (const std::string& name : study::built_in_scenarios()) {
    for (const char* scale : {"1", "0.5", "0.125", "0.05"}) {
      const std::array sets{*study::parse_override(std::string("study.scale=") + scale)};
      const auto file = study::open_scenario(name, *catalogue, study_areas(), sets);
      ASSERT_TRUE(file) << name << ": " << error_line(file.error());
      if (!modelled(file->base())) continue;
      const auto model = make_model(*file->base().area);
      for (const study::Point& point : file->points()) {
        const auto checked = model->check(file->at(point));
        EXPECT_TRUE(checked) << name << " at " << scale << ": " << error_line(checked.error());
        ++taken;
      }
    }
  }
  EXPECT_GT(taken, 8 * 4 * 4) << "eight scenarios of four points alone";
}

}  // namespace
}  // namespace brim::cli
