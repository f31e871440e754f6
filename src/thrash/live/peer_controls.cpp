// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/peer_controls.h"

#include "base/text.h"
#include "thrash/live/oomd_control.h"
#include "thrash/live/peer_control.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

namespace brim::thrash::live {
namespace {

using std::chrono::nanoseconds;
using study::Settings;
using Type = study::ParameterType;

constexpr study::Parameter kEarlyoom[] = {
    {"memory", Type::number, "percent", "10", "Available, below which it acts (-m).", {}, 1, 100},
    {"swap",
     Type::number,
     "percent",
     "100",
     "Free, below which it acts (-s): 100 is whatever there is.",
     {},
     1,
     100}};
constexpr study::Parameter kNohang[] = {
    {"soft",
     Type::number,
     "percent",
     "10",
     "Pressure from which it ends one (SIGTERM).",
     {},
     1,
     100},
    {"hard",
     Type::number,
     "percent",
     "90",
     "Pressure from which it kills one (SIGKILL).",
     {},
     1,
     100},
    {"excess", Type::duration, "", "2s", "For so long (psi_excess_duration)."},
    {"pause", Type::duration, "", "10s", "After an action (psi_post_action_delay).", {}, 10}};

constexpr const char* kNohangConfig = "/etc/nohang/nohang.conf";

class EarlyoomControl final : public PeerControl {
 public:
  EarlyoomControl(const host::Host& host, double memory, double swap)
      : PeerControl(host, "earlyoom"), memory_(memory), swap_(swap) {}

 protected:
  Result<host::ProgramStart> program(const ConsumerControls& consumers) override {
    return beside(consumers, {.arguments = {"earlyoom", "-m", fmt::format("{:.0f}", memory_), "-s",
                                            fmt::format("{:.0f}", swap_), "-r", "0"},
                              .input = {},
                              .prepare = {}});
  }

 private:
  double memory_;
  double swap_;
};

class NohangControl final : public PeerControl {
 public:
  NohangControl(const host::Host& host, std::string config, std::vector<ConfigValue> values)
      : PeerControl(host, "nohang --monitor --config " + std::string(kNohangConfig)),
        config_(std::move(config)),
        values_(std::move(values)) {}

 protected:
  Result<host::ProgramStart> program(const ConsumerControls& consumers) override {
    std::vector<ConfigValue> values = values_;
    if (consumers.group() != nullptr)
      if (const auto& place = consumers.group()->places()[host::GroupPart::pressure];
          !place.folder.empty())
        values.push_back({"psi_path", place.folder + "/memory.pressure"});
    BRIM_TRY(const std::string config, with_values(config_, values));
    return beside(consumers, {.arguments = {"nohang", "--monitor", "--config", "/dev/stdin"},
                              .input = config,
                              .prepare = {}});
  }

 private:
  std::string config_;
  std::vector<ConfigValue> values_;
};

Result<std::unique_ptr<LiveControl>> make_earlyoom(const host::Host& host,
                                                   const Settings& settings) {
  BRIM_CHECK(check_installed("earlyoom"));
  return std::make_unique<EarlyoomControl>(host, settings.get<double>("memory"),
                                           settings.get<double>("swap"));
}

Result<std::unique_ptr<LiveControl>> make_nohang(const host::Host& host, const Settings& settings) {
  BRIM_CHECK(check_installed("nohang"));
  BRIM_TRY(std::string config, host.read_file(kNohangConfig));
  const auto in_seconds = [&](std::string_view key) {
    return fmt::format("{:g}",
                       std::chrono::duration<double>(settings.get<nanoseconds>(key)).count());
  };
  const auto percent = [&](std::string_view key) {
    return fmt::format("{:g}", settings.get<double>(key));
  };
  // Only those that are marked have so much (fs/proc/base.c, proc_oom_score()).
  constexpr const char* kMarked = "1000";
  return std::make_unique<NohangControl>(
      host, std::move(config),
      std::vector<ConfigValue>{{"psi_checking_enabled", "True"},
                               {"soft_threshold_max_psi", percent("soft")},
                               {"hard_threshold_max_psi", percent("hard")},
                               {"psi_excess_duration", in_seconds("excess")},
                               {"psi_post_action_delay", in_seconds("pause")},
                               {"min_badness", kMarked}});
}

}  // namespace

std::vector<LiveControlPolicy> peer_controls() {
  return {
      {{"earlyoom", "Kills the largest while little memory is available (the program).", kEarlyoom},
       make_earlyoom},
      {{"nohang", "Kills the largest while pressure is high for long (the program).", kNohang},
       make_nohang},
      oomd_control()};
}

Result<std::string> with_values(const std::string& original,
                                const std::vector<ConfigValue>& values) {
  std::vector<bool> found(values.size(), false);
  std::string text;
  for (const std::string_view line : split(original, '\n')) {
    const std::string_view key = trim(line.substr(0, line.find('=')));
    if (key.empty() || key.front() == '#') continue;
    const auto value = std::ranges::find(values, key, &ConfigValue::key);
    if (value == values.end()) {
      text += fmt::format("{}\n", line);
      continue;
    }
    found.at(static_cast<std::size_t>(value - values.begin())) = true;
    text += fmt::format("{} = {}\n", value->key, value->value);
  }
  if (const auto missed = std::ranges::find(found, false); missed != found.end())
    return fail(ErrorCode::bad_input,
                fmt::format("no key '{}': expected nohang 0.2",
                            values.at(static_cast<std::size_t>(missed - found.begin())).key),
                kNohangConfig);
  return text;
}

}  // namespace brim::thrash::live
