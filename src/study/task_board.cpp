// SPDX-License-Identifier: Apache-2.0
#include "study/task_board.h"

#include <utility>

namespace brim::study {

TaskBoard::TaskBoard(std::vector<TaskId> tasks, const TaskSink& sink)
    : tasks_(std::move(tasks)), sink_(sink) {}

std::optional<TaskId> TaskBoard::take() {
  const std::lock_guard lock(mutex_);
  if (error_ || taken_ == tasks_.size()) return std::nullopt;
  return tasks_[taken_++];
}

void TaskBoard::put(const TaskId& task, std::vector<Sample> samples) {
  const std::lock_guard lock(mutex_);
  waiting_.emplace(task, std::move(samples));
  for (auto next = waiting_.begin(); next != waiting_.end() && next->first == tasks_[handed_on_];
       next = waiting_.erase(next), ++handed_on_)
    sink_(next->first, next->second);
}

void TaskBoard::fail(Error error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
}

bool TaskBoard::failed() const {
  const std::lock_guard lock(mutex_);
  return error_.has_value();
}

Result<void> TaskBoard::outcome() const {
  const std::lock_guard lock(mutex_);
  if (error_) return brim::fail(*error_);
  return {};
}

}  // namespace brim::study
