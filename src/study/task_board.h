// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the tasks of a study are taken from, and put when done, by threads of this process and, on
// the first rank, for others. What is put goes on in the order of the tasks, each as soon as none
// is missing before it. Threads: any may call; the sink is called by one at a time.

#include "base/result.h"
#include "study/run.h"
#include "study/task.h"

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace brim::study {

// Takes the samples of a task, its point and repeat filled in.
using TaskSink = std::function<void(const TaskId& task, std::span<const Sample> samples)>;

class TaskBoard {
 public:
  // `tasks` ascending. `sink` must outlive this.
  TaskBoard(std::vector<TaskId> tasks, const TaskSink& sink);

  // The next one; none when all are taken, or after a failure.
  [[nodiscard]] std::optional<TaskId> take();
  void put(const TaskId& task, std::vector<Sample> samples);
  // The first failure stays. Tasks at work may still be put.
  void fail(Error error);
  [[nodiscard]] bool failed() const;
  [[nodiscard]] Result<void> outcome() const;

 private:
  mutable std::mutex mutex_;
  std::vector<TaskId> tasks_;
  const TaskSink& sink_;
  std::size_t taken_ = 0;
  std::size_t handed_on_ = 0;
  std::map<TaskId, std::vector<Sample>> waiting_;  // for those before them
  std::optional<Error> error_;
};

}  // namespace brim::study
