// SPDX-License-Identifier: Apache-2.0
// The source tree of the compile load, compiled here by this machine's own compiler. That it is
// compiled in a guest, and MariaDB, is tests/live/lab_load_test.cpp's to see.
#include "lab/agent/program_load.h"

#include "host/child.h"
#include "host/scratch_directory.h"

#include <set>

#include <gtest/gtest.h>

namespace brim::lab {
namespace {

TEST(ProgramLoad, The_source_tree_compiles_without_a_warning_links_and_says_how_many_files) {
  constexpr std::uint64_t kFiles = 3;
  const host::ScratchDirectory scratch;
  std::vector<std::string> words = {"cc", "-Wall", "-Werror", "-o", scratch / "program"};
  for (std::uint64_t i = 0; i < kFiles; ++i) {
    const std::string name = "file" + std::to_string(i) + ".c";
    scratch.write(name, compile_source(i, 5));
    words.push_back(scratch / name);
  }
  scratch.write("main.c", compile_main_source(kFiles));
  words.push_back(scratch / "main.c");
  const auto built = host::run_program(words, std::chrono::seconds(120));
  ASSERT_TRUE(built) << error_line(built.error());
  const auto said = host::run_program({scratch / "program"}, std::chrono::seconds(20));
  ASSERT_TRUE(said) << error_line(said.error());
  EXPECT_EQ(*said, "3\n");
}

TEST(ProgramLoad, Each_file_is_another_and_the_same_whenever_it_is_made) {
  std::set<std::string> texts;
  for (std::uint64_t i = 0; i < 20; ++i) texts.insert(compile_source(i, 4));
  EXPECT_EQ(texts.size(), 20U);
  EXPECT_EQ(compile_source(7, 4), compile_source(7, 4));
  EXPECT_GT(compile_source(0, 40).size(), 10 * compile_source(0, 2).size());
}

TEST(ProgramLoad, The_last_line_that_says_anything_is_told) {
  const host::ScratchDirectory scratch;
  scratch.write("log", "first\nthe disk is full\n\n  \n");
  EXPECT_EQ(last_line_in(scratch / "log"), "the disk is full");
  EXPECT_EQ(last_line_in(scratch / "none"), "");
}

}  // namespace
}  // namespace brim::lab
