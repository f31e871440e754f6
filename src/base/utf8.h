// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text from outside (names of processes and files, guests' labels) on its way to a database or
// JSON, which must not see a broken UTF-8 sequence; for a terminal see printable.h. UTF-8 as in RFC
// 3629: no overlong forms, no surrogates, nothing above U+10FFFF.

#include <string>
#include <string_view>

namespace brim {

// Length in bytes of the well-formed UTF-8 character at the start of `text`; 0 if there is none.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

// For a database or JSON: bytes that are not UTF-8, and NUL, become U+FFFD; all else stays.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace brim
