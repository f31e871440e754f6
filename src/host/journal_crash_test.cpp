// SPDX-License-Identifier: Apache-2.0
// A run killed at each step of a change or a restore: what the next one finds and puts back.

#include "host/journal_test_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using test::kScan;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class JournalCrash : public test::JournalTest {};

TEST_F(JournalCrash, Killed_before_the_entry_nothing_has_happened) {
  run_killed_at(JournalStep::before_entry);
  EXPECT_EQ(value(), "100");
  EXPECT_THAT(*open().restore_abandoned(), IsEmpty());
}

TEST_F(JournalCrash, Killed_between_entry_and_value_there_is_nothing_to_put_back) {
  run_killed_at(JournalStep::entry_written);
  EXPECT_EQ(value(), "100");
  const auto restored = open().restore_abandoned();
  ASSERT_THAT(*restored, SizeIs(1));
  EXPECT_EQ(restored->front().outcome, RestoreOutcome::restored);
  EXPECT_THAT(restored->front().detail, HasSubstr("already"));
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalCrash, Killed_between_value_and_reading_back_it_is_put_back) {
  run_killed_at(JournalStep::value_written);
  EXPECT_EQ(value(), "2000");
  EXPECT_EQ(open().entries()->at(0).new_value, "");
  ASSERT_EQ(open().restore_abandoned()->at(0).outcome, RestoreOutcome::restored);
  EXPECT_EQ(value(), "100");
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalCrash, Killed_after_a_change_it_is_put_back_and_not_changed_again_before) {
  run_killed_at(JournalStep::spelling_recorded);
  EXPECT_EQ(value(), "2000");
  Journal next = open();
  const auto refused = next.change(kScan, "3000");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("brim restore"));
  ASSERT_EQ(next.restore_abandoned()->at(0).outcome, RestoreOutcome::restored);
  EXPECT_EQ(value(), "100");
  EXPECT_TRUE(next.change(kScan, "3000"));
}

TEST_F(JournalCrash, Killed_between_restoring_and_forgetting_it_is_forgotten_next) {
  run_killed_at(JournalStep::value_restored);
  EXPECT_EQ(value(), "100");
  EXPECT_EQ(files(), 1u);
  ASSERT_EQ(open().restore_abandoned()->at(0).outcome, RestoreOutcome::restored);
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalCrash, Killed_at_any_step_of_a_second_change_the_first_old_value_is_put_back) {
  for (const JournalStep step : {JournalStep::before_entry, JournalStep::entry_written,
                                 JournalStep::value_written, JournalStep::spelling_recorded}) {
    run_killed_at(step, {"2000", "3000"});
    EXPECT_NE(value(), "100");
    const auto restored = open().restore_abandoned();
    ASSERT_THAT(*restored, SizeIs(1));
    EXPECT_EQ(restored->front().outcome, RestoreOutcome::restored);
    EXPECT_EQ(value(), "100") << "step " << static_cast<int>(step);
    EXPECT_EQ(files(), 0u);
  }
}

TEST_F(JournalCrash, Killed_at_any_step_after_an_admin_changed_it_the_admins_value_is_put_back) {
  const auto admin = [&] { root_.write(kScan, "500\n"); };
  for (const JournalStep step : {JournalStep::before_entry, JournalStep::entry_written,
                                 JournalStep::value_written, JournalStep::spelling_recorded}) {
    root_.write(kScan, "100\n");
    run_killed_at(step, {"2000", "3000"}, admin);
    ASSERT_THAT(*open().restore_abandoned(), SizeIs(1));
    EXPECT_EQ(value(), "500") << "step " << static_cast<int>(step);
    EXPECT_EQ(files(), 0u);
  }
}

}  // namespace
}  // namespace brim::host
