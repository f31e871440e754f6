// SPDX-License-Identifier: Apache-2.0
#include "host/journal.h"

#include "host/child.h"
#include "host/journal_directory.h"
#include "host/journal_entry.h"
#include "host/journal_test_host.h"
#include "host/scratch_directory.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace brim::host {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;  // NOLINT: literals
using test::JournalTest;
using test::kAdvisor;
using test::kBootId;
using test::kScan;

TEST_F(JournalTest, Puts_back_on_request_newest_first_and_forgets) {
  Journal journal = open();
  ASSERT_TRUE(journal.change(kScan, "2000"));
  ASSERT_TRUE(journal.change("/sys/kernel/mm/ksm/run", "1"));
  EXPECT_EQ(value(), "2000");
  EXPECT_THAT(*journal.entries(), SizeIs(2));
  const auto restored = journal.restore_own();
  ASSERT_THAT(restored, SizeIs(2));
  EXPECT_EQ(restored[0].entry.path, "/sys/kernel/mm/ksm/run");
  EXPECT_EQ(restored[1].entry.path, kScan);
  EXPECT_EQ(value(), "100");
  EXPECT_EQ(files(), 0u);
  EXPECT_THAT(journal.restore_own(), IsEmpty());
}

TEST_F(JournalTest, The_destructor_and_an_assignment_put_back) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.change(kScan, "2000"));
    Journal moved = std::move(journal);
    EXPECT_EQ(value(), "2000");
  }
  EXPECT_EQ(value(), "100");
  Journal journal = open();
  ASSERT_TRUE(journal.change(kScan, "2000"));
  journal = open();
  EXPECT_EQ(value(), "100");
}

TEST_F(JournalTest, A_forked_copy_puts_nothing_back) {
  Journal journal = open();
  ASSERT_TRUE(journal.change(kScan, "2000"));
  ASSERT_TRUE(run_in_child(
      [&]() -> std::string {
        const Journal copy = std::move(journal);
        return "";
      },
      10s));
  EXPECT_EQ(value(), "2000");
}

TEST_F(JournalTest, Leaves_a_value_an_admin_changed_later) {
  Journal journal = open();
  ASSERT_TRUE(journal.change(kScan, "2000"));
  root_.write(kScan, "500\n");
  const auto restored = journal.restore_own();
  ASSERT_THAT(restored, SizeIs(1));
  EXPECT_EQ(restored[0].outcome, RestoreOutcome::left_changed_by_other);
  EXPECT_THAT(restored[0].detail, HasSubstr("500"));
  EXPECT_EQ(value(), "500");
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalTest, A_path_changed_twice_keeps_the_first_old_value) {
  Journal journal = open();
  ASSERT_TRUE(journal.change(kScan, "2000"));
  ASSERT_TRUE(journal.change(kScan, "3000"));
  ASSERT_THAT(*journal.entries(), SizeIs(1));
  EXPECT_EQ(journal.entries()->front().old_value, "100");
  EXPECT_EQ(journal.entries()->front().new_value, "3000");
  EXPECT_THAT(journal.restore_own(), SizeIs(1));
  EXPECT_EQ(value(), "100");
}

TEST_F(JournalTest, A_change_to_the_same_value_is_none) {
  Journal journal = open();
  ASSERT_TRUE(journal.change(kScan, "0x64"));
  EXPECT_THAT(*journal.entries(), IsEmpty());
  EXPECT_EQ(value(), "100");
}

TEST_F(JournalTest, A_choice_in_brackets_goes_by_the_chosen_word) {
  Journal journal = open();
  ASSERT_TRUE(journal.change(kAdvisor, "none"));
  EXPECT_THAT(*journal.entries(), IsEmpty());
  ASSERT_TRUE(journal.change(kAdvisor, "scan-time"));
  root_.write(kAdvisor, "none [scan-time]\n");  // as the kernel shows it
  ASSERT_EQ(journal.restore_own().at(0).outcome, RestoreOutcome::restored);
  EXPECT_EQ(value(kAdvisor), "none") << "the word alone is written";
}

