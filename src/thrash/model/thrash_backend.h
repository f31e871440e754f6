// SPDX-License-Identifier: Apache-2.0
#pragma once
// The model of the area "thrash" as a backend of studies: a simulated machine that runs a
// scenario's consumers. Consumers are subjects from "consumer 1" on, in the order of the file;
// figures of all of them have none. At study.scale figures are those of what is simulated.
//
// LIMIT: there are no probes, no pressure (PSI) and no I/O other than swapping: their metrics are
// not recorded.

#include "study/backend.h"
#include "thrash/model/thrash_controls.h"

#include <memory>

namespace brim::thrash::model {

// brim's own guard as a control; null where there is none.
using MakeGuard = std::unique_ptr<ThrashControl> (*)(const ControlledMachine& machine);
[[nodiscard]] std::unique_ptr<study::Backend> make_thrash_backend(MakeGuard make_guard = nullptr);

}  // namespace brim::thrash::model
