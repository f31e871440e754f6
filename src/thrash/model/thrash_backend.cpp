// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/thrash_backend.h"

#include "thrash/measure/run_record.h"
#include "thrash/measure/thrash_figures.h"
#include "thrash/model/control_in_user_space.h"
#include "thrash/model/machine.h"
#include "thrash/model/machine_from_scenario.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

constexpr ModelTime kStep = std::chrono::seconds(1);  // between two looks at Cancel

double seconds_of(ModelTime time) { return std::chrono::duration<double>(time).count(); }
double bytes_in(std::size_t pages) { return static_cast<double>(pages * kPageSize); }

struct CounterReading {
  double in = 0;
  double out = 0;
};

CounterReading own_counter(SystemCounter counter, const MachineSample& sample) {
  const auto in = static_cast<double>(sample.pages_in);
  const auto out = static_cast<double>(sample.pages_out);
  constexpr double kPageKib = kPageSize / 1024.0;
  switch (counter) {
    case SystemCounter::block_kib:
      return {in * kPageKib, out * kPageKib};
    case SystemCounter::page_requests:
    case SystemCounter::swap_pages:
      return {in, out};
    case SystemCounter::whole_processes:
      break;
  }
  return {static_cast<double>(sample.ordered_in), static_cast<double>(sample.ordered_out)};
}

// What a run has shown so far.
class Recording {
 public:
  Recording(const SimulatedRun& run, const study::SampleSink& sink) : run_(&run), sink_(&sink) {
    for (const Consumer& consumer : run.consumers) {
      ConsumerRecord one;
      one.start_seconds = seconds_of(consumer.start);
      one.due_seconds = seconds_of(consumer.start + consumer.run_for);
      record_.consumers.push_back(std::move(one));
    }
  }

  void take(const MachineSample& sample, MachineControls& machine) {
    const ModelTime passed = sample.at - std::exchange(at_, sample.at);
    t_ = seconds_of(sample.at);
    record_.t_seconds.push_back(t_);
    tell_processors(sample);
    tell_paging(sample, seconds_of(passed));
    tell_consumers(sample, machine, seconds_of(passed));
  }

  void end(const Machine& machine) {
    for (ThreadNumber number = 0; number < record_.consumers.size(); ++number) {
      const ProcessEnd end = machine.ended(number);
      ConsumerRecord& consumer = record_.consumers[number];
      consumer.killed = end.ending == Ending::killed;
      if (end.ending != Ending::none) consumer.ended_seconds = seconds_of(end.at);
    }
    ThrashFigures figures = figures_of(record_);
    if (!figures.unconstrained_rate) figures = figures_of(record_, rate_without_faults());
    thrash::record(figures, seconds_of(machine.now()), *sink_);
  }

 private:
  // Where all start at once nothing else tells it: a burst's accesses in the time it takes by
  // itself, and its pause. Consumers are taken to be alike, as in thrash_figures.h.
  [[nodiscard]] std::optional<double> rate_without_faults() const {
    if (run_->machine.processes.empty()) return std::nullopt;
    const BurstShape& burst = burst_of(run_->machine.processes.front().pattern);
    const auto accesses = static_cast<double>(burst.accesses);
    return accesses / (accesses * seconds_of(run_->machine.access) + seconds_of(burst.sleep));
  }

  void tell(std::string_view metric, double value, std::string_view subject = {}) const {
    (*sink_)(metric, subject, t_, value);
  }

  void tell_processors(const MachineSample& sample) const {
    tell("thrash.user_cpu_percent", sample.user_percent);
    tell("thrash.system_cpu_percent", sample.system_percent);
    tell("thrash.waiting_cpu_percent", sample.waiting_percent);
    tell("thrash.cpu_use_percent", sample.user_percent + sample.system_percent);
    tell("thrash.device_busy_percent", sample.device_busy_percent);
  }

