// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

namespace brim {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

bool is_between(std::string_view text, std::size_t at, unsigned low, unsigned high) {
  if (at >= text.size()) return false;
  const auto byte = static_cast<unsigned char>(text[at]);
  return byte >= low && byte <= high;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  // RFC 3629, section 4: the second byte's range depends on the first.
  if (is_between(text, 0, 0x00, 0x7f)) return 1;
  if (is_between(text, 0, 0xc2, 0xdf)) return is_between(text, 1, 0x80, 0xbf) ? 2 : 0;
  const bool third = is_between(text, 2, 0x80, 0xbf);
  if (is_between(text, 0, 0xe0, 0xef)) {
    const unsigned low = text[0] == '\xe0' ? 0xa0 : 0x80;
    const unsigned high = text[0] == '\xed' ? 0x9f : 0xbf;
    return is_between(text, 1, low, high) && third ? 3 : 0;
  }
  if (is_between(text, 0, 0xf0, 0xf4)) {
    const unsigned low = text[0] == '\xf0' ? 0x90 : 0x80;
    const unsigned high = text[0] == '\xf4' ? 0x8f : 0xbf;
    return is_between(text, 1, low, high) && third && is_between(text, 3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || text[0] == '\0') {
      out += kReplacement;
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace brim
