// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/model_controls.h"

#include "host/disk_use.h"
#include "host/group_parts.h"
#include "host/process.h"
#include "host/process_advice.h"
#include "host/processor_times.h"
#include "host/swap_table.h"
#include "host/system.h"
#include "thrash/model/thrash_controls.h"

#include <algorithm>
#include <array>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace brim::thrash::live {
namespace {

using model::ModelTime;
using model::ProcessView;
using model::ThreadNumber;

constexpr auto kBetweenTicks = std::chrono::milliseconds(20);
// Sorted.
constexpr std::array<std::string_view, 6> kUserSpaceCan = {"freebsd-suspension",
                                                           "medium-term-scheduler",
                                                           "multiprogramming-level",
                                                           "solaris-swapping",
                                                           "swap-token",
                                                           "tpf"};

// Whether it has reclaim pass over a process's memory: of version 2 alone.
bool protects(std::string_view name) { return name == "swap-token" || name == "tpf"; }

const model::ControlPolicy& policy_named(std::string_view name) {
  const auto all = model::thrash_controls();
  const auto found = std::ranges::find(all, name, [](const auto& one) { return one.family.name; });
  BRIM_ASSERT(found != all.end() && found->make != nullptr);
  return *found;
}

// This machine as the model's controls see theirs.
class LiveMachine final : public model::MachineControls {
 public:
  LiveMachine(const host::Host& host, ConsumerControls& consumers)
      : host_(host),
        consumers_(consumers),
        views_(consumers.consumers()),
        processor_(consumers.consumers()),
        new_faults_(consumers.consumers()),
        watermarks_(model::linux_watermarks(whole_pages(consumers.memory()))) {}

  // Before each tick.
  Result<void> look(ModelTime now) {
    BRIM_CHECK(look_at_memory());
    BRIM_CHECK(look_at_system());
    counts_.minor_faults = 0;
    counts_.major_faults = 0;
    for (ThreadNumber number = 0; number < views_.size(); ++number) look_at(number, now);
    return {};
  }
  // Of those a process made between the last two looks, one; whether there was another.
  [[nodiscard]] bool take_fault(ThreadNumber process) {
    if (new_faults_.at(process) == 0) return false;
    --new_faults_[process];
    return true;
  }
  // What went wrong with what a control did since it was asked last.
  [[nodiscard]] Result<void> take_outcome() { return std::exchange(outcome_, {}); }

  [[nodiscard]] std::size_t processes() const override { return views_.size(); }
  [[nodiscard]] ProcessView process(ThreadNumber process) const override {
    return views_.at(process);
  }
  [[nodiscard]] std::size_t free_frames() const override { return free_; }
  [[nodiscard]] const model::Watermarks& watermarks() const override { return watermarks_; }
  [[nodiscard]] const model::MemoryCounts& memory_counts() const override { return counts_; }
  [[nodiscard]] model::ProcessorTimes processor_times() override { return times_; }
  [[nodiscard]] ModelTime device_busy() const override { return device_busy_; }

  void freeze(ThreadNumber process) override {
    if (!views_.at(process).runs) return;
    consumers_.hold(process);
    views_[process].frozen = true;
  }
  void thaw(ThreadNumber process) override {
    if (!views_.at(process).frozen) return;
    consumers_.let_go_on(process);
    views_[process].frozen = false;
  }
  void order_out(ThreadNumber process) override {
    moved_out_ = true;
    advise(process, host::page_out);
  }
  void order_in(ThreadNumber process) override { advise(process, host::prefetch); }
  // Of kernels; none of those here asks for it.
  void kill(ThreadNumber /*process*/) override { BRIM_ASSERT(false); }
  void exempt(ThreadNumber process, bool exempt) override {
    note(consumers_.protect(process, exempt));
  }

 private:
  Result<void> look_at_memory() {
    const host::LimitedGroup* group = consumers_.group();
    if (group == nullptr) {
      BRIM_TRY(const host::MemoryInfo memory, host::read_memory_info(host_));
      free_ = memory.available_bytes / kPageSize;
      return {};
    }
    const host::GroupReading reading = group->read();
    if (!reading.memory) return fail(reading.memory.error());
    const Bytes all = consumers_.memory();
    // What was moved out stays in memory until the kernel needs its frames.
    const Bytes kept = moved_out_ ? reading.swap_cached.value_or(Bytes(0)) : Bytes(0);
    const Bytes held = *reading.memory - std::min(*reading.memory, kept);
    free_ = (all - std::min(all, held)).count() / kPageSize;
    return {};
  }

  Result<void> look_at_system() {
    BRIM_TRY(const host::SwapCounters swap, host::read_swap_counters(host_));
    counts_.pages_in = swap.in.value_or(Pages(0)).count();
    counts_.pages_out = swap.out.value_or(Pages(0)).count();
    BRIM_TRY(const host::ProcessorTimes times, host::read_processor_times(host_));
    times_ = {.user = times.user,
              .system = times.system,
              .idle = times.all - times.busy - times.waiting,
              .waiting = times.waiting,
              .paging = ModelTime(0)};
    if (const std::string disk = consumers_.swap_disk(); !disk.empty()) {
      BRIM_TRY(device_busy_, host::read_disk_busy(host_, disk));
    }
    return {};
  }

