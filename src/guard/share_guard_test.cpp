// SPDX-License-Identifier: Apache-2.0
// The daemon's step on hosts of plain files: what is read, what is changed and told, what is put
// back.
#include "guard/share_guard.h"

#include "host/scratch_directory.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::guard {
namespace {

using share::tune::Time;
using testing::Contains;
using testing::HasSubstr;

constexpr Time kMinute = std::chrono::minutes(1);

// A copy of a fixture, which tests may write to.
class ShareGuardTest : public testing::Test {
 protected:
  void begin(const std::string& fixture, bool act) {
    const std::string from = std::string(BRIM_SOURCE_DIR) + "/tests/fixtures/hosts/" + fixture;
    std::filesystem::copy(from, root_.path(), std::filesystem::copy_options::recursive);
    auto host = host::Host::open(root_.path());
    ASSERT_TRUE(host);
    host_.emplace(std::move(*host));
    policy_ = *share::tune::read_share_policy({});
    if (act) {
      auto journal = host::Journal::open(*host_, state_ / "journal");
      ASSERT_TRUE(journal) << error_line(journal.error());
      journal_.emplace(std::move(*journal));
    }
    auto reader = ShareReader::open(*host_);
    ASSERT_TRUE(reader) << error_line(reader.error());
    reader_.emplace(std::move(*reader));
    guard_.emplace(*reader_, policy_, log_, journal_ ? &*journal_ : nullptr);
  }
  Time step(Time now) {
    const auto next = guard_->step(now);
    EXPECT_TRUE(next) << error_line(next.error());
    return next.value_or(Time(0));
  }
  std::string knob(const std::string& name) {
    return host_->read_value("/sys/kernel/mm/ksm/" + name).value_or("?");
  }

  host::ScratchDirectory root_;
  host::ScratchDirectory state_;
  std::optional<host::Host> host_;
  share::tune::SharePolicy policy_;
  std::optional<host::Journal> journal_;
  std::vector<std::string> lines_;
  ActionLog log_{LogForm::text, [this](const std::string& line) { lines_.push_back(line); }};
  std::optional<ShareReader> reader_;
  std::optional<ShareGuard> guard_;
};

TEST_F(ShareGuardTest, Sees_the_VM_of_a_current_kernel) {
  begin("debian-6.18-hybrid", false);
  const auto snapshot = reader_->look_closely();
  ASSERT_TRUE(snapshot);
  ASSERT_EQ(snapshot->subjects.size(), 1U);
  const share::tune::Subject& vm = snapshot->subjects[0];
  EXPECT_EQ(vm.pid, 4242);
  EXPECT_EQ(vm.name, "tiny");
  EXPECT_TRUE(vm.machine);
  EXPECT_EQ(vm.resident, bytes_of(Pages(38669)));
  ASSERT_TRUE(vm.details.has_value());
  EXPECT_EQ(vm.merged, kibibytes(44));  // smaps knows better than ksm_stat's 11 pages
  EXPECT_EQ(vm.details->anonymous, kibibytes(143260));
  EXPECT_EQ(vm.details->saved, kibibytes(143260 - 143228));
  EXPECT_EQ(vm.details->huge, kibibytes(131072));
  EXPECT_TRUE(snapshot->pressure_percent.has_value());
}

TEST_F(ShareGuardTest, Takes_QEMUs_word_on_a_kernel_that_does_not_tell_who_is_mergeable) {
  begin("debian-6.1", false);
  const auto snapshot = reader_->look();
  ASSERT_TRUE(snapshot);
  EXPECT_FALSE(snapshot->subjects.empty());
  for (const share::tune::Subject& subject : snapshot->subjects) EXPECT_TRUE(subject.machine);
  EXPECT_FALSE(snapshot->progress.scanned.has_value());
}

TEST_F(ShareGuardTest, Is_missing_a_kernel_with_KSM) {
  const auto host = host::Host::open(std::string(BRIM_SOURCE_DIR) + "/tests/fixtures/hosts/no-ksm");
  ASSERT_TRUE(host);
  const auto reader = ShareReader::open(*host);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::missing);
}

