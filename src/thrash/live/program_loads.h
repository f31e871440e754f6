// SPDX-License-Identifier: Apache-2.0
#pragma once
// Loads of kind "program": what a scenario says of a user's own program, and what the agent is told
// of it (lab/agent/consumer_program.h).
//
//   [loads.compile]
//   kind = "program"
//   command = "g++ -c {folder}/a.cpp && echo done"  # by /bin/sh; {number} of the consumer, from 1
//   memory = "120MiB"                               # of one, for controls that go by size
//   unit = "files"                                  # a line on its standard output
//   prepare = "cp /usr/src/a.cpp ."                 # once before
//   prepare_within = "60s"

#include "lab/agent/consumer_program.h"
#include "study/scenario.h"

#include <cstddef>
#include <string>
#include <vector>

namespace brim::thrash::live {

[[nodiscard]] bool is_program(const study::Load& load);

// As the scenario has it, without a folder yet. `bad_input` where nothing can be prepared in no
// time, or it has no memory.
[[nodiscard]] Result<lab::ConsumerProgram> program_of_load(const study::Load& load);

// Of the consumer of this number, from 1, in this folder: whose names stand for {number} and
// {folder} in its commands. Other braces stay.
[[nodiscard]] lab::ConsumerProgram program_of_consumer(const lab::ConsumerProgram& program,
                                                       std::size_t number,
                                                       const std::string& folder);

// What stands for what, a sentence for each load of this kind that guests have.
[[nodiscard]] std::vector<std::string> notes_on_programs(const study::Scenario& scenario);

}  // namespace brim::thrash::live
