// SPDX-License-Identifier: Apache-2.0
#pragma once
// The human report of a scan, drawn from its JSON (scan_json.h), so that a run from the store and a
// fresh one look the same.

#include "base/result.h"
#include "report/document.h"

#include <nlohmann/json.hpp>

namespace brim::share {

// `scan` is what scan_json() gave. JSON that is not (a store edited by hand) is bad_input.
[[nodiscard]] Result<report::Document> scan_document(const nlohmann::json& scan);

}  // namespace brim::share
