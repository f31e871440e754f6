// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"

#include <cstddef>

#include <nlohmann/json.hpp>

namespace brim {
namespace {

constexpr auto kReplace = nlohmann::json::error_handler_t::replace;

// nlohmann escapes C0 only. DEL and C1 (U+0080 to U+009F, in UTF-8 c2 80 to c2 9f) also steer a
// terminal; they can only stand inside strings, where \u00xx means the same.
std::string with_controls_escaped(const std::string& dumped) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(dumped.size());
  for (std::size_t i = 0; i < dumped.size(); ++i) {
    const auto byte = static_cast<unsigned char>(dumped[i]);
    const auto next = i + 1 < dumped.size() ? static_cast<unsigned char>(dumped[i + 1]) : 0U;
    const bool c1 = byte == 0xc2 && next >= 0x80 && next <= 0x9f;
    if (!c1 && byte != 0x7f) {
      out += dumped[i];
      continue;
    }
    const unsigned code = c1 ? next : byte;
    out += "\\u00";
    out += kHex[code >> 4];
    out += kHex[code & 15];
    if (c1) ++i;
  }
  return out;
}

}  // namespace

std::optional<nlohmann::json> parse_json(std::string_view text) {
  nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

std::string json_line(const nlohmann::json& value) {
  return with_controls_escaped(value.dump(-1, ' ', /*ensure_ascii=*/false, kReplace));
}

std::string json_text(const nlohmann::json& value) {
  return with_controls_escaped(value.dump(2, ' ', /*ensure_ascii=*/false, kReplace)) + '\n';
}

}  // namespace brim
