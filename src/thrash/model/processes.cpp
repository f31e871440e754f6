// SPDX-License-Identifier: Apache-2.0
// The machine's processes: their life, what controls do to them, and the samples.
#include "thrash/model/machine.h"

#include <algorithm>

namespace brim::thrash::model {
namespace {

double percent(ModelTime part, ModelTime whole) {
  return whole > ModelTime(0) ? 100 * std::chrono::duration<double>(part) / whole : 0;
}

}  // namespace

ThreadNumber largest(std::span<const ProcessMemory> processes) {
  return std::ranges::max_element(processes, {},
                                  [](const ProcessMemory& one) { return one.frames + one.swapped; })
      ->process;
}

bool Machine::waits(const Process& process) const {
  return process.state == State::waits_for_page || process.state == State::waits_for_frame;
}

void Machine::count_waiting(int change) {
  processors_.set_waiting(processors_.waiting() + static_cast<std::size_t>(change), now_);
}

void Machine::access_made(Process& process, std::uint64_t count) {
  process.completed += process.pattern->made(count);
}

void Machine::enqueue(ThreadNumber number) {
  Process& process = processes_[number];
  if (process.frozen || std::exchange(process.queued, true)) return;
  queue_.push_back(number);
}

void Machine::make_ready(ThreadNumber number) {
  processes_[number].state = State::ready;
  enqueue(number);
}

ThreadNumber Machine::next_ready() {
  while (!queue_.empty()) {
    const ThreadNumber number = queue_.front();
    queue_.pop_front();
    if (number == kernel()) return number;
    Process& process = processes_[number];
    process.queued = false;
    if (process.state == State::ready && !process.frozen) return number;
  }
  return kNoThread;
}

void Machine::page_arrived(SpaceNumber space) {
  Process& process = processes_[space];
  process.pending.reset();
  access_made(process, 1);
  if (processors_.of(space) != nullptr) {
    process.state = State::running;
  } else {
    count_waiting(-1);
    make_ready(space);
  }
}

void Machine::wake_frame_waiters(std::size_t most) {
  for (; most > 0 && !frame_waiters_.empty(); --most) {
    const ThreadNumber number = frame_waiters_.front();
    frame_waiters_.pop_front();
    wake_frame_waiter(number);
  }
}

void Machine::wake_frame_waiter(ThreadNumber number) {
  Process& process = processes_[number];
  if (process.state != State::waits_for_frame) return;
  if (processors_.of(number) != nullptr) {
    process.state = State::running;
  } else {
    count_waiting(-1);
    make_ready(number);
  }
}

void Machine::unsettled(SpaceNumber space) {
  if (processes_[space].to_cut) return;
  processes_[space].to_cut = true;
  to_cut_.push_back(space);
}

void Machine::end(ThreadNumber number, Ending ending) {
  Process& process = processes_[number];
  if (Processor* processor = processors_.of(number)) {
    if (processor->work == Work::user) (void)stop_stretch(*processor);
    processors_.leave(*processor, now_);
  } else if (waits(process)) {
    count_waiting(-1);
  }
  process.state = State::ended;
  process.frozen = false;
  process.pending.reset();
  const bool late = process.end_at != kNever && now_ > process.end_at;
  process.end = {ending, now_, late ? now_ - process.end_at : ModelTime(0)};
  memory_.release(number);
}

void Machine::out_of_memory() {
  std::vector<ProcessMemory> candidates;
  for (ThreadNumber number = 0; number < processes_.size(); ++number)
    if (process(number).runs)
      candidates.push_back(
          {.process = number,
           .frames = memory_.held(number),
           .swapped = memory_.swapped(number),
           .size = burst_of(plan_.processes[number].pattern).pages,
           .user_time = plan_.access * static_cast<std::int64_t>(processes_[number].completed),
           .running_for = now_ - plan_.processes[number].start});
  BRIM_ASSERT(!candidates.empty());
  const ThreadNumber victim = plan_.choose_victim(candidates);
  BRIM_ASSERT(process(victim).runs);
  end(victim, Ending::killed);
}

ProcessView Machine::process(ThreadNumber number) const {
  const Process& process = processes_[number];
  return {.runs = process.state != State::to_come && process.state != State::ended,
          .frozen = process.frozen,
          .runnable = process.state == State::ready || process.state == State::running,
          .blocked = waits(process),
          .ran_at = process.state == State::running ? now_ : process.ran_at,
          .frames = memory_.held(number),
          .swapped = memory_.swapped(number),
          .completed = process.completed,
          .major_faults = process.major_faults};
}

ProcessorTimes Machine::processor_times() {
  processors_.account_all(now_);
  return processors_.times();
}

void Machine::freeze(ThreadNumber number) {
  Process& process = processes_[number];
  process.frozen = true;
  Processor* processor = processors_.of(number);
  if (processor == nullptr || processor->work != Work::user) return;
  (void)stop_stretch(*processor);
  process.state = State::ready;
  processors_.leave(*processor, now_);
}

void Machine::thaw(ThreadNumber number) {
  Process& process = processes_[number];
  process.frozen = false;
  if (process.state == State::ready) enqueue(number);
}

void Machine::kill(ThreadNumber number) {
  if (processes_[number].state != State::ended) end(number, Ending::killed);
}

ProcessEnd Machine::ended(ThreadNumber process) const { return processes_[process].end; }
std::uint64_t Machine::completed(ThreadNumber process) const {
  return processes_[process].completed;
}

MachineSample Machine::take_sample() {
  const ProcessorTimes times = processor_times();
  const MemoryCounts& counts = memory_.counts();
  const ModelTime passed = now_ - sampled_at_;
  const ModelTime all = passed * plan_.processors;
  const ModelTime busy = memory_.device_busy(now_);
  MachineSample sample{
      .at = now_,
      .user_percent = percent(times.user - sampled_times_.user, all),
      .system_percent = percent(times.system - sampled_times_.system, all),
      .idle_percent = percent(times.idle - sampled_times_.idle, all),
      .waiting_percent = percent(times.waiting - sampled_times_.waiting, all),
      .device_busy_percent = percent(std::max(busy - sampled_busy_, ModelTime(0)), passed),
      .pages_in = counts.pages_in - sampled_counts_.pages_in,
      .pages_out = counts.pages_out - sampled_counts_.pages_out,
      .ordered_in = counts.ordered_in - sampled_counts_.ordered_in,
      .ordered_out = counts.ordered_out - sampled_counts_.ordered_out,
      .minor_faults = counts.minor_faults - sampled_counts_.minor_faults,
      .major_faults = counts.major_faults - sampled_counts_.major_faults,
      .pages_scanned = counts.scanned - sampled_counts_.scanned,
      .free_frames = memory_.free_frames(),
      .processes = {},
  };
  for (ThreadNumber number = 0; number < processes_.size(); ++number) {
    const Process& process = processes_[number];
    const bool ready = process.state == State::ready || process.state == State::running;
    sample.runnable += ready && !process.frozen ? 1 : 0;
    sample.blocked += waits(process) ? 1 : 0;
    sample.frozen += process.frozen ? 1 : 0;
    sample.processes.push_back({process.completed, memory_.held(number), memory_.swapped(number)});
  }
  sampled_at_ = now_;
  sampled_times_ = times;
  sampled_counts_ = counts;
  sampled_busy_ = busy;
  return sample;
}

}  // namespace brim::thrash::model
