// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/load_process.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace brim::lab {
namespace {

TEST(ProgressFile, Who_maps_it_sees_what_the_load_has_done) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("brim-progress-" + std::to_string(::getpid()));
  {
    const auto watcher = ProgressFile::open(path);
    ASSERT_TRUE(watcher) << error_line(watcher.error());
    EXPECT_FALSE(watcher->progress().filled);
    EXPECT_EQ(watcher->progress().writes, 0U);
    const auto load = ProgressFile::open(path);
    ASSERT_TRUE(load) << error_line(load.error());
    load->progress().filled = true;
    load->progress().writes += 5;
    EXPECT_TRUE(watcher->progress().filled);
    EXPECT_EQ(watcher->progress().writes, 5U);
  }
  std::filesystem::remove(path);
  EXPECT_FALSE(ProgressFile::open("/nowhere/progress"));
}

}  // namespace
}  // namespace brim::lab
