// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who sets KSM's knobs, as a scenario's [mechanism] says it: read here for a simulated host and for
// a live one.

#include "share/model/ksm_advisor.h"
#include "share/model/ksmtuned.h"
#include "share/model/scale.h"
#include "study/parameter.h"

#include <optional>

namespace brim::share::model {

// Nothing where the scenario's tuner is another.
[[nodiscard]] std::optional<KsmAdvisorKnobs> ksm_advisor_of(const study::Settings& settings,
                                                            const Scale& scale);
[[nodiscard]] std::optional<KsmtunedKnobs> ksmtuned_of(const study::Settings& settings,
                                                       const Scale& scale);
[[nodiscard]] bool tuned_by_brim(const study::Settings& settings);

}  // namespace brim::share::model
