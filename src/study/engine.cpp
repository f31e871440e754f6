// SPDX-License-Identifier: Apache-2.0
#include "study/engine.h"

#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include <fmt/format.h>

namespace brim::study {
namespace {

std::uint64_t repeats_of(const ScenarioFile& scenario) {
  return scenario.base().study.get<std::uint64_t>("repeats");
}

constexpr std::uint64_t kUnits = 1000;  // of progress, a task

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

unsigned threads_for(const Backend& backend, const EngineOptions& options, std::uint64_t tasks) {
  if (!backend.concurrent()) return 1;
  unsigned threads = options.threads;
  if (threads == 0)
    threads = options.team != nullptr ? options.team->threads()
                                      : std::max(1U, std::thread::hardware_concurrency());
  return static_cast<unsigned>(std::min<std::uint64_t>(threads, tasks));
}

}  // namespace

std::uint64_t task_count(const ScenarioFile& scenario) {
  return repeats_of(scenario) * scenario.points().size();
}

Result<void> run_study(const ScenarioFile& scenario, const Backend& backend,
                       const EngineOptions& options, const TaskSink& sink, Progress& progress,
                       const Cancel& cancel) {
  for (const Point& point : scenario.points()) BRIM_CHECK(backend.check(scenario.at(point)));
  const std::set<TaskId>& done = options.done;
  RankTeam* const team = options.team;
  const std::string study = fmt::format("{:016x} {}", digest_of(scenario), backend.inputs());
  const unsigned threads = threads_for(backend, options, task_count(scenario) - done.size());
  if (team != nullptr && !team->leads()) {
    Progress silent;
    const auto run = [&](const TaskId& task, const Cancel& stop) {
      return run_task(scenario, backend, task, silent, stop);
    };
    return team->help(study, threads, run, cancel);
  }
  TaskBoard board(missing_tasks(scenario, done), sink);
  progress.set_total((task_count(scenario) - done.size()) * kUnits);
  const auto compute = [&] {
    run_on_threads(threads, [&](unsigned) {
      while (const auto task = board.take()) {
        auto samples = run_task(scenario, backend, *task, progress, cancel);
        if (samples)
          board.put(*task, std::move(*samples));
        else
          board.fail(std::move(samples).error());
      }
    });
  };
  if (team == nullptr) {
    compute();
  } else {
    std::atomic<bool> computed{false};
    run_beside(compute, computed, [&] { team->lead(study, board, progress, kUnits, cancel); });
  }
  return board.outcome();
}

}  // namespace brim::study
