// SPDX-License-Identifier: Apache-2.0
#pragma once
// --policy and --set of the commands that plan and act.

#include "base/result.h"
#include "host/host.h"
#include "share/tune/share_policy.h"
#include "thrash/tune/thrash_policy.h"

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace brim::cli {

struct PolicyText {
  std::string file;
  std::vector<std::string> sets;
};

// `typed` must outlive the app.
void declare_policy(CLI::App& command, PolicyText& typed);

// Defaults, then what /etc/ksmtuned.conf of the host sets, then the file, then --set. What of
// ksmtuned's settings was left out is told on standard error.
[[nodiscard]] Result<share::tune::SharePolicy> share_policy(const host::Host& host,
                                                            const PolicyText& typed);

// Defaults, then the file's table [thrash], then --set.
[[nodiscard]] Result<thrash::tune::ThrashPolicy> thrash_policy(const PolicyText& typed);

// Only what --set says of this area ("thrash."); what is of none stays with `share.`.
[[nodiscard]] PolicyText policy_of_area(const PolicyText& typed, std::string_view area);

}  // namespace brim::cli
