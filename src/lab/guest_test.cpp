// SPDX-License-Identifier: Apache-2.0
#include "lab/guest.h"

#include "host/scratch_directory.h"
#include "lab/guest_record.h"

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::lab {
namespace {

using host::ScratchDirectory;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

host::Host live_host() {
  auto host = host::Host::open("/");
  EXPECT_TRUE(host);
  return std::move(*host);
}

// A record as a brim leaves it that ended since.
void leave_record(const host::Host& host, const std::string& records,
                  const std::string& directory) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto written = write_guest_record(host, records, directory, "");
    ::_exit(written ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
}

TEST(Guest, Its_command_line_names_the_agent_s_port_the_balloon_and_private_memory) {
  GuestOptions options;
  options.memory = mebibytes(64);
  options.emulator_arguments = {"-S"};
  const auto words = guest_arguments(options, "/d");
  EXPECT_THAT(words, Contains(HasSubstr("name=org.brim.agent")));
  EXPECT_THAT(words, Contains(HasSubstr("virtio-balloon")));
  EXPECT_THAT(words, Contains(HasSubstr("cgroup_no_v1=all")));
  EXPECT_THAT(words, Contains("67108864B"));
  EXPECT_THAT(words, Contains("-no-reboot"));
  EXPECT_THAT(words, Not(Contains(HasSubstr("share=on"))));
  EXPECT_EQ(words.back(), "-S");
}

TEST(Guest, A_root_image_is_a_disk_whose_writes_go_elsewhere) {
  GuestOptions options;
  EXPECT_THAT(guest_arguments(options, "/d"), Not(Contains(HasSubstr("virtio-blk"))));
  options.root_image = "/a,b/root.ext4";
  const auto words = guest_arguments(options, "/d");
  EXPECT_THAT(words, Contains(AllOf(HasSubstr("snapshot=on"), HasSubstr("file=/a,,b/root.ext4"))));
  EXPECT_THAT(words, Contains(HasSubstr("serial=brim-root")));
}

TEST(GuestRecord, What_a_dead_brim_left_is_removed_and_told_once) {
  const ScratchDirectory scratch;
  const host::Host host = live_host();
  const std::string directory = scratch / "brim-lab-a";
  scratch.write("brim-lab-a/console", "text");
  ASSERT_NO_FATAL_FAILURE(leave_record(host, scratch / "records", directory));
  const auto lines = end_abandoned_guests(host, scratch / "records");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines.front(), HasSubstr(directory));
  EXPECT_FALSE(std::filesystem::exists(directory));
  EXPECT_TRUE(end_abandoned_guests(host, scratch / "records").empty());
}

TEST(GuestRecord, A_guest_whose_brim_runs_is_left_alone) {
  const ScratchDirectory scratch;
  const host::Host host = live_host();
  scratch.write("brim-lab-a/console", "text");
  const auto record = write_guest_record(host, scratch / "records", scratch / "brim-lab-a", "");
  ASSERT_TRUE(record);
  EXPECT_TRUE(end_abandoned_guests(host, scratch / "records").empty());
  EXPECT_TRUE(std::filesystem::exists(scratch / "brim-lab-a"));
  remove_guest_record(*record);
  EXPECT_FALSE(std::filesystem::exists(*record));
}

TEST(GuestRecord, A_record_that_names_a_folder_of_others_is_not_followed) {
  const ScratchDirectory scratch;
  const host::Host host = live_host();
  scratch.write("precious/file", "text");
  for (const std::string& directory :
       {scratch / "precious", scratch / "brim-lab-a/../precious", std::string("brim-lab-a")}) {
    ASSERT_NO_FATAL_FAILURE(leave_record(host, scratch / "records", directory));
    const auto lines = end_abandoned_guests(host, scratch / "records");
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines.front(), HasSubstr("not a record"));
    std::filesystem::remove_all(scratch / "records");
  }
  scratch.write("records/other.json", "{\"directory\": 5}");
  EXPECT_THAT(end_abandoned_guests(host, scratch / "records").front(), HasSubstr("not a record"));
  EXPECT_EQ(scratch.read("precious/file"), "text");
}

}  // namespace
}  // namespace brim::lab
