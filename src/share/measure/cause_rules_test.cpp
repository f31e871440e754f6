// SPDX-License-Identifier: Apache-2.0
#include "share/measure/cause_rules.h"

#include "host/frame_table.h"

#include <gtest/gtest.h>

namespace brim::share {
namespace {

using host::PageFlag;

std::uint64_t bits(std::initializer_list<PageFlag> flags) {
  std::uint64_t all = 0;
  for (const PageFlag flag : flags) all |= host::bit(flag);
  return all;
}

host::SmapsEntry mapping(std::initializer_list<const char*> flags, bool shared = false,
                         std::string path = {}) {
  host::SmapsEntry entry;
  entry.mapping.shared = shared;
  entry.mapping.path = std::move(path);
  entry.flags.assign(flags.begin(), flags.end());
  return entry;
}

constexpr KsmState kWorking{.running = true, .seen_everything = true};
const std::uint64_t kAnonymous = bits({PageFlag::anon, PageFlag::swap_backed});

TEST(CauseRules, Each_cause_has_its_case) {
  const MappingRules registered{.registered = true};
  const MappingRules plain{};
  const MappingRules shared{.shared = true};
  EXPECT_EQ(cause_of(shared, kAnonymous, kWorking), Cause::shared_mapping);
  EXPECT_EQ(cause_of(plain, bits({PageFlag::mmap}), kWorking), Cause::file_backed);
  EXPECT_EQ(cause_of(plain, kAnonymous, kWorking), Cause::not_mergeable);
  EXPECT_EQ(cause_of(registered, kAnonymous, KsmState{}), Cause::ksm_off);
  EXPECT_EQ(cause_of(registered, kAnonymous | bits({PageFlag::ksm}), kWorking),
            Cause::max_page_sharing);
  EXPECT_EQ(cause_of(registered, kAnonymous | bits({PageFlag::thp}), kWorking), Cause::huge_page);
  EXPECT_EQ(cause_of(registered, kAnonymous, KsmState{.running = true, .seen_everything = false}),
            Cause::not_scanned_yet);
  EXPECT_EQ(cause_of(registered, kAnonymous, kWorking), Cause::other);
}

TEST(CauseRules, The_earlier_cause_wins) {
  const MappingRules registered{.registered = true};
  const std::uint64_t huge = kAnonymous | bits({PageFlag::thp});
  EXPECT_EQ(cause_of(registered, huge, KsmState{}), Cause::ksm_off);
  EXPECT_EQ(cause_of(registered, huge, KsmState{.running = true, .seen_everything = false}),
            Cause::huge_page);
  EXPECT_EQ(cause_of(MappingRules{}, huge, KsmState{}), Cause::not_mergeable);
  EXPECT_EQ(cause_of(MappingRules{.shared = true, .registered = true}, huge, KsmState{}),
            Cause::shared_mapping);
}

TEST(CauseRules, Memory_of_hugetlbfs_is_not_mergeable_shared_or_not) {
  const MappingRules shared = rules_for(mapping({"rd", "wr", "sh", "ht"}), true);
  EXPECT_EQ(cause_of(shared, bits({PageFlag::huge}), kWorking), Cause::not_mergeable);
  const MappingRules own = rules_for(mapping({"rd", "wr", "ht"}), true);
  EXPECT_EQ(cause_of(own, kAnonymous | bits({PageFlag::huge}), kWorking), Cause::not_mergeable);
}

TEST(CauseRules, A_merged_frame_is_never_blamed_on_ksm_being_off) {
  EXPECT_EQ(
      cause_of(MappingRules{.registered = true}, bits({PageFlag::anon, PageFlag::ksm}), KsmState{}),
      Cause::max_page_sharing);
}

TEST(CauseRules, A_private_file_page_is_anonymous_once_written_to) {
  const MappingRules rules =
      rules_for(mapping({"rd", "wr", "mr", "mg"}, false, "/lib/x.so"), false);
  EXPECT_EQ(cause_of(rules, bits({PageFlag::mmap}), kWorking), Cause::file_backed);
  EXPECT_EQ(cause_of(rules, kAnonymous, kWorking), Cause::other);
}

TEST(CauseRules, A_private_memfd_page_is_shared_memory_until_written_to) {
  const MappingRules rules =
      rules_for(mapping({"rd", "wr", "mr", "mg"}, false, "/memfd:ram (deleted)"), false);
  EXPECT_EQ(cause_of(rules, bits({PageFlag::mmap, PageFlag::swap_backed}), kWorking),
            Cause::shared_mapping);
  EXPECT_EQ(cause_of(rules, kAnonymous, KsmState{}), Cause::ksm_off);
}

TEST(CauseRules, Shmem_is_told_by_its_page_flags_whatever_its_path) {
  EXPECT_EQ(cause_of(MappingRules{}, bits({PageFlag::mmap, PageFlag::swap_backed}), kWorking),
            Cause::shared_mapping);
}

TEST(CauseRules, A_read_only_shared_mapping_is_shared_though_sh_is_missing) {
  EXPECT_TRUE(rules_for(mapping({"rd", "mr", "ms"}), false).shared);
}

TEST(CauseRules, Registered_means_madvise_or_prctl_and_a_kind_that_ksm_takes) {
  EXPECT_TRUE(rules_for(mapping({"rd", "wr", "mg"}), false).registered);
  EXPECT_TRUE(rules_for(mapping({"rd", "wr"}), true).registered);
  EXPECT_FALSE(rules_for(mapping({"rd", "wr"}), false).registered);
  for (const char* refused : {"io", "pf", "mm", "de", "ht", "dp", "sh", "ms"}) {
    EXPECT_FALSE(rules_for(mapping({"rd", "mg", refused}), true).registered) << refused;
  }
}

TEST(CauseRules, Device_memory_and_the_kernels_own_pages_are_never_read) {
  EXPECT_FALSE(rules_for(mapping({"rd", "io"}), false).readable_memory);
  EXPECT_FALSE(rules_for(mapping({"rd", "pf"}), false).readable_memory);
  for (const char* path : {"[vvar]", "[vvar_vclock]", "[vsyscall]", "[vdso]"}) {
    EXPECT_FALSE(rules_for(mapping({"rd", "ex"}, false, path), false).readable_memory) << path;
  }
  EXPECT_TRUE(rules_for(mapping({"rd"}, false, "[heap]"), false).readable_memory);
}

TEST(KsmState, Needs_run_1_and_pages_to_scan_or_an_advisor) {
  host::Ksm ksm;
  ksm.pages_to_scan = 100;
  EXPECT_FALSE(ksm_state(ksm, {}, 0).running);
  ksm.run = 1;
  EXPECT_TRUE(ksm_state(ksm, {}, 0).running);
  ksm.run = 2;
  EXPECT_FALSE(ksm_state(ksm, {}, 0).running);
  ksm.run = 1;
  ksm.pages_to_scan = 0;
  EXPECT_FALSE(ksm_state(ksm, {}, 0).running);
  ksm.advisor_mode = "none";
  EXPECT_FALSE(ksm_state(ksm, {}, 0).running);
  ksm.advisor_mode = "scan-time";
  EXPECT_TRUE(ksm_state(ksm, {}, 0).running);
  EXPECT_FALSE(ksm_state(std::nullopt, {}, 0).running);
}

TEST(KsmState, Has_seen_everything_after_two_rounds_and_all_registered_pages) {
  host::Ksm ksm;
  ksm.full_scans = 1;
  host::KsmStat stat;
  stat.rmap_items = 10000;
  EXPECT_FALSE(ksm_state(ksm, stat, 10000).seen_everything);
  ksm.full_scans = 2;
  EXPECT_TRUE(ksm_state(ksm, stat, 10000).seen_everything);
  EXPECT_TRUE(ksm_state(ksm, stat, 10101).seen_everything);   // within 1 %
  EXPECT_FALSE(ksm_state(ksm, stat, 10200).seen_everything);  // beyond it
  stat.rmap_items.reset();                                    // a kernel that does not say
  EXPECT_TRUE(ksm_state(ksm, stat, 10200).seen_everything);
}

TEST(PageFacts, Are_filled_from_the_flags) {
  const MappingRules registered{.registered = true};
  const PageFacts merged =
      facts_of(registered, 77, kAnonymous | bits({PageFlag::ksm}), 3, kWorking);
  EXPECT_EQ(merged.frame, 77U);
  EXPECT_EQ(merged.map_count, 3U);
  EXPECT_TRUE(merged.ksm);
  EXPECT_TRUE(merged.mergeable);
  EXPECT_FALSE(merged.huge);
  EXPECT_TRUE(facts_of(registered, 1, bits({PageFlag::zero_page}), 0, kWorking).zero_frame);
  EXPECT_TRUE(facts_of(registered, 1, kAnonymous | bits({PageFlag::thp}), 1, kWorking).huge);
  EXPECT_TRUE(facts_of(registered, 1, kAnonymous | bits({PageFlag::huge}), 1, kWorking).huge);
  // A page cache page in a registered private mapping can't be merged as it is.
  EXPECT_FALSE(facts_of(registered, 1, bits({PageFlag::mmap}), 1, kWorking).mergeable);
  EXPECT_EQ(facts_of(registered, 1, 0, 1ULL << 40, kWorking).map_count, 0xffffffffU);
}

}  // namespace
}  // namespace brim::share
