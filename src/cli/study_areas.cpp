// SPDX-License-Identifier: Apache-2.0
#include "cli/study_areas.h"

#include "base/result.h"
#include "cli/simulated_tuner.h"
#include "share/model/share_area.h"
#include "share/model/share_backend.h"

#include <array>

namespace brim::cli {

std::span<const study::Area* const> study_areas() {
  static const std::array<const study::Area*, 1> areas{&share::model::share_area()};
  return areas;
}

std::unique_ptr<study::Backend> make_model(const study::Area& area) {
  BRIM_ASSERT(area.name == share::model::share_area().name);
  return share::model::make_share_backend(make_simulated_tuner);
}

}  // namespace brim::cli
