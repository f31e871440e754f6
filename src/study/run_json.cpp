// SPDX-License-Identifier: Apache-2.0
#include "study/run_json.h"

#include "base/json_text.h"
#include "base/text.h"
#include "base/utf8.h"

#include <cmath>

namespace brim::study {

using nlohmann::json;

json run_json(const RunInfo& info) {
  return {{"id", info.id},
          {"area", valid_utf8(info.area)},
          {"command", valid_utf8(info.command)},
          {"arguments", valid_utf8(info.arguments)},
          {"label", valid_utf8(info.label)},
          {"provenance", name_of(info.provenance)},
          {"status", name_of(info.status)},
          {"started", iso_time(info.started)},
          {"finished", info.finished ? json(iso_time(*info.finished)) : json(nullptr)},
          {"version", valid_utf8(info.version)},
          {"context", parsed_or_null(info.context_json)}};
}

json parsed_or_null(const std::string& text) { return parse_json(text).value_or(nullptr); }

json json_number(double value) {
  if (!std::isfinite(value)) return nullptr;
  constexpr double kLargestWhole = 9007199254740992.0;  // 2^53: whole numbers are exact up to it
  if (std::abs(value) <= kLargestWhole && std::trunc(value) == value)
    return static_cast<std::int64_t>(value);
  return value;
}

}  // namespace brim::study
