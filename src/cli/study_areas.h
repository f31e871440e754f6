// SPDX-License-Identifier: Apache-2.0
#pragma once
// The areas that have studies, their models, and what runs them on this machine.

#include "base/cancel.h"
#include "base/result.h"
#include "host/host.h"
#include "share/model/memory_image.h"
#include "study/area.h"
#include "study/backend.h"
#include "study/scenario.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace brim::cli {

[[nodiscard]] std::span<const study::Area* const> study_areas();
// A scenario of theirs, by its file or brim's own name, with `sets` ("study.scale=0.1") in place of
// what it says.
[[nodiscard]] Result<study::ScenarioFile> scenario_with(const std::string& name,
                                                        std::span<const std::string> sets,
                                                        const study::Catalogue& catalogue);
// What the backend would refuse of any of its points.
[[nodiscard]] Result<void> check_points(const study::ScenarioFile& scenario,
                                        const study::Backend& backend);
// `images`: see share/model/memory_image.h.
[[nodiscard]] std::unique_ptr<study::Backend> make_model(const study::Area& area,
                                                         share::model::MemoryImages images = {});
// Reads the files: each stands for a guest of the scenario, whose seed draws what similar pages are
// found by. `cancel` must outlive them.
[[nodiscard]] Result<share::model::MemoryImages> read_memory_images(
    std::span<const std::string> paths, const study::ScenarioFile& scenario, const Cancel& cancel);
struct LiveOptions {
  bool whole_machine = false;  // leave to let the whole machine thrash (live.where = "machine")
};
// `host` must outlive it. Errors: no place for brim's state or the lab's cache.
[[nodiscard]] Result<std::unique_ptr<study::Backend>> make_live(const study::Area& area,
                                                                const host::Host& host,
                                                                const LiveOptions& options = {});

}  // namespace brim::cli
