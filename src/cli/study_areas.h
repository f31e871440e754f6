// SPDX-License-Identifier: Apache-2.0
#pragma once
// The areas that have studies, their models, and what runs them on this machine.

#include "base/result.h"
#include "host/host.h"
#include "study/area.h"
#include "study/backend.h"

#include <memory>
#include <span>

namespace brim::cli {

[[nodiscard]] std::span<const study::Area* const> study_areas();
[[nodiscard]] std::unique_ptr<study::Backend> make_model(const study::Area& area);
// `host` must outlive it. Errors: no place for brim's state or the lab's cache.
[[nodiscard]] Result<std::unique_ptr<study::Backend>> make_live(const study::Area& area,
                                                                const host::Host& host);

}  // namespace brim::cli
