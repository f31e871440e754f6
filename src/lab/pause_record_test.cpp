// SPDX-License-Identifier: Apache-2.0
#include "lab/pause_record.h"

#include "host/paused_process.h"
#include "host/scratch_directory.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::lab {
namespace {

using testing::HasSubstr;

// A process of somebody's; killed and reaped at the end.
class PauseRecord : public testing::Test {
 protected:
  PauseRecord() : pid_(::fork()) {
    while (pid_ == 0) ::pause();
  }
  ~PauseRecord() override {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] host::Process process() const {
    return std::move(host::Process::open(host_, pid_)).value();
  }
  void stop() const {
    ::kill(pid_, SIGSTOP);
    ASSERT_TRUE(becomes(true));
  }
  [[nodiscard]] bool becomes(bool still) const {
    for (int i = 0; i < 1000; ++i) {
      if (host::stands_still(process()).value() == still) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  // As a brim leaves it that was killed since.
  void leave_record() const {
    const pid_t brim = ::fork();
    if (brim == 0) ::_exit(write_pause_record(host_, records(), process()) ? 0 : 1);
    int status = 0;
    ::waitpid(brim, &status, 0);
    ASSERT_EQ(status, 0);
  }
  [[nodiscard]] std::string records() const { return scratch_ / "pauses"; }

  const host::ScratchDirectory scratch_;
  const host::Host host_ = std::move(host::Host::open("/")).value();
  const pid_t pid_;
};

TEST_F(PauseRecord, What_a_killed_brim_left_standing_goes_on_and_is_told_once) {
  ASSERT_NO_FATAL_FAILURE(leave_record());
  ASSERT_NO_FATAL_FAILURE(stop());
  const auto lines = let_abandoned_go_on(host_, records());
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines.front(), HasSubstr(std::to_string(pid_)));
  EXPECT_TRUE(becomes(false));
  EXPECT_TRUE(let_abandoned_go_on(host_, records()).empty());
  EXPECT_TRUE(std::filesystem::is_empty(records()));
}

TEST_F(PauseRecord, What_goes_on_already_needs_no_word) {
  ASSERT_NO_FATAL_FAILURE(leave_record());
  EXPECT_TRUE(let_abandoned_go_on(host_, records()).empty());
  EXPECT_TRUE(std::filesystem::is_empty(records()));
}

TEST_F(PauseRecord, What_a_running_brim_paused_is_left_alone) {
  ASSERT_TRUE(write_pause_record(host_, records(), process()));
  ASSERT_NO_FATAL_FAILURE(stop());
  EXPECT_TRUE(let_abandoned_go_on(host_, records()).empty());
  EXPECT_TRUE(*host::stands_still(process()));
  EXPECT_FALSE(std::filesystem::is_empty(records()));
}

TEST_F(PauseRecord, A_file_that_is_no_record_is_left_and_told) {
  scratch_.write("pauses/other.json", R"({"paused_pid": "1"})");
  EXPECT_THAT(let_abandoned_go_on(host_, records()).front(), HasSubstr("not a record"));
  EXPECT_TRUE(std::filesystem::exists(records() + "/other.json"));
}

}  // namespace
}  // namespace brim::lab
