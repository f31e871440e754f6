// SPDX-License-Identifier: Apache-2.0
#pragma once
// A user's own program as a consumer: a command that a shell runs from the consumer's start to its
// end, and again whenever it ends with status 0. Each line on its standard output is a unit of
// work, and counted in ConsumerPage::accesses. What memory it takes is its own business.
//
// The agent has a pid namespace made, whose first process starts the command, counts, and takes in
// orphans. When that one ends, of whatever, the kernel kills all others in the namespace; it ends
// itself at the consumer's end, and with the agent (PR_SET_PDEATHSIG), as the agent does with brim.
// So nothing of a program is left. All are in the agent's process group: SIGSTOP to the group stops
// them all, and SIGCONT lets them go on.
//
// In that namespace they see their own /proc. Folder and TMPDIR are ConsumerProgram::folder; what
// the command leaves in the background runs on until the consumer's end.
//
// LIMIT: what makes a process group or a session of its own (setsid(2), daemons, a shell's job
// control) ends with the others, but does not stand still with them.
// LIMIT: needs CAP_SYS_ADMIN, for namespaces.

#include "base/result.h"
#include "lab/agent/consumer.h"

#include <chrono>
#include <string>
#include <string_view>

namespace brim::lab {

struct ConsumerProgram {
  std::string command;
  // Once, before the consumer is ready; of consumers whose folders are in one folder one after the
  // other. Empty: nothing.
  std::string prepare;
  std::chrono::nanoseconds prepare_within = std::chrono::minutes(1);
  std::string folder;  // that it runs in; there already

  bool operator==(const ConsumerProgram&) const = default;
};

// A JSON object on a line.
[[nodiscard]] Result<ConsumerProgram> parse_consumer_program(std::string_view text);
[[nodiscard]] std::string format_consumer_program(const ConsumerProgram& program);

// Whole; this process has namespaces of its own afterwards. An error, which is in
// ConsumerPage::failed too, where the command or `prepare` ends otherwise than with status 0.
[[nodiscard]] Result<void> run_consumer_program(const ConsumerProgram& program, ConsumerPage& page);

}  // namespace brim::lab
