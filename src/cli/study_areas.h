// SPDX-License-Identifier: Apache-2.0
#pragma once
// The areas that have studies, and their models.

#include "study/area.h"
#include "study/backend.h"

#include <memory>
#include <span>

namespace brim::cli {

[[nodiscard]] std::span<const study::Area* const> study_areas();
[[nodiscard]] std::unique_ptr<study::Backend> make_model(const study::Area& area);

}  // namespace brim::cli
