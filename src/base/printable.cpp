// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <cstdint>

#include <fmt/format.h>
#include <utf8proc.h>

namespace brim {
namespace {

struct Decoded {
  std::int32_t code_point = -1;  // -1: not UTF-8
  std::size_t length = 1;        // bytes taken; 1 where they are not UTF-8
};

Decoded decode(std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  utf8proc_int32_t code_point = -1;
  const auto length =
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  if (length <= 0) return {};
  return {code_point, static_cast<std::size_t>(length)};
}

bool must_be_escaped(std::int32_t code_point) {
  constexpr std::int32_t kNonJoiner = 0x200c;
  constexpr std::int32_t kJoiner = 0x200d;
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    case UTF8PROC_CATEGORY_CF:
      return code_point != kNonJoiner && code_point != kJoiner;
    default:
      return false;
  }
}

std::string escaped(std::int32_t code_point) {
  switch (code_point) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      break;
  }
  if (code_point < 0x80) return fmt::format("\\x{:02x}", code_point);
  if (code_point <= 0xffff) return fmt::format("\\u{:04x}", code_point);
  return fmt::format("\\U{:08x}", code_point);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded next = decode(text);
    if (next.code_point < 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    else if (must_be_escaped(next.code_point))
      out += escaped(next.code_point);
    else
      out += text.substr(0, next.length);
    text.remove_prefix(next.length);
  }
  return out;
}

int display_width(std::string_view printable_text) {
  int width = 0;
  while (!printable_text.empty()) {
    const Decoded next = decode(printable_text);
    width += next.code_point < 0 ? 1 : utf8proc_charwidth(next.code_point);
    printable_text.remove_prefix(next.length);
  }
  return width;
}

}  // namespace brim
