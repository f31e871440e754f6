// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include "base/provenance.h"

#include <cerrno>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim {
namespace {

Result<std::unique_ptr<int>> positive(int n) {
  if (n <= 0) return fail(ErrorCode::bad_input, "not positive", "argument 1");
  return std::make_unique<int>(n);
}

Result<int> sum(int a, int b) {
  BRIM_TRY(const std::unique_ptr<int> first, positive(a));
  BRIM_TRY(const std::unique_ptr<int> second, positive(b));
  return *first + *second;
}

Result<> check_both(int a, int b, int& checked) {
  BRIM_CHECK(sum(a, 1));
  ++checked;
  BRIM_CHECK(sum(b, 1));
  ++checked;
  return {};
}

TEST(Result, Try_hands_on_values_and_stops_at_the_first_error) {
  EXPECT_EQ(sum(2, 3), 5);
  const auto failed = sum(2, 0);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::bad_input);
  EXPECT_EQ(failed.error().what, "not positive");
  EXPECT_EQ(failed.error().where, "argument 1");
}

TEST(Result, Check_stops_at_the_first_error) {
  int checked = 0;
  EXPECT_TRUE(check_both(1, 1, checked));
  EXPECT_EQ(checked, 2);
  checked = 0;
  EXPECT_FALSE(check_both(1, 0, checked));
  EXPECT_EQ(checked, 1);
}

TEST(Result, Errno_becomes_the_code_it_means) {
  EXPECT_EQ(errno_error(EACCES, "open", "/x").code, ErrorCode::denied);
  EXPECT_EQ(errno_error(EPERM, "open", "/x").code, ErrorCode::denied);
  EXPECT_EQ(errno_error(ENOENT, "open", "/x").code, ErrorCode::missing);
  EXPECT_EQ(errno_error(ENOTDIR, "open", "/x").code, ErrorCode::missing);
  EXPECT_EQ(errno_error(ESRCH, "open", "/x").code, ErrorCode::gone);
  EXPECT_EQ(errno_error(EIO, "open", "/x").code, ErrorCode::io);
  EXPECT_EQ(error_line(errno_error(ENOENT, "open", "/x")), "/x: open: No such file or directory");
}

TEST(Result, Error_line_is_one_line_and_cannot_steer_the_terminal) {
  EXPECT_EQ(error_line({ErrorCode::io, "bad", ""}), "bad");
  EXPECT_EQ(error_line({ErrorCode::io, "bad\x1b[31m", "a\nb\xc2\x9b"}),
            "a\\nb\\u009b: bad\\x1b[31m");
  EXPECT_EQ(error_line({ErrorCode::io, "gone", "vm\u202e\u200b"}), "vm\\u202e\\u200b: gone");
}

TEST(Result, Exit_statuses_are_the_documented_ones) {
  EXPECT_EQ(exit_status(ErrorCode::bad_input), 2);
  EXPECT_EQ(exit_status(ErrorCode::denied), 2);
  EXPECT_EQ(exit_status(ErrorCode::gone), 2);
  EXPECT_EQ(exit_status(ErrorCode::io), 2);
  EXPECT_EQ(exit_status(ErrorCode::missing), 3);
  EXPECT_EQ(exit_status(ErrorCode::interrupted), 130);
}

TEST(Result, Codes_and_provenances_have_their_names) {
  EXPECT_EQ(name_of(ErrorCode::bad_input), "bad_input");
  EXPECT_EQ(name_of(ErrorCode::denied), "denied");
  EXPECT_EQ(name_of(ErrorCode::gone), "gone");
  EXPECT_EQ(name_of(ErrorCode::io), "io");
  EXPECT_EQ(name_of(ErrorCode::missing), "missing");
  EXPECT_EQ(name_of(ErrorCode::interrupted), "interrupted");
  EXPECT_EQ(name_of(Provenance::measured), "measured");
  EXPECT_EQ(name_of(Provenance::modelled), "modelled");
  EXPECT_EQ(name_of(Provenance::published), "published");
  EXPECT_EQ(name_of(Provenance::assumed), "assumed");
  EXPECT_EQ(name_of(Provenance::computed), "computed");
}

TEST(ResultDeathTest, Assertion_is_live_and_says_that_it_is_our_bug) {
  BRIM_ASSERT(1 + 1 == 2);
  EXPECT_DEATH(BRIM_ASSERT(1 + 1 == 3), "a bug in brim: 1 \\+ 1 == 3 is false at .*result_test");
}

}  // namespace
}  // namespace brim
