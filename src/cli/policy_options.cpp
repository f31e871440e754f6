// SPDX-License-Identifier: Apache-2.0
#include "cli/policy_options.h"

#include "base/printable.h"
#include "share/tune/ksmtuned_conf.h"
#include "study/config.h"
#include "study/parameter.h"

#include <array>
#include <cstdio>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

constexpr const char* kKsmtunedConf = "/etc/ksmtuned.conf";

// Nothing where none was named.
Result<std::optional<study::ConfigNode>> policy_file(const PolicyText& typed) {
  if (typed.file.empty()) return std::nullopt;
  auto read = study::read_config(typed.file);
  if (!read) return fail(named_by_user(std::move(read).error()));
  return std::move(*read);
}

}  // namespace

void declare_policy(CLI::App& command, PolicyText& typed) {
  command
      .add_option("--policy", typed.file,
                  "A TOML file with tables [share] and [thrash] (keys: 'brim list parameters')")
      ->type_name("FILE");
  command
      .add_option("--set", typed.sets,
                  "In place of what the policy says: share.cpu_budget_percent=30")
      ->type_name("PATH=VALUE");
}

Result<share::tune::SharePolicy> share_policy(const host::Host& host, const PolicyText& typed) {
  share::tune::PolicyText text;
  if (host.exists(kKsmtunedConf)) {
    BRIM_TRY(text.ksmtuned_conf, host.read_file(kKsmtunedConf));
    for (const std::string& line : share::tune::parse_ksmtuned_conf(text.ksmtuned_conf).left_out)
      fmt::print(stderr, "brim: {}: {}\n", kKsmtunedConf, printable(line));
  }
  BRIM_TRY(const std::optional<study::ConfigNode> root, policy_file(typed));
  if (root) text.file = &*root;
  text.sets = typed.sets;
  return share::tune::read_share_policy(text);
}

Result<thrash::tune::ThrashPolicy> thrash_policy(const PolicyText& typed) {
  thrash::tune::ThrashPolicyText text;
  BRIM_TRY(const std::optional<study::ConfigNode> root, policy_file(typed));
  if (root) {
    for (const auto& [key, value] : root->table()->members) {
      if (key == "thrash") text.file = &value;
      if (key != "thrash" && key != "share") {
        const std::array<std::string, 2> known{"share", "thrash"};
        return fail(study::unknown_key(value.place(), key, known));
      }
    }
  }
  text.sets = typed.sets;
  return thrash::tune::read_thrash_policy(text);
}

PolicyText policy_of_area(const PolicyText& typed, std::string_view area) {
  PolicyText its{typed.file, {}};
  for (const std::string& set : typed.sets)
    if (set.starts_with("thrash.") == (area == "thrash")) its.sets.push_back(set);
  return its;
}

}  // namespace brim::cli