TEST_F(JournalTest, A_second_writer_is_refused_and_told_who_is_first) {
  Journal first = open();
  Journal second = open();
  ASSERT_TRUE(first.change(kScan, "2000"));
  const auto refused = second.change("/sys/kernel/mm/ksm/run", "1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::denied);
  EXPECT_THAT(refused.error().what, HasSubstr(std::to_string(::getpid())));
  EXPECT_EQ(second.restore_abandoned().error().code, ErrorCode::denied);
  static_cast<void>(first.restore_own());
  EXPECT_TRUE(second.change("/sys/kernel/mm/ksm/run", "1")) << "the lock ends with the changes";
}

TEST_F(JournalTest, A_live_runs_entries_are_not_abandoned) {
  Journal first = open();
  ASSERT_TRUE(first.change(kScan, "2000"));
  // Another file for the lock, as if the first had lost it.
  std::filesystem::remove(directory_ + "/lock");
  Journal second = open();
  EXPECT_THAT(*second.restore_abandoned(), IsEmpty());
  EXPECT_EQ(value(), "2000");
}

TEST_F(JournalTest, What_an_admin_set_between_two_changes_is_put_back) {
  Journal journal = open();
  ASSERT_TRUE(journal.change(kScan, "2000"));
  root_.write(kScan, "500\n");
  ASSERT_TRUE(journal.change(kScan, "3000"));
  EXPECT_EQ(journal.restore_own().at(0).outcome, RestoreOutcome::restored);
  EXPECT_EQ(value(), "500");
}

// A directory in the knob's place can be opened and not read.
TEST_F(JournalTest, A_value_that_can_not_be_read_back_stays_in_the_journal) {
  const std::string knob = root_ / "sys/kernel/mm/ksm/pages_to_scan";
  auto journal = Journal::open(*host_, directory_, [&](JournalStep step) {
    if (step != JournalStep::value_written) return;
    std::filesystem::remove(knob);
    std::filesystem::create_directory(knob);
  });
  ASSERT_TRUE(journal);
  EXPECT_FALSE(journal->change(kScan, "2000"));
  EXPECT_EQ(files(), 1u) << "the value may be in place";
  EXPECT_EQ(journal->restore_own().at(0).outcome, RestoreOutcome::failed);
  EXPECT_EQ(files(), 1u);
  std::filesystem::remove(knob);
  root_.write(kScan, "2000\n");
  EXPECT_EQ(journal->restore_own().at(0).outcome, RestoreOutcome::restored);
  EXPECT_EQ(value(), "100");
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalTest, A_value_that_reads_back_as_no_line_is_undone) {
  auto journal = Journal::open(*host_, directory_, [&](JournalStep step) {
    if (step == JournalStep::value_written) root_.write(kScan, "2000\n5\n");
  });
  ASSERT_TRUE(journal);
  EXPECT_FALSE(journal->change(kScan, "2000"));
  EXPECT_EQ(value(), "100");
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalTest, Entries_of_another_root_are_neither_shown_nor_touched) {
  run_killed_at(JournalStep::spelling_recorded);
  ScratchDirectory copy;
  copy.write(kBootId, "another-boot\n");
  copy.write(kScan, "2000\n");
  const auto other = Host::open(copy.path());
  ASSERT_TRUE(other);
  {
    auto journal = Journal::open(*other, directory_);
    ASSERT_TRUE(journal);
    EXPECT_THAT(*journal->entries(), IsEmpty());
    EXPECT_THAT(*journal->restore_abandoned(), IsEmpty());
    // Even of the same boot, as a copy of a running host is.
    copy.write(kBootId, "first-boot\n");
    journal = Journal::open(*other, directory_);
    EXPECT_THAT(*journal->restore_abandoned(), IsEmpty());
    EXPECT_EQ(*other->read_value(kScan), "2000");
    EXPECT_TRUE(journal->change(kScan, "3000")) << "its own values are not those left";
  }
  EXPECT_EQ(files(), 1u);
  // The same root by another name.
  std::filesystem::create_directory_symlink(root_.path(), copy / "link");
  const auto same = Host::open(copy / "link");
  ASSERT_TRUE(same);
  EXPECT_THAT(*Journal::open(*same, directory_)->restore_abandoned(), SizeIs(1));
  EXPECT_EQ(value(), "100");
}

TEST_F(JournalTest, The_kernels_spelling_of_a_pending_second_change_is_known) {
  // Killed before the second write: the value is the first one, as read back.
  JournalEntry entry{kScan, "100", "3000", "2000", "first-boot", 1, 1};
  EXPECT_TRUE(written_by(entry, "2000"));
  EXPECT_TRUE(written_by(entry, "3000"));
  EXPECT_FALSE(written_by(entry, "100"));
  EXPECT_FALSE(written_by(entry, ""));
}

TEST_F(JournalTest, Entries_of_another_boot_are_dropped_without_writing) {
  run_killed_at(JournalStep::spelling_recorded);
  root_.write(kBootId, "second-boot\n");
  const auto restored = open().restore_abandoned();
  ASSERT_THAT(*restored, SizeIs(1));
  EXPECT_EQ(restored->front().outcome, RestoreOutcome::dropped_other_boot);
  EXPECT_EQ(value(), "2000");
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalTest, Foreign_files_are_reported_and_stop_nothing) {
  run_killed_at(JournalStep::spelling_recorded);
  state_.write("journal/00000000000000000007.json", "{\"path\": \"/etc/passwd\"}");
  state_.write("journal/00000000000000000008.json", std::string(100000, 'x'));
  state_.write("journal/README", "hello");
  std::filesystem::create_symlink("/etc/passwd", directory_ + "/00000000000000000009.json");
  state_.write("journal/00000000000000000003.tmp", "half an ent");
  const auto restored = open().restore_abandoned();
  ASSERT_TRUE(restored);
  std::size_t failed = 0;
  for (const Restored& one : *restored) failed += one.outcome == RestoreOutcome::failed ? 1 : 0;
  EXPECT_EQ(failed, 4u);
  EXPECT_EQ(restored->size(), 5u);
  EXPECT_EQ(value(), "100") << "the good entry was put back all the same";
  EXPECT_EQ(files(), 4u) << "what is not ours stays; the half-written entry goes";
  EXPECT_TRUE(open().change(kScan, "2000"));
}

TEST_F(JournalTest, A_knob_that_is_gone_is_forgotten) {
  Journal journal = open();
  ASSERT_TRUE(journal.change(kScan, "2000"));
  std::filesystem::remove(root_ / "sys/kernel/mm/ksm/pages_to_scan");
  const auto restored = journal.restore_own();
  EXPECT_THAT(restored.at(0).detail, HasSubstr("does not exist"));
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalTest, What_can_not_be_put_back_as_one_line_is_not_changed) {
  Journal journal = open();
  root_.write("proc/many", "1\n2\n");
  EXPECT_EQ(journal.change("/proc/many", "3").error().code, ErrorCode::bad_input);
  EXPECT_EQ(journal.change(kScan, "3\n4").error().code, ErrorCode::bad_input);
  EXPECT_EQ(journal.change(kScan, std::string(5000, '1')).error().code, ErrorCode::bad_input);
  EXPECT_EQ(journal.change(kScan, "\xff").error().code, ErrorCode::bad_input);
  EXPECT_EQ(journal.change("/proc/none", "3").error().code, ErrorCode::missing);
  EXPECT_EQ(value(), "100");
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalTest, A_directory_that_others_can_write_is_refused) {
  std::filesystem::create_directory(directory_);
  std::filesystem::permissions(directory_, std::filesystem::perms::all);
  EXPECT_EQ(Journal::open(*host_, directory_).error().code, ErrorCode::denied);
  EXPECT_EQ(Journal::open(*host_, "relative").error().code, ErrorCode::bad_input);
}

// Runs in a child that has a mount namespace with a full disk of its own; answers "" if all held.
std::string try_on_a_full_disk(const Host& host, const ScratchDirectory& root) {
  const ScratchDirectory point;
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("none", point.path().c_str(), "tmpfs", 0, "size=64k") != 0)
    return "no small disk could be mounted";
  auto journal = Journal::open(host, point / "journal");
  if (!journal) return error_line(journal.error());
  if (!journal->change(kScan, "2000")) return "the change with room failed";
  {
    std::ofstream filler(point / "filler");
    for (int i = 0; i < 64 && filler << std::string(4096, 'x') << std::flush; ++i) {
    }
  }
  const auto refused = journal->change("/sys/kernel/mm/ksm/run", "1");
  if (refused) return "a change went through on a full disk";
  if (*host.read_value("/sys/kernel/mm/ksm/run") != "0") return "the value was changed";
  if (journal->change(kScan, "3000")) return "a second change went through on a full disk";
  if (*host.read_value(kScan) != "2000") return "the second change was made";
  if (journal->entries()->size() != 1) return "the first entry was lost";
  for (const Restored& one : journal->restore_own())
    if (one.outcome != RestoreOutcome::restored) return "not restored: " + one.detail;
  if (root.read(kScan) != "100") return "the old value is not back";
  return journal->entries()->empty() ? "" : "an entry stayed";
}

