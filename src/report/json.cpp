// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"
#include "report/document.h"

namespace brim::report {

std::string to_json(const Document& document) { return json_text(document.json); }

}  // namespace brim::report
