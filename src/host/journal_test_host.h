// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of the journal have in common.

#include "host/child.h"
#include "host/journal.h"
#include "host/scratch_directory.h"

#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host::test {

inline constexpr char kScan[] = "/sys/kernel/mm/ksm/pages_to_scan";
inline constexpr char kAdvisor[] = "/sys/kernel/mm/ksm/advisor_mode";
inline constexpr char kBootId[] = "proc/sys/kernel/random/boot_id";

// A host of plain files, and a journal beside it.
class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_.write(kBootId, "first-boot\n");
    root_.write("sys/kernel/mm/ksm/pages_to_scan", "100\n");
    root_.write("sys/kernel/mm/ksm/run", "0\n");
    root_.write("sys/kernel/mm/ksm/advisor_mode", "[none] scan-time\n");
    auto host = Host::open(root_.path());
    ASSERT_TRUE(host);
    host_.emplace(std::move(*host));
  }
  Journal open() {
    auto journal = Journal::open(*host_, directory_);
    EXPECT_TRUE(journal) << error_line(journal.error());
    return std::move(*journal);
  }
  std::string value(const char* path) { return host_->read_value(path).value_or("?"); }
  std::string value() { return value(kScan); }
  std::size_t files() {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory_))
      count += file.path().filename() == "lock" ? 0 : 1;
    return count;
  }

  // A run that changes the knob to these values in turn, and is killed at a step of the last.
  // `in_between` runs before the last.
  void run_killed_at(
      JournalStep step, const std::vector<std::string>& values = {"2000"},
      const std::function<void()>& in_between = [] {}) {
    const auto end = run_in_child(
        [&]() -> std::string {
          bool last = false;
          auto journal = Journal::open(*host_, directory_, [&](JournalStep now) {
            if (last && now == step) ::raise(SIGKILL);
          });
          for (const std::string& value : values) {
            last = &value == &values.back();
            if (last) in_between();
            if (!journal || !journal->change(kScan, value)) return "no change";
          }
          if (step == JournalStep::value_restored) static_cast<void>(journal->restore_own());
          return "survived";
        },
        std::chrono::seconds(10));
    ASSERT_FALSE(end) << "not killed";
    ASSERT_THAT(end.error().what, ::testing::HasSubstr("signal 9"));
  }

  ScratchDirectory root_;
  ScratchDirectory state_;
  std::string directory_ = state_ / "journal";
  std::optional<Host> host_;
};

}  // namespace brim::host::test