  void tell_paging(const MachineSample& sample, double seconds) const {
    const auto rate = [&](std::string_view metric, auto count) {
      tell(metric, static_cast<double>(count) / seconds);
    };
    rate("thrash.pages_in_per_s", sample.pages_in);
    rate("thrash.pages_out_per_s", sample.pages_out);
    rate("thrash.minor_faults_per_s", sample.minor_faults);
    rate("thrash.major_faults_per_s", sample.major_faults);
    rate("thrash.pages_scanned_per_s", sample.pages_scanned);
    const CounterReading own = own_counter(run_->counter, sample);
    rate("thrash.counter_in_per_s", own.in);
    rate("thrash.counter_out_per_s", own.out);
  }

  void tell_consumers(const MachineSample& sample, MachineControls& machine, double seconds) {
    ProcessSample all;
    std::size_t running = 0;
    for (ThreadNumber number = 0; number < record_.consumers.size(); ++number) {
      const ProcessSample& one = sample.processes[number];
      const std::string subject = fmt::format("consumer {}", number + 1);
      tell("thrash.accesses", static_cast<double>(one.completed), subject);
      tell("thrash.resident_bytes", bytes_in(one.frames), subject);
      tell("thrash.swapped_bytes", bytes_in(one.swapped), subject);
      record_.consumers[number].accesses.push_back(one.completed);
      all.completed += one.completed;
      all.frames += one.frames;
      all.swapped += one.swapped;
      running += machine.process(number).runs ? 1 : 0;
    }
    tell("thrash.accesses", static_cast<double>(all.completed));
    tell("thrash.accesses_per_s",
         static_cast<double>(all.completed - std::exchange(completed_, all.completed)) / seconds);
    tell("thrash.resident_bytes", bytes_in(all.frames));
    tell("thrash.swapped_bytes", bytes_in(all.swapped));
    tell("thrash.free_bytes", bytes_in(sample.free_frames));
    tell("thrash.consumers_running", static_cast<double>(running));
    tell("thrash.blocked_consumers", sample.blocked);
    tell("thrash.frozen_consumers", sample.frozen);
  }

  const SimulatedRun* run_;
  const study::SampleSink* sink_;
  RunRecord record_;
  ModelTime at_{0};  // of the last sample
  double t_ = 0;
  std::uint64_t completed_ = 0;
};

class ThrashBackend final : public study::Backend {
 public:
  explicit ThrashBackend(MakeGuard make_guard) : make_guard_(make_guard) {}

  [[nodiscard]] Provenance provenance() const override { return Provenance::modelled; }
  [[nodiscard]] bool concurrent() const override { return true; }
  [[nodiscard]] Result<void> check(const study::Scenario& scenario) const override {
    BRIM_TRY(const SimulatedRun run, machine_from_scenario(scenario));
    if (run.control.policy->make == nullptr && make_guard_ == nullptr)
      return fail(ErrorCode::missing, "this backend was made without brim's guard",
                  "mechanism.control");
    return {};
  }
  [[nodiscard]] Result<void> run(const study::Scenario& scenario, const Rng& rng,
                                 const study::SampleSink& sink,
                                 const std::function<void(double)>& progress,
                                 const Cancel& cancel) const override {
    BRIM_TRY(const SimulatedRun run, machine_from_scenario(scenario));
    const auto control = make_control(run);
    Machine machine(run.machine, rng, control.get());
    Recording recording(run, sink);
    for (ModelTime until{0}; until < run.duration;) {
      if (cancel.requested()) return fail(ErrorCode::interrupted, "interrupted");
      until = std::min(run.duration, until + kStep);
      machine.run(until,
                  [&](const MachineSample& sample) { recording.take(sample, machine.controls()); });
      progress(seconds_of(until) / seconds_of(run.duration));
    }
    recording.end(machine);
    return {};
  }

 private:
  [[nodiscard]] std::unique_ptr<ThrashControl> make_control(const SimulatedRun& run) const {
    const ControlPolicy& policy = *run.control.policy;
    if (policy.make == nullptr) return make_guard_(run.controlled);
    auto control = policy.make(run.controlled, run.control.settings);
    if (!run.control_in_user_space || control == nullptr) return control;
    return std::make_unique<ControlInUserSpace>(std::move(control));
  }

  MakeGuard make_guard_;
};

}  // namespace

std::unique_ptr<study::Backend> make_thrash_backend(MakeGuard make_guard) {
  return std::make_unique<ThrashBackend>(make_guard);
}

}  // namespace brim::thrash::model
