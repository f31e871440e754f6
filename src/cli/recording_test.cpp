// SPDX-License-Identifier: Apache-2.0
#include "cli/recording.h"

#include <filesystem>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace brim::cli {
namespace {

using study::RunStatus;
using testing::HasSubstr;

class RecordingTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "brim-recording-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] study::Store open() const {
    return std::move(*study::Store::open(directory_ / "store.sqlite"));
  }
  std::filesystem::path directory_;
};

TEST_F(RecordingTest, Run_without_a_result_has_none) {
  Recording recording(open());
  recording.begin({});
  recording.finish(RunStatus::failed, nullptr);
  EXPECT_FALSE(recording.error());
  EXPECT_EQ(open().load(recording.run())->result_json, "");
}

TEST_F(RecordingTest, Before_it_begins_nothing_is_recorded) {
  Recording recording(open());
  recording.add(std::vector<study::Sample>(1));
  recording.finish(RunStatus::failed, nullptr);
  EXPECT_FALSE(recording.error());
  EXPECT_TRUE(open().list(0)->empty());
}

TEST_F(RecordingTest, Store_that_fails_ends_it_and_is_told) {
  Recording recording(open());
  recording.begin({});
  ASSERT_TRUE(open().finish(recording.run(), RunStatus::failed, ""));  // by somebody else
  recording.finish(RunStatus::complete, {{"a", 1}});
  ASSERT_TRUE(recording.error());
  EXPECT_THAT(recording.warning(), HasSubstr("Run 1 is recorded in part: "));
  recording.add({});  // does nothing

  const Recording refused(fail(ErrorCode::denied, "read-only", "store"));
  EXPECT_EQ(refused.warning(), "Not recorded: store: read-only.");
  EXPECT_FALSE(Recording().error());
}

}  // namespace
}  // namespace brim::cli
