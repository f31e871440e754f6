// SPDX-License-Identifier: Apache-2.0
#include "share/measure/findings.h"

#include <gtest/gtest.h>

namespace brim::share {
namespace {

SubjectResult subject(const std::string& name, std::optional<int> pid) {
  SubjectResult result;
  result.name = name;
  result.pid = pid;
  return result;
}

TEST(Findings, Subjects_of_one_name_are_told_apart_and_others_keep_theirs) {
  std::vector<SubjectResult> subjects = {subject("bash", 7), subject("init", 1), subject("bash", 9),
                                         subject("ram", std::nullopt),
                                         subject("ram", std::nullopt)};
  name_apart(subjects);
  EXPECT_EQ(subjects[0].name, "bash (7)");
  EXPECT_EQ(subjects[1].name, "init");
  EXPECT_EQ(subjects[2].name, "bash (9)");
  EXPECT_EQ(subjects[3].name, "ram #1");
  EXPECT_EQ(subjects[4].name, "ram #2");
}

}  // namespace
}  // namespace brim::share
