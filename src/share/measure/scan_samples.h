// SPDX-License-Identifier: Apache-2.0
#pragma once
// A scan as samples of the store: totals, and one set a subject.

#include "host/ksm.h"
#include "share/measure/scan.h"
#include "share/measure/scan_json.h"
#include "study/run.h"

#include <vector>

namespace brim::share {

// `repeat` counts looks of --every from 0; `ksm` may be null.
[[nodiscard]] std::vector<study::Sample> scan_samples(const ScanResult& result,
                                                      const LookFigures& look,
                                                      const host::Ksm* ksm);

}  // namespace brim::share
