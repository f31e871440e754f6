// SPDX-License-Identifier: Apache-2.0
#include "cli/policy_options.h"

#include "base/printable.h"
#include "share/tune/ksmtuned_conf.h"
#include "study/config.h"

#include <cstdio>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

constexpr const char* kKsmtunedConf = "/etc/ksmtuned.conf";

}  // namespace

void declare_policy(CLI::App& command, PolicyText& typed) {
  command
      .add_option("--policy", typed.file,
                  "A TOML file with a table [share] (keys: 'brim list parameters')")
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
  std::optional<study::ConfigNode> root;
  if (!typed.file.empty()) {
    auto read = study::read_config(typed.file);
    if (!read) return fail(named_by_user(std::move(read).error()));
    root = std::move(*read);
    text.file = &*root;
  }
  text.sets = typed.sets;
  return share::tune::read_share_policy(text);
}

}  // namespace brim::cli
