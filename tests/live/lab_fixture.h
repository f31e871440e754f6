// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tests of real guests stand on, beside what makes one (lab.h).

#include "lab.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#define EXPECT_DONE(result) EXPECT_TRUE(result) << error_line((result).error())
#define ASSERT_DONE(result) ASSERT_TRUE(result) << error_line((result).error())

namespace brim::live {

struct ScriptEnd {
  int status = -1;
  std::string output;
};
// A shell script in the guest, with busybox's commands.
inline ScriptEnd run_script(lab::Guest& guest, const std::string& script) {
  const auto answer = guest.command({{"command", "execute"}, {"script", script}}, kAnswer);
  EXPECT_DONE(answer);
  if (!answer) return {};
  return {answer->value("status", -1), answer->value("output", std::string())};
}

}  // namespace brim::live
