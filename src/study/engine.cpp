// SPDX-License-Identifier: Apache-2.0
#include "study/engine.h"

#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace brim::study {
namespace {

std::uint64_t repeats_of(const ScenarioFile& scenario) {
  return scenario.base().study.get<std::uint64_t>("repeats");
}

constexpr std::uint64_t kUnits = 1000;  // of progress, a task

// Hands results on in the order of the tasks, as soon as none is missing before them.
class InOrder {
 public:
  InOrder(std::span<const TaskId> tasks, const TaskSink& sink) : tasks_(tasks), sink_(sink) {}

  void take(std::size_t number, std::vector<Sample> samples) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(number, std::move(samples));
    for (auto next = waiting_.begin(); next != waiting_.end() && next->first == next_;
         next = waiting_.erase(next), ++next_)
      sink_(tasks_[next_], next->second);
  }

 private:
  std::span<const TaskId> tasks_;
  const TaskSink& sink_;
  std::mutex mutex_;
  std::map<std::size_t, std::vector<Sample>> waiting_;
  std::size_t next_ = 0;
};

Result<std::vector<Sample>> run_task(const ScenarioFile& scenario, const Backend& backend,
                                     const TaskId& task, Progress& progress, const Cancel& cancel) {
  const Point& point = scenario.points()[task.point];
  const Scenario& at = scenario.at(point);
  const Rng rng = Rng(at.study.get<std::uint64_t>("seed"))
                      .split("repeat", task.repeat)
                      .split("point", task.point);
  std::vector<Sample> samples;
  const SampleSink sink = [&](std::string_view metric, std::string_view subject, double t,
                              double value) {
    Sample sample;
    sample.metric = metric;
    sample.subject = subject;
    sample.t_seconds = t;
    sample.point = task.point;
    sample.repeat = task.repeat;
    sample.value = value;
    samples.push_back(std::move(sample));
  };
  std::uint64_t shown = 0;
  const auto tell = [&](double part) {
    const auto units = std::min(kUnits, static_cast<std::uint64_t>(part * kUnits));
    if (units > shown) progress.advance(units - shown);
    shown = std::max(shown, units);
  };
  BRIM_CHECK(backend.run(at, rng, sink, tell, cancel));
  tell(1);
  return samples;
}

std::vector<TaskId> missing_tasks(const ScenarioFile& scenario, const std::set<TaskId>& done) {
  std::vector<TaskId> tasks;
  const auto points = static_cast<std::uint32_t>(scenario.points().size());
  for (std::uint32_t repeat = 0; repeat < repeats_of(scenario); ++repeat)
    for (std::uint32_t point = 0; point < points; ++point)
      if (!done.contains({repeat, point})) tasks.push_back({repeat, point});
  return tasks;
}

}  // namespace

std::uint64_t task_count(const ScenarioFile& scenario) {
  return repeats_of(scenario) * scenario.points().size();
}

Result<void> run_study(const ScenarioFile& scenario, const Backend& backend,
                       const EngineOptions& options, const TaskSink& sink, Progress& progress,
                       const Cancel& cancel) {
  for (const Point& point : scenario.points()) BRIM_CHECK(backend.check(scenario.at(point)));
  const std::vector<TaskId> tasks = missing_tasks(scenario, options.done);
  progress.set_total(tasks.size() * kUnits);
  const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
  const unsigned wanted = options.threads == 0 ? processors : options.threads;
  const auto threads = backend.concurrent()
                           ? static_cast<unsigned>(std::min<std::size_t>(wanted, tasks.size()))
                           : 1U;
  InOrder in_order(tasks, sink);
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::optional<Error> error;
  std::atomic<bool> failed{false};
  run_on_threads(threads, [&](unsigned) {
    for (std::size_t number = next++; number < tasks.size() && !failed; number = next++) {
      auto samples = run_task(scenario, backend, tasks[number], progress, cancel);
      if (samples) {
        in_order.take(number, std::move(*samples));
        continue;
      }
      failed = true;
      const std::lock_guard lock(mutex);
      if (!error) error = std::move(samples).error();
    }
  });
  if (error) return fail(std::move(*error));
  return {};
}

}  // namespace brim::study