TEST_F(ShareGuardTest, Advising_tells_what_it_would_do_and_writes_nothing) {
  begin("debian-6.18-hybrid", false);
  const std::string run = knob("run");
  step(kMinute);
  EXPECT_EQ(knob("run"), run);
  EXPECT_THAT(lines_, Contains(HasSubstr("share: scanning: ")));
  EXPECT_THAT(lines_, Contains(HasSubstr("would set pages_to_scan")));
}

TEST_F(ShareGuardTest, Acting_sets_the_knobs_and_puts_them_back) {
  begin("debian-6.18-hybrid", true);
  const std::string pages = knob("pages_to_scan");
  const std::string run = knob("run");
  step(kMinute);
  EXPECT_EQ(knob("run"), "1");
  EXPECT_NE(knob("pages_to_scan"), pages);
  EXPECT_THAT(lines_, Contains(HasSubstr("share: set pages_to_scan = ")));
  for (const host::Restored& restored : journal_->restore_own())
    EXPECT_NE(restored.outcome, host::RestoreOutcome::failed);
  EXPECT_EQ(knob("pages_to_scan"), pages);
  EXPECT_EQ(knob("run"), run);
}

TEST_F(ShareGuardTest, Stops_ksmd_once_the_full_scans_are_done) {
  begin("debian-6.18-hybrid", true);
  step(kMinute);
  ASSERT_EQ(knob("run"), "1");
  const std::uint64_t scans = *host_->read_number("/sys/kernel/mm/ksm/full_scans");
  root_.write("sys/kernel/mm/ksm/full_scans", std::to_string(scans + 1) + "\n");
  step(kMinute + std::chrono::seconds(1));
  EXPECT_EQ(knob("run"), "1");
  root_.write("sys/kernel/mm/ksm/full_scans", std::to_string(scans + 9) + "\n");
  step(kMinute + std::chrono::seconds(2));
  EXPECT_EQ(knob("run"), "0");
}

TEST_F(ShareGuardTest, Tells_a_problem_once_and_goes_on) {
  begin("debian-6.18-hybrid", true);
  // Another brim holds the writer's lock.
  auto other = host::Journal::open(*host_, state_ / "journal");
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->change("/sys/kernel/mm/ksm/max_page_sharing", "300"));
  step(kMinute);
  step(kMinute + std::chrono::seconds(1));
  const auto told = std::count_if(lines_.begin(), lines_.end(), [](const std::string& line) {
    return line.find("another brim") != std::string::npos ||
           line.find("holds") != std::string::npos;
  });
  EXPECT_EQ(told, 1) << testing::PrintToString(lines_);
}

TEST_F(ShareGuardTest, Names_ksmtuned_as_a_rival) {
  begin("debian-6.18-hybrid", false);
  ASSERT_TRUE(reader_->look());
  EXPECT_FALSE(reader_->rival().has_value());
  std::string stat = *host_->read_file("/proc/1/stat");
  stat.replace(stat.find('('), stat.find(')') - stat.find('(') + 1, "(ksmtuned)");
  root_.write("proc/1/stat", stat);
  reader_.emplace(*ShareReader::open(*host_));
  ASSERT_TRUE(reader_->look());
  EXPECT_EQ(reader_->rival(), "ksmtuned (pid 1)");
}

TEST_F(ShareGuardTest, As_JSON_each_line_is_an_object_with_its_event_and_reason) {
  begin("debian-6.18-hybrid", false);
  ActionLog json(LogForm::json, [this](const std::string& line) { lines_.push_back(line); });
  ShareGuard guard(*reader_, policy_, json, nullptr);
  json.started("share", false);
  ASSERT_TRUE(guard.step(kMinute));
  std::vector<std::string> events;
  for (const std::string& line : lines_) {
    const auto event = nlohmann::json::parse(line);
    EXPECT_EQ(event.at("schema"), "brim.guard_log/1");
    if (event.at("event") == "change") {
      EXPECT_FALSE(event.at("reason").get<std::string>().empty());
    }
    events.push_back(event.at("event"));
  }
  ASSERT_GE(events.size(), 4U);
  EXPECT_EQ(events[0], "started");
  EXPECT_EQ(events[1], "phase");
  EXPECT_THAT(std::vector(events.begin() + 2, events.end()), testing::Each("change"));
}

}  // namespace
}  // namespace brim::guard
