// SPDX-License-Identifier: Apache-2.0
// What a policy file, ksmtuned's configuration and --set make of the policy.
#include "share/tune/share_policy.h"

#include "share/tune/ksmtuned_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share::tune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<SharePolicy> policy_from(const std::string& conf, const std::string& file,
                                const std::vector<std::string>& sets) {
  Result<study::ConfigNode> root = study::parse_config(file, "policy.toml");
  if (!root) return fail(root.error());
  return read_share_policy({conf, &*root, sets});
}

// ksmtuned.conf

TEST(Ksmtuned_conf, Takes_settings_comments_quotes_and_exports_as_the_shell_would) {
  const KsmtunedConf conf = parse_ksmtuned_conf(
      "# KSM_NPAGES_MIN=1\n\nKSM_THRES_COEF=30\n  KSM_NPAGES_MAX=\"2500\"  \n"
      "export KSM_SLEEP_MSEC='20'\nKSM_NPAGES_DECAY=-50 # slower\nLOGFILE=/var/log/ksmtuned\n"
      "DEBUG=1\nKSM_MONITOR_INTERVAL=60\r\n");
  EXPECT_EQ(conf.threshold_percent, 30);
  EXPECT_EQ(conf.pages_max, 2500);
  EXPECT_EQ(conf.sleep_ms, 20);
  EXPECT_EQ(conf.pages_decay, -50);
  EXPECT_EQ(conf.monitor_interval_s, 60);
  EXPECT_FALSE(conf.pages_min.has_value());
  EXPECT_THAT(conf.left_out, IsEmpty());
}

TEST(Ksmtuned_conf, What_is_not_understood_is_left_out_and_told_with_its_line) {
  const KsmtunedConf conf = parse_ksmtuned_conf(
      "KSM_THRES_COEF=twenty\nKSM_NPAGES_MAX=$[64 * 1024]\nif true; then\nKSM_COLOUR=3\n"
      "KSM_THRES_COEF=101\nKSM_SLEEP_MSEC=\nKSM_NPAGES_DECAY=50\n=5\nKSM_THRES_CONST="
      "99999999999999999999\n");
  EXPECT_FALSE(conf.threshold_percent.has_value());
  EXPECT_FALSE(conf.pages_max.has_value());
  EXPECT_FALSE(conf.sleep_ms.has_value());
  EXPECT_FALSE(conf.pages_decay.has_value());
  EXPECT_FALSE(conf.threshold_kib.has_value());
  ASSERT_EQ(conf.left_out.size(), 9U);
  EXPECT_THAT(conf.left_out[0], HasSubstr("line 1: KSM_THRES_COEF is 'twenty'"));
  EXPECT_THAT(conf.left_out[2], HasSubstr("line 3: not NAME=VALUE"));
  EXPECT_THAT(conf.left_out[3], HasSubstr("'KSM_COLOUR' is no setting"));
  EXPECT_THAT(conf.left_out[4], HasSubstr("expected 0 to 100"));
}

TEST(Ksmtuned_conf, The_later_of_two_lines_counts) {
  EXPECT_EQ(parse_ksmtuned_conf("KSM_THRES_COEF=1\nKSM_THRES_COEF=2").threshold_percent, 2);
}

// Who overrules whom.

TEST(Share_policy, Defaults_stand_where_nobody_says_otherwise) {
  const auto policy = policy_from("", "", {});
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->goal, Goal::density);
  EXPECT_EQ(policy->free_threshold_percent, 20);
  EXPECT_EQ(policy->most_pages_per_s, 0U);
  EXPECT_THAT(policy->trust_groups, IsEmpty());
}

TEST(Share_policy, Debians_ksmtuned_conf_as_shipped_changes_nothing) {
  const auto policy = policy_from("# KSM_NPAGES_MAX=1250\n# KSM_THRES_COEF=20\n", "", {});
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->most_pages_per_s, 0U);
}

TEST(Share_policy, The_limits_of_ksmtuned_are_brims_defaults) {
  const auto policy = policy_from(
      "KSM_NPAGES_MAX=2500\nKSM_SLEEP_MSEC=20\nKSM_THRES_COEF=35\nKSM_THRES_CONST=4096", "", {});
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->most_pages_per_s, 125'000U);
  EXPECT_EQ(policy->free_threshold_percent, 35);
  EXPECT_EQ(policy->free_threshold, mebibytes(4));
}

TEST(Share_policy, A_file_overrules_ksmtuned_and_set_overrules_the_file) {
  const std::string file = "[share]\nfree_threshold_percent = 10\ncpu_budget_percent = 40\n";
  const auto policy = policy_from("KSM_THRES_COEF=35", file,
                                  {"share.cpu_budget_percent=30", "share.goal=pressure"});
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->free_threshold_percent, 10);
  EXPECT_EQ(policy->cpu_budget_percent, 30);
  EXPECT_EQ(policy->goal, Goal::pressure);
}

// What is refused.

TEST(Share_policy, What_is_wrong_is_named_with_its_place) {
  const auto what_of = [](const Result<SharePolicy>& policy) {
    return policy ? std::string("no error") : error_line(policy.error());
  };
  EXPECT_THAT(what_of(policy_from("", "[share]\ngaol = \"density\"", {})),
              HasSubstr("policy.toml:2: 'gaol' is not a key here; did you mean 'goal'?"));
  EXPECT_THAT(what_of(policy_from("", "[shar]\n", {})), HasSubstr("did you mean 'share'?"));
  EXPECT_THAT(what_of(policy_from("", "share = 3", {})), HasSubstr("expected a table"));
  EXPECT_THAT(what_of(policy_from("", "", {"share.goal=speed"})), HasSubstr("density"));
  EXPECT_THAT(what_of(policy_from("", "", {"goal=density"})), HasSubstr("share.KEY=VALUE"));
  EXPECT_THAT(what_of(policy_from("", "", {"share.cpu_budget_percent=100"})), HasSubstr("95"));
  EXPECT_THAT(what_of(policy_from("", "", {"share.look_interval=0s"})), HasSubstr("longer than 0"));
  EXPECT_THAT(what_of(policy_from("", "", {"share.trust_groups=web"})), HasSubstr("NAME=VM"));
}

TEST(Share_policy, Trust_groups_are_matched_in_order) {
  const auto policy = policy_from("", "[share]\ntrust_groups = \"a=web1, web2; b = web*\"\n", {});
  ASSERT_TRUE(policy);
  ASSERT_EQ(policy->trust_groups.size(), 2U);
  EXPECT_THAT(policy->trust_groups[0].patterns, ElementsAre("web1", "web2"));
  EXPECT_EQ(trust_group_of(*policy, "web2"), "a");
  EXPECT_EQ(trust_group_of(*policy, "web3"), "b");
  EXPECT_EQ(trust_group_of(*policy, "db"), "");
}

}  // namespace
}  // namespace brim::share::tune
