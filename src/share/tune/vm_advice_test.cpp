// SPDX-License-Identifier: Apache-2.0
// Which VMs should not be merged.
#include "share/tune/vm_advice.h"

#include "test_snapshots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share::tune {
namespace {

using testing::HasSubstr;

// A VM of 1 GiB that KSM has been through, of which so much is saved.
Subject scanned_vm(int pid, Bytes saved, Bytes huge = Bytes(0)) {
  Subject vm = machine(pid, gibibytes(1), saved);
  vm.details = Subject::Details{gibibytes(1), saved, huge, std::nullopt};
  return vm;
}

ShareHistory after_scanning(const ShareSnapshot& snapshot) {
  ShareHistory history;
  history.begun = true;
  for (const Subject& vm : snapshot.subjects)
    history.subjects.push_back({vm.pid, vm.start_ticks, vm.resident});
  return history;
}

std::vector<Advice> advice_for(const Subject& vm) {
  ShareSnapshot snapshot = quiet_host();
  snapshot.subjects = {vm};
  return advise(snapshot, after_scanning(snapshot), default_policy());
}

TEST(Vm_advice, A_VM_that_hardly_shares_should_not_be_merged) {
  const auto advice = advice_for(scanned_vm(1, mebibytes(5)));
  ASSERT_EQ(advice.size(), 1U);
  EXPECT_THAT(advice[0].reason, HasSubstr("5.0 MiB of its 1.0 GiB"));
  EXPECT_THAT(advice[0].how, HasSubstr("nosharepages"));
  EXPECT_THAT(advice[0].how, HasSubstr("mem-merge=off"));
}

TEST(Vm_advice, The_least_benefit_is_enough) {
  EXPECT_TRUE(advice_for(scanned_vm(1, Bytes(gibibytes(1).count() / 100 + 1))).empty());
  EXPECT_FALSE(advice_for(scanned_vm(1, Bytes(gibibytes(1).count() / 100 - 1))).empty());
}

TEST(Vm_advice, Huge_pages_are_worth_more_than_a_small_saving_but_not_than_a_large_one) {
  const auto advice = advice_for(scanned_vm(1, mebibytes(100), mebibytes(600)));
  ASSERT_EQ(advice.size(), 1U);
  EXPECT_THAT(advice[0].reason, HasSubstr("600.0 MiB of its 1.0 GiB are huge pages"));
  EXPECT_TRUE(advice_for(scanned_vm(1, mebibytes(300), mebibytes(600))).empty());
  EXPECT_TRUE(advice_for(scanned_vm(1, mebibytes(100), mebibytes(400))).empty());
}

TEST(Vm_advice, A_process_is_told_other_means) {
  Subject process = scanned_vm(1, Bytes(0));
  process.machine = false;
  const auto advice = advice_for(process);
  ASSERT_EQ(advice.size(), 1U);
  EXPECT_THAT(advice[0].how, HasSubstr("MADV_MERGEABLE"));
}

TEST(Vm_advice, Nobody_is_judged_by_benefit_before_KSM_or_a_scan_has_seen_him) {
  ShareSnapshot snapshot = quiet_host();
  snapshot.subjects = {scanned_vm(1, Bytes(0))};
  EXPECT_TRUE(advise(snapshot, {}, default_policy()).empty());
  snapshot.subjects[0].details->potential = mebibytes(1);
  EXPECT_EQ(advise(snapshot, {}, default_policy()).size(), 1U);
  snapshot.subjects[0].details->potential = mebibytes(500);
  EXPECT_TRUE(advise(snapshot, {}, default_policy()).empty());
  snapshot.subjects[0].details.reset();
  EXPECT_TRUE(advise(snapshot, after_scanning(snapshot), default_policy()).empty());
}

TEST(Vm_advice, A_reused_pid_is_another_VM) {
  ShareSnapshot snapshot = quiet_host();
  snapshot.subjects = {scanned_vm(1, Bytes(0))};
  const ShareHistory history = after_scanning(snapshot);
  snapshot.subjects[0].start_ticks = 2;
  EXPECT_TRUE(advise(snapshot, history, default_policy()).empty());
}

TEST(Vm_advice, VMs_of_other_trust_groups_than_the_largest_should_not_be_merged) {
  ShareSnapshot snapshot = quiet_host();
  for (int pid = 1; pid <= 4; ++pid) snapshot.subjects.push_back(scanned_vm(pid, mebibytes(500)));
  snapshot.subjects[3].name = "stranger";
  SharePolicy policy = default_policy();
  policy.trust_groups = *parse_trust_groups("ours=vm1,vm2; theirs=vm[3-9]");
  const auto advice = advise(snapshot, after_scanning(snapshot), policy);
  ASSERT_EQ(advice.size(), 2U);
  EXPECT_EQ(advice[0].name, "vm3");
  EXPECT_THAT(advice[0].reason, HasSubstr("trust group 'theirs'"));
  EXPECT_THAT(advice[0].reason, HasSubstr("all of trust group 'ours'"));
  EXPECT_EQ(advice[1].name, "stranger");
  EXPECT_THAT(advice[1].reason, HasSubstr("no trust group"));
}

TEST(Vm_advice, A_VM_that_is_not_merged_anyway_needs_none) {
  Subject vm = scanned_vm(1, Bytes(0));
  vm.mergeable = false;
  EXPECT_TRUE(advice_for(vm).empty());
  vm.mergeable = true;
  vm.shared_mapping = true;
  EXPECT_TRUE(advice_for(vm).empty());
}

}  // namespace
}  // namespace brim::share::tune
