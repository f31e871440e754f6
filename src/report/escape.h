// SPDX-License-Identifier: Apache-2.0
#pragma once
// Escaping for the HTML report. Names in it come from the host and are hostile until escaped.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace brim::report {

// For text and for double-quoted attributes alike: made printable, then & < > " ' as references.
[[nodiscard]] std::string html_escape(std::string_view text);

// For a <script type="application/json"> element: compact; < > & and U+2028, U+2029 as \uXXXX, so
// that no string can end the element or begin a comment; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_for_script(const nlohmann::json& value);

// A fragment identifier: a-z, 0-9 and -; never empty.
[[nodiscard]] std::string slug(std::string_view text);

// Hexadecimal digits as base64, for Content-Security-Policy hashes. Digits must be valid and even.
[[nodiscard]] std::string base64_of_hex(std::string_view hex);

}  // namespace brim::report
