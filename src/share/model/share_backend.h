// SPDX-License-Identifier: Apache-2.0
#pragma once
// The model of the area "share" as a backend of studies.

#include "share/model/ksm_tuner.h"
#include "study/backend.h"

#include <memory>

namespace brim::share::model {

// `make_tuner`: of tuner = "brim"; without it such scenarios are refused.
[[nodiscard]] std::unique_ptr<study::Backend> make_share_backend(MakeKsmTuner make_tuner = {});

}  // namespace brim::share::model
