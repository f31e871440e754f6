// SPDX-License-Identifier: Apache-2.0
// The maker of swap areas and groups is killed at any moment; what it made is removed afterwards.
#include "base/rng.h"
#include "host/swap_record.h"
#include "host/zram_disk.h"
#include "swap_fixture.h"

#include <gmock/gmock.h>

namespace brim::live {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// What a maker makes, and then it waits to be killed.
void make_all(const host::Host& host, const std::string& state, const std::string& folder) {
  const auto file =
      SwapArea::create_file(host, state + "/swap", {folder, kAreaSize, SwapOrder::last, Bytes()});
  const auto zram = SwapArea::create_zram(host, state + "/swap", {kAreaSize, ""});
  auto group = LimitedGroup::create(host, state + "/groups", "killed-" + std::to_string(::getpid()),
                                    {kLimit, {}});
  if (group) static_cast<void>(group->add(0));
  // Itself; version 1 would keep it from dying until it is undone, which the test waits for first.
  if (group && group->places()[host::GroupPart::freezing].v2) static_cast<void>(group->freeze(1s));
  while (true) {
    static_cast<void>(file || zram);  // they live as long as this process
    ::pause();
  }
}

class SwapKilled : public SwapLive {
 protected:
  // Kills a maker after this time, and waits until it is gone.
  void kill_after(std::chrono::microseconds time) const {
    const pid_t pid = ::fork();
    if (pid == 0) make_all(host_, scratch_.path(), scratch_.path());
    ASSERT_GT(pid, 0);
    std::this_thread::sleep_for(time);
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  // Only the folders of records.
  [[nodiscard]] std::vector<std::string> files_left() const {
    std::vector<std::string> names;
    for (const auto& item : std::filesystem::directory_iterator(scratch_.path()))
      if (!item.is_directory()) names.push_back(item.path());
    return names;
  }
};

TEST_F(SwapKilled, At_any_moment_what_it_made_is_removed) {
  constexpr int kRounds = 30;
  Rng rng(1);
  // How long a maker takes differs by machine and load: found as it goes.
  std::uint64_t longest = 20000;
  int removed = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::chrono::microseconds time(rng.below(longest));
    ASSERT_NO_FATAL_FAILURE(kill_after(time));
    std::vector<std::string> lines = host::remove_abandoned_groups(host_, scratch_ / "groups");
    for (std::string& line : host::remove_abandoned_swap(host_, scratch_ / "swap"))
      lines.push_back(std::move(line));
    for (const std::string& line : lines) {
      EXPECT_TRUE(line.starts_with("removed")) << line;
      ++removed;
    }
    if (lines.empty()) longest = longest * 3 / 2;
    if (lines.size() == 3) longest = longest * 3 / 4;
    ASSERT_EQ(swap_state(), before_) << "killed after " << time.count() << " us";
    ASSERT_THAT(files_left(), IsEmpty());
  }
  EXPECT_GE(removed, kRounds / 2) << "most were killed before they had made anything";
}

TEST_F(SwapKilled, A_device_that_was_not_named_yet_is_found_and_others_stay) {
  const auto others = host::add_zram(host_);
  BRIM_NEEDS_VALUE(others);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto numbers = host::zram_numbers(host_);
    const bool written =
        host::write_swap_record(host_, scratch_ / "swap", host::AwaitedZram{*numbers}).has_value();
    ::_exit(written && host::add_zram(host_) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  const auto lines = host::remove_abandoned_swap(host_, scratch_ / "swap");
  EXPECT_THAT(lines, testing::ElementsAre(HasSubstr("zram")));
  EXPECT_TRUE(std::filesystem::exists("/sys/block/zram" + std::to_string(others->number)));
  EXPECT_TRUE(host::remove_zram(host_, *others));
}

TEST_F(SwapKilled, A_zram_disk_that_was_being_written_is_removed) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto disk = host::ZramDisk::create(host_, scratch_ / "swap", mebibytes(8));
    if (!disk) ::_exit(1);
    const auto device = disk->open(O_RDWR);
    if (device) ::kill(::getpid(), SIGKILL);
    ::_exit(2);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  BRIM_NEEDS(!WIFEXITED(status) || WEXITSTATUS(status) != 1, "no zram device can be made");
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_NE(swap_state(), before_);
  const auto lines = host::remove_abandoned_swap(host_, scratch_ / "swap");
  EXPECT_THAT(lines, testing::ElementsAre(HasSubstr("zram")));
  EXPECT_EQ(swap_state(), before_);
}

TEST_F(SwapKilled, brim_restore_removes_it_and_says_so) {
  ASSERT_NO_FATAL_FAILURE(kill_after(1s));
  EXPECT_NE(swap_state(), before_);
  const std::string log = scratch_ / "log";
  const std::string command =
      "BRIM_STATE_DIR=" + scratch_.path() + " " + BRIM_PROGRAM + " restore >/dev/null 2>" + log;
  EXPECT_EQ(std::system(command.c_str()), 0);
  const std::string said = read_text(log);
  EXPECT_THAT(said, HasSubstr("removed the swap file"));
  EXPECT_THAT(said, HasSubstr("removed the cgroup"));
  std::filesystem::remove(log);
  EXPECT_THAT(files_left(), IsEmpty());
}

}  // namespace
}  // namespace brim::live
