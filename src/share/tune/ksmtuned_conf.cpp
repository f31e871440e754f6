// SPDX-License-Identifier: Apache-2.0
#include "share/tune/ksmtuned_conf.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace brim::share::tune {
namespace {

struct ConfKey {
  std::string_view name;
  std::optional<std::int64_t> KsmtunedConf::*value;
  std::int64_t least;
  std::int64_t most;
};

constexpr std::int64_t kMany = 1'000'000'000'000;
constexpr std::array kConfKeys = std::to_array<ConfKey>({
    {"KSM_MONITOR_INTERVAL", &KsmtunedConf::monitor_interval_s, 1, 86'400},
    {"KSM_NPAGES_BOOST", &KsmtunedConf::pages_boost, 0, kMany},
    {"KSM_NPAGES_DECAY", &KsmtunedConf::pages_decay, -kMany, 0},
    {"KSM_NPAGES_MAX", &KsmtunedConf::pages_max, 1, kMany},
    {"KSM_NPAGES_MIN", &KsmtunedConf::pages_min, 0, kMany},
    {"KSM_SLEEP_MSEC", &KsmtunedConf::sleep_ms, 1, 3'600'000},
    {"KSM_THRES_COEF", &KsmtunedConf::threshold_percent, 0, 100},
    {"KSM_THRES_CONST", &KsmtunedConf::threshold_kib, 0, kMany},
});

// DEBUG, LOGFILE and PIDFILE say nothing that concerns brim.
constexpr std::array<std::string_view, 3> kOtherKeys{"DEBUG", "LOGFILE", "PIDFILE"};

std::string_view unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == value.back() &&
                      (value.front() == '"' || value.front() == '\'');
  return quoted ? value.substr(1, value.size() - 2) : value;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// What is wrong with the line; "" where nothing is.
std::string take_line(std::string_view line, KsmtunedConf& conf) {
  if (line.starts_with("export ")) line = trim(line.substr(7));
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return "not NAME=VALUE";
  const std::string_view name = line.substr(0, equals);
  std::string_view value = line.substr(equals + 1);
  if (const std::size_t comment = value.find(" #"); comment != std::string_view::npos)
    value = value.substr(0, comment);
  value = unquoted(trim(value));
  if (std::find(kOtherKeys.begin(), kOtherKeys.end(), name) != kOtherKeys.end()) return {};
  for (const ConfKey& key : kConfKeys) {
    if (key.name != name) continue;
    const auto number = whole_number(value);
    if (!number) return fmt::format("{} is '{}', expected a whole number", name, value);
    if (*number < key.least || *number > key.most)
      return fmt::format("{} is {}, expected {} to {}", name, *number, key.least, key.most);
    conf.*key.value = number;
    return {};
  }
  return fmt::format("'{}' is no setting of ksmtuned", name);
}

}  // namespace

KsmtunedConf parse_ksmtuned_conf(std::string_view text) {
  KsmtunedConf conf;
  std::size_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#') continue;
    if (const std::string wrong = take_line(line, conf); !wrong.empty())
      conf.left_out.push_back(fmt::format("line {}: {}", number, wrong));
  }
  return conf;
}

}  // namespace brim::share::tune
