// SPDX-License-Identifier: Apache-2.0
#include "share/tune/share_policy.h"

#include "share/tune/ksmtuned_conf.h"
#include "study/scenario.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace brim::share::tune {
namespace {

using study::Parameter;
using study::ParameterType;

constexpr std::array kPolicyParameters = std::to_array<Parameter>({
    {"goal", ParameterType::choice, "", "density",
     "Save memory wherever it is worth its processor time, or only while memory is short.",
     "density,pressure"},
    {"cpu_budget_percent",
     ParameterType::number,
     "percent",
     "70",
     "Of one processor, at most, while ksmd scans.",
     {},
     1,
     95},
    {"price_gib_s",
     ParameterType::number,
     "GiB s",
     "4",
     "What a processor second of ksmd must save, at least: GiB times the seconds they stay saved.",
     {},
     0},
    {"most_pages_per_s", ParameterType::count, "pages/s", "0",
     "Scanned at most, whatever the budget allows; 0: no limit."},
    {"free_threshold_percent",
     ParameterType::number,
     "percent",
     "20",
     "Of all memory: less that is available means that memory is short.",
     {},
     0,
     100},
    {"free_threshold", ParameterType::size, "", "2MiB", "The same as a size; the larger counts."},
    {"pressure_percent",
     ParameterType::number,
     "percent",
     "5",
     "Time that tasks stalled for memory (PSI, some, 10 s); more means that memory is short.",
     {},
     0,
     100},
    {"burst_percent",
     ParameterType::number,
     "percent",
     "25",
     "Of what is saved: what guests may take back at once by writing to it.",
     {},
     0,
     100},
    {"headroom", ParameterType::size, "", "512MiB", "Kept free besides."},
    {"least_rest", ParameterType::duration, "", "2s", "Between two times of scanning, at least."},
    {"pressure_hold", ParameterType::duration, "", "30s",
     "Memory counts as short until it has been enough for so long."},
    {"probe_interval", ParameterType::duration, "", "15min",
     "After so long without scanning all memory is looked at once, for what nothing announced; "
     "twice as long each time that finds nothing."},
    {"look_interval", ParameterType::duration, "", "1s", "Between two looks while ksmd rests."},
    {"smart_scan", ParameterType::boolean, "", "true",
     "ksmd leaves out pages that have not merged for long, where the kernel can."},
    {"use_advisor", ParameterType::boolean, "", "false",
     "Where brim would rest, the kernel's own scan-time advisor goes on slowly."},
    {"least_benefit_percent",
     ParameterType::number,
     "percent",
     "1",
     "Of a VM's memory: below this, merging it is not worth its scanning.",
     {},
     0,
     100},
    {"huge_worth_percent",
     ParameterType::number,
     "percent",
     "20",
     "Of a VM's memory that is mostly huge pages: merging less is not worth breaking them.",
     {},
     0,
     100},
    {"trust_groups", ParameterType::text, "", "",
     "VMs that trust each other: 'web=web1,web2;db=db*'. KSM merges across all; those of other "
     "groups than the largest should not be merged."},
});

study::ConfigNode node_of(std::variant<bool, std::int64_t, double, std::string> value) {
  study::ConfigNode node;
  std::visit([&node](auto& held) { node.value = std::move(held); }, value);
  node.file = "/etc/ksmtuned.conf";
  return node;
}

// What the settings of ksmtuned say in the policy's words.
study::ConfigNode policy_of(const KsmtunedConf& conf) {
  study::ConfigTable table;
  if (conf.threshold_percent)
    table.members.push_back({"free_threshold_percent", node_of(*conf.threshold_percent)});
  if (conf.threshold_kib)
    table.members.push_back(
        {"free_threshold", node_of(fmt::format("{}B", *conf.threshold_kib * 1024))});
  if (conf.pages_max) {
    const std::int64_t sleep_ms = std::max<std::int64_t>(10, conf.sleep_ms.value_or(10));
    table.members.push_back({"most_pages_per_s", node_of(*conf.pages_max * 1000 / sleep_ms)});
  }
  study::ConfigNode node;
  node.value = std::move(table);
  return node;
}

SharePolicy policy_from(const study::Settings& settings) {
  using std::chrono::nanoseconds;
  SharePolicy policy;
  policy.goal = settings.get<std::string>("goal") == "pressure" ? Goal::pressure : Goal::density;
  policy.cpu_budget_percent = settings.get<double>("cpu_budget_percent");
  policy.price_gib_s = settings.get<double>("price_gib_s");
  policy.most_pages_per_s = settings.get<std::uint64_t>("most_pages_per_s");
  policy.free_threshold_percent = settings.get<double>("free_threshold_percent");
  policy.free_threshold = settings.get<Bytes>("free_threshold");
  policy.pressure_percent = settings.get<double>("pressure_percent");
  policy.burst_percent = settings.get<double>("burst_percent");
  policy.headroom = settings.get<Bytes>("headroom");
  policy.least_rest = settings.get<nanoseconds>("least_rest");
  policy.pressure_hold = settings.get<nanoseconds>("pressure_hold");
  policy.probe_interval = settings.get<nanoseconds>("probe_interval");
  policy.look_interval = settings.get<nanoseconds>("look_interval");
  policy.smart_scan = settings.get<bool>("smart_scan");
  policy.use_advisor = settings.get<bool>("use_advisor");
  policy.least_benefit_percent = settings.get<double>("least_benefit_percent");
  policy.huge_worth_percent = settings.get<double>("huge_worth_percent");
  return policy;
}

Result<void> read_set(const std::string& text, study::Settings& settings) {
  BRIM_TRY(const study::Override override, study::parse_override(text));
  constexpr std::string_view kTable = "share.";
  if (!override.path.starts_with(kTable))
    return fail(ErrorCode::bad_input, "expected share.KEY=VALUE", fmt::format("--set {}", text));
  study::ConfigTable table;
  table.members.push_back({override.path.substr(kTable.size()), override.value});
  study::ConfigNode node = override.value;
  node.value = std::move(table);
  return settings.read(node);
}

Result<void> read_file(const study::ConfigNode& root, study::Settings& settings) {
  for (const auto& [key, value] : root.table()->members) {
    if (key == "thrash") continue;  // another area's
    if (key != "share") {
      const std::array<std::string, 2> known{"share", "thrash"};
      return fail(study::unknown_key(value.place(), key, known));
    }
    BRIM_CHECK(settings.read(value));
  }
  return {};
}

}  // namespace

std::string_view name_of(Goal goal) { return goal == Goal::density ? "density" : "pressure"; }

std::span<const Parameter> share_policy_parameters() { return kPolicyParameters; }

Result<SharePolicy> read_share_policy(const PolicyText& text) {
  study::Settings settings(kPolicyParameters);
  BRIM_CHECK(settings.read(policy_of(parse_ksmtuned_conf(text.ksmtuned_conf))));
  if (text.file != nullptr) BRIM_CHECK(read_file(*text.file, settings));
  for (const std::string& set : text.sets) BRIM_CHECK(read_set(set, settings));
  SharePolicy policy = policy_from(settings);
  if (policy.look_interval.count() <= 0)
    return fail(ErrorCode::bad_input, "it must be longer than 0", "share.look_interval");
  BRIM_TRY(policy.trust_groups, parse_trust_groups(settings.get<std::string>("trust_groups")));
  return policy;
}

Result<std::vector<NameGroup>> parse_trust_groups(std::string_view text) {
  return parse_name_groups(text, {"group", "VM", "share.trust_groups"});
}

std::string_view trust_group_of(const SharePolicy& policy, const std::string& name) {
  return group_of(policy.trust_groups, name);
}

}  // namespace brim::share::tune
