// SPDX-License-Identifier: Apache-2.0
#include "host/record_file.h"

#include "host/scratch_directory.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Tells of each file but those named "quiet", and removes it.
std::optional<std::string> tell_and_remove(const std::string& boot_id, const std::string& file) {
  EXPECT_FALSE(boot_id.empty());
  const std::string name = std::filesystem::path(file).filename().string();
  remove_record_file(file);
  if (name.starts_with("quiet")) return std::nullopt;
  return name;
}

TEST(RecordFile, Records_are_tended_in_the_order_of_their_names) {
  const ScratchDirectory scratch;
  for (const char* name : {"c.json", "a.json", "quiet.json", "b.json"}) scratch.write(name, "{}");
  const auto host = Host::open("/");
  ASSERT_TRUE(host);
  EXPECT_THAT(tend_records(*host, scratch.path(), tell_and_remove),
              ElementsAre("a.json", "b.json", "c.json"));
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

TEST(RecordFile, Records_of_a_host_that_is_not_live_are_left_alone) {
  const ScratchDirectory scratch;
  scratch.write("root/proc/sys/kernel/random/boot_id", "one\n");
  scratch.write("records/a.json", "{}");
  const auto host = Host::open(scratch / "root");
  ASSERT_TRUE(host);
  EXPECT_THAT(tend_records(*host, scratch / "records", tell_and_remove), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(scratch / "records/a.json"));
}

TEST(RecordFile, Without_a_folder_of_records_there_is_nothing_to_tend) {
  const ScratchDirectory scratch;
  const auto host = Host::open("/");
  ASSERT_TRUE(host);
  EXPECT_THAT(tend_records(*host, scratch / "none", tell_and_remove), IsEmpty());
}

}  // namespace
}  // namespace brim::host
