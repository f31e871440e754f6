// SPDX-License-Identifier: Apache-2.0
#include "host/qemu_options.h"

#include "base/json_text.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace brim::host {
namespace {

using Items = std::vector<std::pair<std::string, std::string>>;

constexpr int kDeepestJson = 8;  // options nest two or three deep

void flatten(const nlohmann::json& value, const std::string& key, int depth, Items& items) {
  if (depth > kDeepestJson) return;
  if (value.is_object()) {
    for (const auto& [name, member] : value.items())
      flatten(member, key.empty() ? name : fmt::format("{}.{}", key, name), depth + 1, items);
  } else if (value.is_string()) {
    items.emplace_back(key, value.get<std::string>());
  } else if (value.is_boolean()) {
    items.emplace_back(key, value.get<bool>() ? "on" : "off");
  } else if (value.is_number()) {
    items.emplace_back(key, json_line(value));
  }
}

// One item up to a single comma; ",," is a comma of the value.
std::string take_item(std::string_view& text) {
  std::string item;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == ',') {
      if (i + 1 >= text.size() || text[i + 1] != ',') break;
      ++i;
    }
    item += text[i];
  }
  text.remove_prefix(std::min(text.size(), i + 1));
  return item;
}

}  // namespace

QemuOptions QemuOptions::parse(std::string_view text, std::string_view implied_key) {
  QemuOptions options;
  if (text.starts_with('{')) {
    const auto value = parse_json(text);
    if (value && value->is_object()) flatten(*value, "", 0, options.items_);
    return options;
  }
  bool first = true;
  while (!text.empty()) {
    const std::string item = take_item(text);
    const std::size_t equals = item.find('=');
    if (equals != std::string::npos)
      options.items_.emplace_back(item.substr(0, equals), item.substr(equals + 1));
    else if (first && !implied_key.empty())
      options.items_.emplace_back(implied_key, item);
    else if (item.starts_with("no") && item.size() > 2)
      options.items_.emplace_back(item.substr(2), "off");
    else
      options.items_.emplace_back(item, "on");
    first = false;
  }
  return options;
}

std::optional<std::string> QemuOptions::get(std::string_view key) const {
  for (auto item = items_.rbegin(); item != items_.rend(); ++item)
    if (item->first == key) return item->second;
  return std::nullopt;
}

std::string QemuOptions::get_or(std::string_view key, std::string_view fallback) const {
  return get(key).value_or(std::string(fallback));
}

bool QemuOptions::flag(std::string_view key, bool fallback) const {
  const auto value = get(key);
  if (!value) return fallback;
  return *value == "on" || *value == "yes" || *value == "true" || *value == "y";
}

namespace {

// The power of two a suffix stands for; nothing for an unknown one.
std::optional<unsigned> suffix_shift(std::string_view suffix) {
  constexpr std::array<std::pair<char, unsigned>, 7> kSuffixes = {
      {{'b', 0}, {'k', 10}, {'m', 20}, {'g', 30}, {'t', 40}, {'p', 50}, {'e', 60}}};
  if (suffix.size() != 1) return std::nullopt;
  const char letter = static_cast<char>(suffix[0] | 0x20);  // lower case of an ASCII letter
  for (const auto& [known, shift] : kSuffixes)
    if (known == letter) return shift;
  return std::nullopt;
}

}  // namespace

std::optional<Bytes> parse_qemu_size(std::string_view text, Bytes unit) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    const auto number = parse_number(text.substr(2), 16);
    if (!number || (unit.count() != 0 && *number > UINT64_MAX / unit.count())) return std::nullopt;
    return unit * *number;
  }
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto whole = parse_number(text.substr(0, digits));
  if (!whole) return std::nullopt;
  std::string_view rest = text.substr(digits);
  double fraction = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    const std::size_t decimals = std::min(rest.find_first_not_of("0123456789"), rest.size());
    double weight = 0.1;
    for (const char digit : rest.substr(0, decimals)) {
      fraction += (digit - '0') * weight;
      weight /= 10;
    }
    rest.remove_prefix(decimals);
  }
  std::uint64_t scale = unit.count();
  if (!rest.empty()) {
    const auto shift = suffix_shift(rest);
    if (!shift) return std::nullopt;
    scale = 1ULL << *shift;
  }
  if (scale != 0 && *whole > UINT64_MAX / scale) return std::nullopt;
  const auto part = static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(scale)));
  const std::uint64_t base = *whole * scale;
  if (part > UINT64_MAX - base) return std::nullopt;
  return Bytes(base + part);
}

}  // namespace brim::host
