// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON text in and out: one place, so that all of brim treats bad bytes alike, and nlohmann's
// parser and writer are compiled once. Text is UTF-8; what is written is always well formed: bytes
// of a string that are not UTF-8 become U+FFFD, so that an odd name does not lose a result. Control
// characters (C0, DEL, C1) are written as escapes: nothing in it steers a terminal.

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace brim {

// Nothing where `text` is not one whole JSON value.
[[nodiscard]] std::optional<nlohmann::json> parse_json(std::string_view text);

// On one line, without a line end.
[[nodiscard]] std::string json_line(const nlohmann::json& value);

// Indented by two spaces, for people and files; ends with a line end.
[[nodiscard]] std::string json_text(const nlohmann::json& value);

}  // namespace brim
