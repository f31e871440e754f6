// SPDX-License-Identifier: Apache-2.0
#pragma once
// The ranks of one mpirun at one command. Rank 0 leads: it alone reads what is to be kept apart
// (store, progress, output), hands out tasks one by one as threads of all ranks get free, its own
// among them, and takes the results. The others help: they read the same scenario, compute, and say
// nothing themselves. All call run_study() with the same scenarios in the same order; a round is
// one such call, and has the same outcome on all.
//
// Messages (JSON as CBOR). A thread of a helper has a channel of its own, from 1 on, on which it
// brings the result of its last task and is given the next, until there is none. On channel 0 a
// helper says when its threads have ended, or what kept it from beginning; and the leader says when
// to stop early, when the round is over, and when there is no further one.
//
// A rank that dies takes all with it: mpirun ends them.

#include "base/cancel.h"
#include "base/progress.h"
#include "base/result.h"
#include "study/ranks.h"
#include "study/task_board.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace brim::study {

class RankTeam {
 public:
  // Null where this process is alone. `build`: brim's version, that all must have.
  [[nodiscard]] static Result<std::unique_ptr<RankTeam>> join(std::string build);
  RankTeam(std::unique_ptr<Ranks> ranks, std::string build);
  // The leader tells the others that it is over; they wait for that.
  ~RankTeam();
  RankTeam(const RankTeam&) = delete;
  RankTeam& operator=(const RankTeam&) = delete;

  [[nodiscard]] bool leads() const { return ranks_->rank() == 0; }
  // This rank's part of the processors: those it may use, and no more than an equal share of the
  // machine's.
  [[nodiscard]] unsigned threads() const;

  // The leader's part of a round, until all helpers are done with it. `study` is what the scenario
  // says: a helper that has another one fails. What is put is told to `progress` as `units`.
  void lead(const std::string& study, TaskBoard& board, Progress& progress, std::uint64_t units,
            const Cancel& cancel);

  // A helper's part. `run` is called by `threads` threads, with a Cancel that is also set when the
  // leader says so.
  using RunTask = std::function<Result<std::vector<Sample>>(const TaskId&, const Cancel&)>;
  [[nodiscard]] Result<void> help(const std::string& study, unsigned threads, const RunTask& run,
                                  const Cancel& cancel);
  // What keeps a helper from its part: the round ends with that, on all ranks.
  void give_up(const Error& error);

 private:
  void send(int to, int channel, const nlohmann::json& message);
  void say_to_helpers(const char* what);
  void take_request(const RankMessage& message, const std::string& study, TaskBoard& board,
                    Progress& progress, std::uint64_t units);
  void help_on(int channel, const std::string& study, const RunTask& run, const Cancel& stop);
  // A helper's: what the leader said on channel 0; empty where nothing.
  [[nodiscard]] std::string heard();

  std::unique_ptr<Ranks> ranks_;
  std::string build_;
  std::map<std::pair<int, int>, TaskId> given_;  // to a rank and channel, not back yet
  std::set<int> ended_;                          // ranks, in this round
  std::atomic<bool> over_{false};                // a helper's: the leader has left
};

}  // namespace brim::study
