// SPDX-License-Identifier: Apache-2.0
#include "cli/typed_command.h"

#include "study/store_location.h"

#include <algorithm>
#include <string_view>

namespace brim::cli {
namespace {

bool is_plain(char c) {
  static constexpr std::string_view kPlain = "@%+=:,./_-";
  const auto byte = static_cast<unsigned char>(c);
  const char lower = static_cast<char>(byte | 0x20U);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || byte >= 0x80 ||
         kPlain.find(c) != std::string_view::npos;
}

std::string quoted(const std::string& word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// "postgresql://me:secret@host/db", alone or as in "--store=postgresql://...".
std::string without_secret(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (!word.starts_with("--") || equals == std::string::npos) return study::without_password(word);
  return word.substr(0, equals + 1) + study::without_password(word.substr(equals + 1));
}

}  // namespace

std::string typed_command(std::span<const char* const> arguments) {
  std::string out;
  for (const char* argument : arguments)
    out += (out.empty() ? "" : " ") + quoted(without_secret(argument));
  return out;
}

}  // namespace brim::cli