  // One that has just ended keeps what it was seen to have, and runs no more.
  void look_at(ThreadNumber number, ModelTime now) {
    ProcessView& view = views_[number];
    const ConsumerView consumer = consumers_.consumer(number);
    view.runs = consumer.runs;
    view.frozen = consumer.held;
    view.completed = consumer.accesses;
    view.runnable = view.blocked = false;
    new_faults_[number] = 0;
    if (view.runs) look_at_process(consumer.pid, number, now);
    if (!view.runs) view.frames = view.swapped = 0;
    counts_.major_faults += view.major_faults;
  }

  void look_at_process(int pid, ThreadNumber number, ModelTime now) {
    ProcessView& view = views_[number];
    const auto process = host::Process::open(host_, pid);
    if (!process) return;
    const auto stat = process->stat();
    const auto status = process->status();
    if (!stat || !status) return;
    view.frames = status->vm_rss_bytes / kPageSize;
    view.swapped = status->vm_swap_bytes / kPageSize;
    view.runnable = stat->state == 'R';
    view.blocked = stat->state == 'D';
    new_faults_[number] = stat->major_faults - view.major_faults;
    view.major_faults = stat->major_faults;
    counts_.minor_faults += stat->minor_faults;
    const host::ProcessorTime used = host::processor_time_of(*stat);
    if (used != std::exchange(processor_[number], used)) view.ran_at = now;
  }

  // One that has just ended needs no advice.
  void advise(ThreadNumber number, Result<Bytes> (*advice)(const host::Process&)) {
    const auto process = host::Process::open(host_, consumers_.consumer(number).pid);
    if (!process) return;
    const auto advised = advice(*process);
    if (!advised && advised.error().code != ErrorCode::gone) note(fail(advised.error()));
  }

  // The first counts.
  void note(Result<void> outcome) {
    if (!outcome && outcome_) outcome_ = std::move(outcome);
  }

  const host::Host& host_;
  ConsumerControls& consumers_;
  std::vector<ProcessView> views_;
  std::vector<host::ProcessorTime> processor_;  // that each had used at the last look
  std::vector<std::uint64_t> new_faults_;       // major ones of each, not yet told
  model::Watermarks watermarks_;
  std::size_t free_ = 0;
  bool moved_out_ = false;  // some process, at some time
  model::MemoryCounts counts_;
  model::ProcessorTimes times_;
  ModelTime device_busy_{0};
  Result<void> outcome_;
};

class ModelControl final : public LiveControl {
 public:
  ModelControl(const host::Host& host, const model::ControlPolicy& policy, study::Settings settings)
      : host_(host), policy_(policy), settings_(std::move(settings)) {}

  [[nodiscard]] bool looks_into_processes() const override { return true; }

  Result<void> begin(ConsumerControls& consumers) override {
    model::ControlledMachine machine;
    machine.frames = whole_pages(consumers.memory());
    machine.processors = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t number = 0; number < consumers.consumers(); ++number) {
      const ConsumerView one = consumers.consumer(number);
      machine.interactive.push_back(one.interactive);
      machine.asked.push_back(whole_pages(one.memory));
    }
    if (protects(policy_.family.name)) BRIM_CHECK(consumers.part_memory());
    control_ = policy_.make(machine, settings_);
    machine_ = std::make_unique<LiveMachine>(host_, consumers);
    return {};
  }

  Result<Time> step(ConsumerControls& /*consumers*/, Time now) override {
    if (!began_) began_ = now;
    const ModelTime since = now - *began_;
    BRIM_CHECK(machine_->look(since));
    tell_faults(since);
    control_->tick(*machine_, since);
    BRIM_CHECK(machine_->take_outcome());
    return now + kBetweenTicks;
  }

  Result<void> end(ConsumerControls& consumers) override {
    for (std::size_t number = 0; number < consumers.consumers(); ++number) {
      if (consumers.consumer(number).held) consumers.let_go_on(number);
      if (protects(policy_.family.name)) BRIM_CHECK(consumers.protect(number, false));
    }
    return {};
  }

 private:
  // In rounds, a fault of each that made one, so that nobody is always the first.
  void tell_faults(ModelTime now) {
    const auto count = static_cast<ThreadNumber>(machine_->processes());
    for (bool any = true; any;) {
      any = false;
      for (ThreadNumber i = 0; i < count; ++i) {
        const ThreadNumber process = (first_ + i) % count;
        if (!machine_->take_fault(process)) continue;
        control_->fault(*machine_, process, model::Fault::major, now);
        any = true;
      }
    }
    if (count > 0) first_ = (first_ + 1) % count;
  }

  const host::Host& host_;
  const model::ControlPolicy& policy_;
  study::Settings settings_;
  std::unique_ptr<model::ThrashControl> control_;
  std::unique_ptr<LiveMachine> machine_;
  ThreadNumber first_ = 0;  // whose fault is told first
  std::optional<Time> began_;
};

}  // namespace

std::vector<LiveControlPolicy> model_controls() {
  std::vector<LiveControlPolicy> all;
  all.reserve(kUserSpaceCan.size());
  for (const std::string_view name : kUserSpaceCan)
    all.push_back({policy_named(name).family,
                   [name](const host::Host& host, const study::Settings& settings) {
                     return make_model_control(name, host, settings);
                   },
                   protects(name)});
  return all;
}

Result<std::unique_ptr<LiveControl>> make_model_control(std::string_view name,
                                                        const host::Host& host,
                                                        const study::Settings& settings) {
  if (protects(name)) {
    const auto can = host::check_part_protection(host);
    if (!can)
      return fail(can.error().code,
                  fmt::format("{}: control '{}' can't be had, 'none' can", can.error().what, name),
                  "mechanism.control");
  }
  return std::make_unique<ModelControl>(host, policy_named(name), settings);
}

}  // namespace brim::thrash::live
