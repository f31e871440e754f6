// SPDX-License-Identifier: Apache-2.0
#pragma once
// brim's own tuner of page sharing, as a simulated host has it: the same plan() that `brim guard`
// applies, with the default policy.

#include "base/result.h"
#include "share/model/ksm_tuner.h"

#include <memory>
#include <span>
#include <string>

namespace brim::cli {

[[nodiscard]] std::unique_ptr<share::model::KsmTuner> make_simulated_tuner(double scale);
// With another policy: "share.price_gib_s=40".
[[nodiscard]] Result<std::unique_ptr<share::model::KsmTuner>> make_simulated_tuner_with(
    double scale, std::span<const std::string> sets);

}  // namespace brim::cli
