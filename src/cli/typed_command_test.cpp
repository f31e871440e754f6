// SPDX-License-Identifier: Apache-2.0
#include "cli/typed_command.h"

#include <vector>

#include <gtest/gtest.h>

namespace brim::cli {
namespace {

std::string typed(const std::vector<const char*>& arguments) { return typed_command(arguments); }

TEST(TypedCommand, Holds_no_password_of_a_store) {
  EXPECT_EQ(typed({"--store", "postgresql://me:secret@db/brim", "runs"}),
            "--store postgresql://me@db/brim runs");
  EXPECT_EQ(typed({"--store=postgres://me:secret@db/brim", "runs"}),
            "--store=postgres://me@db/brim runs");
  EXPECT_EQ(typed({"--store=postgresql://db/brim?user=me&password=secret"}),
            "'--store=postgresql://db/brim?user=me&password=***'");
}

TEST(TypedCommand, Can_be_typed_again) {
  EXPECT_EQ(typed({"share", "scan", "--sample=1%", "--label", "two words"}),
            "share scan --sample=1% --label 'two words'");
  EXPECT_EQ(typed({"--name", "web*", "--label", "", "--label", "it's"}),
            "--name 'web*' --label '' --label 'it'\\''s'");
  EXPECT_EQ(typed({"--label", "änderung"}), "--label änderung");
}

}  // namespace
}  // namespace brim::cli
