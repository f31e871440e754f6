// SPDX-License-Identifier: Apache-2.0
#include "host/run_folder.h"

#include "host/scratch_directory.h"
#include "host/test_processes.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(RunFolder, It_goes_with_all_that_is_in_it_and_leads_nowhere_else) {
  const ScratchDirectory scratch;
  scratch.write("precious/text", "text");
  std::string path;
  {
    auto folder = RunFolder::create(live_host(), scratch / "records", scratch.path());
    ASSERT_TRUE(folder) << error_line(folder.error());
    path = folder->path();
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    fs::create_directories(path + "/1/data");
    std::ofstream(path + "/1/data/file") << "text";
    fs::create_directory_symlink(scratch / "precious", path + "/1/link");
    EXPECT_FALSE(RunFolder::create(live_host(), scratch / "records", scratch.path()))
        << "a second of this process";
    EXPECT_TRUE(fs::exists(path)) << "the first is still there";
    EXPECT_THAT(remove_abandoned_folders(live_host(), scratch / "records"), IsEmpty())
        << "of a brim that lives: this one";
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::is_empty(scratch / "records"));
  EXPECT_EQ(scratch.read("precious/text"), "text");
}

TEST(RunFolder, Where_there_is_no_place_nothing_is_left) {
  const ScratchDirectory scratch;
  const auto folder = RunFolder::create(live_host(), scratch / "records", scratch / "nowhere");
  ASSERT_FALSE(folder);
  EXPECT_THAT(error_line(folder.error()), HasSubstr("nowhere"));
  EXPECT_TRUE(fs::is_empty(scratch / "records"));
}

// A record as a killed brim leaves it.
void leave_folder_record(const ScratchDirectory& scratch, const std::string& folder) {
  scratch.write("records/left.json", fmt::format(R"({{"folder": "{}", "boot_id": "another boot",
      "owner_pid": 4194305, "owner_start_ticks": 1}})",
                                                 folder));
}

TEST(RunFolder, What_a_killed_brim_left_is_removed_also_after_a_reboot) {
  const ScratchDirectory scratch;
  scratch.write("brim-run-7-8/1/file", "text");
  leave_folder_record(scratch, scratch / "brim-run-7-8");
  EXPECT_THAT(remove_abandoned_folders(live_host(), scratch / "records"),
              ElementsAre(HasSubstr("brim-run-7-8, which an interrupted run had made")));
  EXPECT_FALSE(fs::exists(scratch / "brim-run-7-8"));
  EXPECT_TRUE(fs::is_empty(scratch / "records"));
}

TEST(RunFolder, What_is_not_of_its_name_is_left_and_told) {
  const ScratchDirectory scratch;
  scratch.write("precious/text", "text");
  for (const std::string& folder : {scratch / "precious", std::string("brim-run-1-2")}) {
    leave_folder_record(scratch, folder);
    EXPECT_THAT(remove_abandoned_folders(live_host(), scratch / "records"),
                ElementsAre(HasSubstr("not a record")))
        << folder;
  }
  EXPECT_EQ(scratch.read("precious/text"), "text");
}

}  // namespace
}  // namespace brim::host
