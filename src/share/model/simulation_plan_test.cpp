// SPDX-License-Identifier: Apache-2.0
#include "share/model/share_area.h"
#include "study/built_in.h"
#include "study/catalogue.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

// Loads of programs and machines that run already are live only.
bool modelled(const study::Scenario& scenario) {
  for (const study::GuestGroup& group : scenario.guests) {
    if (group.settings.get<std::string>("kind") == "running") return false;
    const study::Load* load = scenario.find_load(group.load);
    if (load != nullptr && load->family != "synthetic" && load->family != "idle") return false;
  }
  return true;
}

// Sizes are rounded to pages: what fits at one scale may not at another.
TEST(SimulationPlan, The_scenarios_that_brim_ships_fit_their_guests_at_every_scale) {
  const std::array<const study::Area*, 1> areas{&share_area()};
  const auto catalogue = study::open_catalogue(areas, {});
  ASSERT_TRUE(catalogue);
  int planned = 0;
  for (const std::string& name : study::built_in_scenarios()) {
    for (const char* scale : {"1", "0.5", "0.125", "0.05"}) {
      const std::array sets{*study::parse_override(std::string("study.scale=") + scale)};
      const auto file = study::open_scenario(name, *catalogue, areas, sets);
      ASSERT_TRUE(file) << name << ": " << error_line(file.error());
      if (!modelled(file->base())) continue;
      for (const study::Point& point : file->points()) {
        const auto plan = plan_simulation(file->at(point));
        EXPECT_TRUE(plan) << name << " at " << scale << ": " << error_line(plan.error());
        ++planned;
      }
    }
  }
  EXPECT_GT(planned, 8 * 4 * 4) << "eight scenarios of four points alone";
}

}  // namespace
}  // namespace brim::share::model
