// SPDX-License-Identifier: Apache-2.0
#include "lab/cache.h"

#include "host/scratch_directory.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace brim::lab {
namespace {

using host::ScratchDirectory;

std::vector<Artefact> keep_one(Cache& cache, const std::string& text, const std::string& inputs) {
  const auto work = cache.empty_work_directory();
  EXPECT_TRUE(work);
  std::ofstream(*work + "/made") << text;
  auto kept = cache.keep("step", inputs, {{*work + "/made", "step.file"}});
  EXPECT_TRUE(kept) << (kept ? "" : error_line(kept.error()));
  return kept.value_or(std::vector<Artefact>{});
}

bool is_there(const Cache& cache, const std::optional<std::string>& inputs) {
  const auto found = cache.find("step", inputs);
  EXPECT_TRUE(found) << (found ? "" : error_line(found.error()));
  return found && found->has_value();
}

TEST(LabCache, What_was_kept_is_found_with_size_and_checksum) {
  const ScratchDirectory scratch;
  auto cache = Cache::open_for_writing(scratch / "cache");
  ASSERT_TRUE(cache);
  EXPECT_FALSE(is_there(*cache, std::nullopt));
  const auto kept = keep_one(*cache, "abc", "recipe 1\n");
  ASSERT_EQ(kept.size(), 2U) << "the file and what it was made from";
  EXPECT_EQ(kept[0].bytes, Bytes(3));
  EXPECT_EQ(kept[0].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const auto found = Cache::open_for_reading(scratch / "cache")->find("step", "recipe 1\n");
  ASSERT_TRUE(found && found->has_value());
  EXPECT_EQ((**found)[0].path, kept[0].path);
}

TEST(LabCache, A_step_of_other_inputs_is_not_there) {
  const ScratchDirectory scratch;
  auto cache = Cache::open_for_writing(scratch.path());
  keep_one(*cache, "abc", "recipe 1\n");
  EXPECT_FALSE(is_there(*cache, "recipe 2\n"));
  EXPECT_TRUE(is_there(*cache, "recipe 1\n"));
}

TEST(LabCache, A_changed_a_shortened_and_a_missing_file_make_the_step_not_there) {
  const ScratchDirectory scratch;
  auto cache = Cache::open_for_writing(scratch.path());
  keep_one(*cache, "abc", "");
  scratch.write("step.file", "abd");
  EXPECT_FALSE(is_there(*cache, std::nullopt));
  scratch.write("step.file", "ab");
  EXPECT_FALSE(is_there(*cache, std::nullopt));
  std::filesystem::remove(scratch / "step.file");
  EXPECT_FALSE(is_there(*cache, std::nullopt));
  scratch.write("step.file", "abc");
  EXPECT_TRUE(is_there(*cache, std::nullopt));
}

TEST(LabCache, Damaged_checksums_make_the_step_not_there) {
  const ScratchDirectory scratch;
  auto cache = Cache::open_for_writing(scratch.path());
  keep_one(*cache, "abc", "");
  const std::string whole = scratch.read("step.sha256");
  for (const std::string& text : {std::string(), whole.substr(0, whole.size() - 1), "x" + whole,
                                  std::string(64, '0') + "  ../elsewhere\n"}) {
    scratch.write("step.sha256", text);
    EXPECT_FALSE(is_there(*cache, std::nullopt)) << text;
  }
}

TEST(LabCache, A_step_made_halfway_when_brim_was_killed_is_not_there) {
  const ScratchDirectory scratch;
  {
    auto cache = Cache::open_for_writing(scratch.path());
    keep_one(*cache, "abc", "");
    const auto work = cache->empty_work_directory();
    std::ofstream(*work + "/half") << "a";
    // keep() takes the checksums away first, and is then killed.
    std::filesystem::remove(scratch / "step.sha256");
  }
  auto next = Cache::open_for_writing(scratch.path());
  ASSERT_TRUE(next);
  EXPECT_FALSE(is_there(*next, std::nullopt));
  ASSERT_TRUE(next->empty_work_directory());
  EXPECT_FALSE(std::filesystem::exists(scratch / "work/half"));
}

TEST(LabCache, A_second_writer_is_refused_until_the_first_is_gone) {
  const ScratchDirectory scratch;
  {
    const auto first = Cache::open_for_writing(scratch.path());
    ASSERT_TRUE(first);
    const auto second = Cache::open_for_writing(scratch.path());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::denied);
    EXPECT_TRUE(Cache::open_for_reading(scratch.path())) << "readers need no lock";
  }
  EXPECT_TRUE(Cache::open_for_writing(scratch.path()));
}

TEST(LabCache, A_folder_that_is_not_there_is_missing_for_a_reader) {
  const auto cache = Cache::open_for_reading("/nonexistent/brim");
  ASSERT_FALSE(cache);
  EXPECT_EQ(cache.error().code, ErrorCode::missing);
}

}  // namespace
}  // namespace brim::lab
