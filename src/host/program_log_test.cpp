// SPDX-License-Identifier: Apache-2.0
#include "host/program_log.h"

#include "host/dependent_process.h"

#include <gtest/gtest.h>

namespace brim::host {
namespace {

TEST(ProgramLog, Has_the_last_words_of_a_program_that_has_ended) {
  const auto log = ProgramLog::create();
  ASSERT_TRUE(log) << error_line(log.error());
  EXPECT_EQ(log->last_line(), "");
  ProgramStart start;
  start.arguments = {"sh", "-c", "printf 'one\\n%05000d\\n'; echo 'of errors ' >&2; echo"};
  start.log = log->name();
  auto program = DependentProcess::start(start);
  ASSERT_TRUE(program) << error_line(program.error());
  ASSERT_TRUE(program->wait(std::chrono::seconds(10)));
  EXPECT_EQ(log->last_line(), "of errors");
}

}  // namespace
}  // namespace brim::host
