// SPDX-License-Identifier: Apache-2.0
#pragma once
// brim's own tuner of page sharing, as a simulated host has it: the same plan() that `brim guard`
// applies, with the default policy.

#include "share/model/ksm_tuner.h"

#include <memory>

namespace brim::cli {

[[nodiscard]] std::unique_ptr<share::model::KsmTuner> make_simulated_tuner(double scale);

}  // namespace brim::cli
