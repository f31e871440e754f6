// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/program_output.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

namespace brim::lab {
namespace {

void write_to(const ProgramOutput& output, std::string_view text) {
  ASSERT_EQ(::write(output.writing(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

TEST(ProgramOutput, Lines_are_counted_when_they_end_and_the_last_that_says_anything_is_kept) {
  auto output = ProgramOutput::open();
  ASSERT_TRUE(output);
  output->take();
  EXPECT_EQ(output->lines(), 0U) << "nothing there is no wait";
  write_to(*output, "one\ntwo");
  output->take();
  EXPECT_EQ(output->lines(), 1U);
  EXPECT_EQ(output->last_line(), "two");
  write_to(*output, " and more\n\n  \n");
  output->take();
  EXPECT_EQ(output->lines(), 4U);
  EXPECT_EQ(output->last_line(), "two and more");
}

TEST(ProgramOutput, As_much_as_a_pipe_holds_is_taken_at_once) {
  auto output = ProgramOutput::open();
  ASSERT_TRUE(output);
  std::string lines;
  while (lines.size() < 65536) lines += "0123456\n";
  write_to(*output, lines);
  output->take();
  EXPECT_EQ(output->lines(), 8192U);
}

TEST(ProgramOutput, A_last_line_is_clipped_and_steers_no_terminal) {
  auto output = ProgramOutput::open();
  ASSERT_TRUE(output);
  write_to(*output, "\x1b[31m" + std::string(1000, 'x') + "\n");
  output->take();
  EXPECT_EQ(output->last_line().find('\x1b'), std::string::npos);
  EXPECT_LT(output->last_line().size(), 200U);
  EXPECT_EQ(output->lines(), 1U);
}

}  // namespace
}  // namespace brim::lab
