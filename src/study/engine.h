// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs all points of a scenario, each as often as it says, in turns: first every point once, then
// every point again. Points that may run at once do, on all threads; what they record arrives in
// the order of repeat and point all the same, each as a whole, so that a store has the same samples
// in the same order whatever the number of threads and of ranks, and a run that was killed can be
// gone on with.

#include "base/progress.h"
#include "study/backend.h"
#include "study/rank_team.h"
#include "study/task_board.h"

#include <cstdint>
#include <set>

namespace brim::study {

struct EngineOptions {
  unsigned threads = 0;      // 0: all processors; under mpirun, this rank's part of them
  std::set<TaskId> done;     // of an earlier run: not done again
  RankTeam* team = nullptr;  // under mpirun: what the ranks share the tasks in
};

// Of every scenario: repeats x points.
[[nodiscard]] std::uint64_t task_count(const ScenarioFile& scenario);

// The first error of a task ends the run once those at work have ended; `interrupted` when
// cancelled. What was handed to the sink stands. The randomness of a task depends on the seed, and
// the numbers of its repeat and of its point, alone; `progress` is told thousandths of a task.
// Of a team the leader alone is given samples and progress; all come to the same end.
[[nodiscard]] Result<void> run_study(const ScenarioFile& scenario, const Backend& backend,
                                     const EngineOptions& options, const TaskSink& sink,
                                     Progress& progress, const Cancel& cancel);

}  // namespace brim::study
