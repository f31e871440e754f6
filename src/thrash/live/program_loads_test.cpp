// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/program_loads.h"

#include <gtest/gtest.h>

namespace brim::thrash::live {
namespace {

TEST(ProgramLoads, Number_and_folder_stand_in_both_commands_and_other_braces_stay) {
  lab::ConsumerProgram program;
  program.command = "awk '{print}' {folder}/{number} ${X} {number}{number} {numbers}";
  program.prepare = "mkdir {folder}/{number}";
  const lab::ConsumerProgram own = program_of_consumer(program, 12, "/var/tmp/run/12");
  EXPECT_EQ(own.command, "awk '{print}' /var/tmp/run/12/12 ${X} 1212 {numbers}");
  EXPECT_EQ(own.prepare, "mkdir /var/tmp/run/12/12");
  EXPECT_EQ(own.folder, "/var/tmp/run/12");
}

TEST(ProgramLoads, What_is_put_in_is_not_looked_at_again) {
  lab::ConsumerProgram program;
  program.command = "cat {folder}";
  EXPECT_EQ(program_of_consumer(program, 1, "/x/{folder}").command, "cat /x/{folder}");
}

}  // namespace
}  // namespace brim::thrash::live
