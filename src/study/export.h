// SPDX-License-Identifier: Apache-2.0
#pragma once
// A run as CSV (one line a sample) or JSON (info, samples, result). Canonical: without times, ids
// and host context (a model's own clock stays), numbers printed to round-trip, so that two model
// runs, or two scans of the same images with the same seed, can be compared byte for byte.

#include "study/run.h"

#include <string>

namespace brim::study {

enum class ExportFormat : std::uint8_t { csv, json };
[[nodiscard]] std::string export_run(const Run& run, ExportFormat format, bool canonical);

}  // namespace brim::study
