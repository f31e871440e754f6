// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs a function in a forked child, for what may hang, crash, or change the process it runs in:
// what the child returns comes back as text, and after `timeout` the child is killed with all it
// started.
//
// The child prints nothing (its standard streams are /dev/null), dies with its parent, and never
// returns into the caller's code. It is a copy of a process whose other threads are gone: the
// function must not wait for them (no thread pools, no logging).

#include "base/result.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace brim::host {

inline constexpr std::size_t kMaximumChildOutput = std::size_t{4} << 20;

// `io` where the child crashed, ran out of time ("no answer within 500 ms") or sent more than
// kMaximumChildOutput.
[[nodiscard]] Result<std::string> run_in_child(const std::function<std::string()>& function,
                                               std::chrono::milliseconds timeout);
// Runs a program, found on PATH, and returns its standard output. `missing` where there is none of
// that name; `io` where it fails.
[[nodiscard]] Result<std::string> run_program(const std::vector<std::string>& arguments,
                                              std::chrono::milliseconds timeout);

}  // namespace brim::host