TEST_F(JournalTest, A_full_disk_stops_the_change_and_not_the_restore) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting a small disk needs root";
  const auto said = run_in_child([&] { return try_on_a_full_disk(*host_, root_); }, 10s);
  ASSERT_TRUE(said) << error_line(said.error());
  EXPECT_EQ(*said, "");
}

// A real knob, in a network namespace of the child's own.
std::string try_a_kernel_knob(const std::string& directory) {
  constexpr char kTtl[] = "/proc/sys/net/ipv4/ip_default_ttl";
  if (::unshare(CLONE_NEWNET) != 0) return "no network namespace";
  const auto host = Host::open("/");
  if (!host) return error_line(host.error());
  auto journal = Journal::open(*host, directory);
  if (!journal) return error_line(journal.error());
  const auto before = host->read_value(kTtl);
  if (const auto changed = journal->change(kTtl, "0x21"); !changed)
    return error_line(changed.error());
  if (journal->entries()->at(0).new_value != "33") return "the kernel's spelling was not recorded";
  if (journal->change(kTtl, "999")) return "a value the kernel refuses went through";
  if (*host->read_value(kTtl) != "33") return "a refused change left a trace";
  if (journal->entries()->at(0).asked_value != "0x21") return "a refused change stayed on disk";
  if (journal->change("/etc/hostname", "x")) return "a file of the disk was changed";
  if (journal->restore_own().at(0).outcome != RestoreOutcome::restored) return "not restored";
  return *host->read_value(kTtl) == *before ? "" : "the old value is not back";
}

TEST_F(JournalTest, A_kernel_knob_is_read_back_in_the_kernels_spelling) {
  if (::geteuid() != 0) GTEST_SKIP() << "a network namespace needs root";
  const auto said = run_in_child([&] { return try_a_kernel_knob(directory_); }, 10s);
  ASSERT_TRUE(said) << error_line(said.error());
  EXPECT_EQ(*said, "");
}

}  // namespace
}  // namespace brim::host
