// SPDX-License-Identifier: Apache-2.0
// The machine's events, and what its processors do next. Processes and controls: processes.cpp.
#include "thrash/model/machine.h"

#include "base/result.h"

#include <algorithm>
#include <utility>

namespace brim::thrash::model {
namespace {

std::vector<SpacePlan> spaces_of(const MachinePlan& plan) {
  std::vector<SpacePlan> spaces;
  for (const ProcessPlan& process : plan.processes) {
    const BurstShape& burst = burst_of(process.pattern);
    spaces.push_back({burst.pages, burst.write_share > 0, process.quota});
  }
  return spaces;
}

}  // namespace

Machine::Machine(const MachinePlan& plan, const Rng& rng, ThrashControl* control)
    : plan_(plan),
      control_(control),
      memory_(plan.memory, spaces_of(plan), *this, rng.split("memory")),
      processors_(plan.processors),
      paging_free_at_(plan.paging_at_once, ModelTime(0)) {
  BRIM_ASSERT(plan.processors > 0 && plan.access > ModelTime(0) && plan.slice > ModelTime(0));
  BRIM_ASSERT(plan.tick > ModelTime(0) && plan.sample_interval > ModelTime(0));
  for (ThreadNumber number = 0; number < plan.processes.size(); ++number) {
    const ProcessPlan& process = plan.processes[number];
    const bool ends = process.run_for != kNever;
    processes_.push_back({.pattern = make_pattern(process.pattern, rng.split("process", number)),
                          .end_at = ends ? process.start + process.run_for : kNever});
    events_.add(process.start, {EventKind::start, number});
  }
  events_.add(plan.tick, {EventKind::tick});
  events_.add(plan.sample_interval, {EventKind::sample});
  if (memory_.device_fails_at() != kNever)
    events_.add(memory_.device_fails_at(), {EventKind::device_fails});
}

Machine::~Machine() = default;

ModelTime Machine::next_time() {
  return std::min({memory_.next_completion(), events_.next(), processors_.earliest().until});
}

void Machine::run(ModelTime until, const Sink& sink) {
  for (ModelTime next = next_time(); next <= until; next = next_time()) step(next, sink);
  now_ = until;
  processors_.account_all(now_);
}

void Machine::step(ModelTime at, const Sink& sink) {
  now_ = at;
  if (memory_.next_completion() == now_)
    memory_.complete(now_);
  else if (events_.next() == now_)
    happen(events_.take(), sink);
  else
    done(processors_.earliest());
  settle_consequences();
  if (look_) look_();
}

void Machine::happen(const Event& event, const Sink& sink) {
  switch (event.kind) {
    case EventKind::start:
      if (processes_[event.process].state != State::to_come) break;
      memory_.begin(event.process);
      make_ready(event.process);
      break;
    case EventKind::wake: {
      Process& process = processes_[event.process];
      if (process.state != State::asleep) break;
      process.burst_is_over = true;
      make_ready(event.process);
      break;
    }
    case EventKind::nap_over:
      wake_frame_waiter(event.process);
      break;
    case EventKind::tick:
      tick();
      events_.add(now_ + plan_.tick, {EventKind::tick});
      break;
    case EventKind::sample:
      sink(take_sample());
      events_.add(now_ + plan_.sample_interval, {EventKind::sample});
      break;
    case EventKind::device_fails:
      lose_device();
  }
}

void Machine::tick() {
  memory_.tick(now_);
  wake_frame_waiters(std::min(frame_waiters_.size(), memory_.retries_at_tick()));
  if (control_ != nullptr) control_->tick(*this, now_);
}

void Machine::lose_device() {
  for (const SpaceNumber space : memory_.lose_device())
    if (processes_[space].state != State::ended) end(space, Ending::killed);
}

void Machine::settle_consequences() {
  tell_faults();
  if (std::exchange(frames_came_, false)) wake_frame_waiters(memory_.frames_for_waiting());
  debt_ += memory_.take_debt();
  wake_kernel();
  for (const ThreadNumber number : to_cut_) {
    processes_[number].to_cut = false;
    Processor* processor = processors_.of(number);
    if (processor != nullptr && processor->work == Work::user) cut(*processor);
  }
  to_cut_.clear();
  dispatch();
}

void Machine::tell_faults() {
  if (faults_.empty()) return;
  faults_told_.swap(faults_);
  for (const FaultMade& fault : faults_told_)
    control_->fault(*this, fault.process, fault.fault, now_);
  faults_told_.clear();
}

void Machine::wake_kernel() {
  kernel_naps_ = kernel_naps_ && !memory_.up_to_high();
  const bool is_low = memory_.below_low() || kernel_naps_;
  const bool low = is_low && !memory_.up_to_high() && now_ >= kernel_rests_until_;
  kernel_reclaims_ = kernel_reclaims_ || low;
  // Where it alone reclaims it may wait for long, and orders don't wait with it.
  const bool owes = debt_ > ModelTime(0);
  const bool pays = owes && plan_.memory.reclaimer == Reclaimer::daemon;
  const bool wanted = (kernel_ == State::asleep && (low || owes)) ||
                      (kernel_ == State::waits_for_frame && (pays || !memory_.writes_enough()));
  if (!wanted) return;
  kernel_ = State::ready;
  queue_.push_front(kernel());
  make_way();
}

void Machine::make_way() {
  std::vector<Processor>& all = processors_.all();
  if (std::ranges::find(all, kNoThread, &Processor::thread) != all.end()) return;
  Processor& first = *std::ranges::min_element(all, {}, &Processor::slice_end);
  first.slice_end = now_;
  if (first.work != Work::user) return;  // it goes on to the next as it is done with the system's
  (void)stop_stretch(first);
  go_on(first);
}

void Machine::dispatch() {
  for (Processor& processor : processors_.all()) {
    if (queue_.empty()) return;
    if (processor.thread != kNoThread) continue;
    const ThreadNumber next = next_ready();
    if (next == kNoThread) return;
    give(processor, next);
  }
}

void Machine::give(Processor& processor, ThreadNumber thread) {
  processor.thread = thread;
  const ModelTime from = now_ + (processor.last == thread ? ModelTime(0) : plan_.context_switch);
  processor.slice_end = from + plan_.slice;
  (thread == kernel() ? kernel_ : processes_[thread].state) = State::running;
  processors_.begin(processor, Work::system, now_, from);
}

void Machine::done(Processor& processor) {
  if (processor.thread == kernel()) return reclaim_in_background(processor);
  Process& process = processes_[processor.thread];
  if (processor.work == Work::user) {
    access_made(process, processor.stretch.quiet);
    process.pending = processor.stretch.then;
    processor.stretch = {};
  }
  go_on(processor);
}

void Machine::go_on(Processor& processor) {
  const ThreadNumber number = processor.thread;
  Process& process = processes_[number];
  process.ran_at = now_;
  for (;;) {
    if (waits(process)) return block(processor);
    if (process.frozen) {
      process.state = State::ready;
      return processors_.leave(processor, now_);
    }
    if (now_ >= processor.slice_end && yields(processor)) return;
    if (process.burst_is_over && now_ >= process.end_at) return end(number, Ending::ended);
    if (std::exchange(process.burst_is_over, false)) process.pattern->begin_burst();
    if (!process.pending) break;
    if (!make_access(processor, number)) return;
  }
  if (process.pattern->left() == 0) return end_burst(processor, number);
  begin_stretch(processor, now_);
}

bool Machine::yields(Processor& processor) {
  const ThreadNumber next = next_ready();
  if (next == kNoThread) {
    processor.slice_end = now_ + plan_.slice;
    return false;
  }
  if (processor.thread == kernel()) {
    kernel_ = State::ready;
    queue_.push_back(kernel());
  } else {
    make_ready(processor.thread);
  }
  processors_.leave(processor, now_);
  give(processor, next);
  return true;
}

void Machine::begin_stretch(Processor& processor, ModelTime from) {
  Process& process = processes_[processor.thread];
  const ModelTime slice = std::max(processor.slice_end - from, ModelTime(1));
  const auto in_slice = static_cast<std::uint64_t>((slice - ModelTime(1)) / plan_.access + 1);
  const std::uint64_t limit = std::min(process.pattern->left(), in_slice);
  processor.stretch = {};
  if (limit > 0)
    processor.stretch = process.pattern->propose(memory_.settled(processor.thread), limit, now_);
  fetch_coming(processor);
  processor.stretch_start = from;
  const auto accesses =
      static_cast<std::int64_t>(processor.stretch.quiet + (processor.stretch.then ? 1 : 0));
  processors_.begin(processor, Work::user, now_, std::max(now_, from + plan_.access * accesses));
}

// For speed alone, as most of the work is waiting for what is known of pages.
void Machine::fetch_coming(const Processor& processor) const {
  const ThreadNumber thread = processor.thread;
  if (processor.stretch.then) memory_.prefetch(thread, processor.stretch.then->page);
  const AccessPattern& pattern = *processes_[thread].pattern;
  if (const auto next = pattern.coming(memory_.settled(thread), 1))
    memory_.prefetch_slot(thread, *next);
  if (const auto after = pattern.coming(memory_.settled(thread), 2))
    memory_.prefetch(thread, *after);
}

// The accesses made until now count; from when the next one runs.
ModelTime Machine::stop_stretch(Processor& processor) {
  const auto passed = static_cast<std::uint64_t>((now_ - processor.stretch_start) / plan_.access);
  const std::uint64_t made = std::min(processor.stretch.quiet, passed);
  access_made(processes_[processor.thread], made);
  processor.stretch = {};
  return processor.stretch_start + plan_.access * static_cast<std::int64_t>(made);
}

// What was to come is drawn anew: access_pattern.h has why that is right.
void Machine::cut(Processor& processor) { begin_stretch(processor, stop_stretch(processor)); }

bool Machine::make_access(Processor& processor, ThreadNumber number) {
  Process& process = processes_[number];
  const Touch touch = memory_.touch(number, *process.pending, now_);
  if (touch.fault != Fault::none && touch.outcome <= Outcome::waits_for_page) {
    process.major_faults += touch.fault == Fault::major ? 1 : 0;
    if (control_ != nullptr) faults_.push_back({number, touch.fault});
  }
  switch (touch.outcome) {
    case Outcome::made:
      process.pending.reset();
      access_made(process, 1);
      break;
    case Outcome::waits_for_page:
      process.state = State::waits_for_page;
      break;
    case Outcome::waits_for_frame:
      process.state = State::waits_for_frame;
      if (touch.nap == ModelTime(0))
        frame_waiters_.push_back(number);
      else
        events_.add(now_ + touch.system + touch.nap, {EventKind::nap_over, number});
      break;
    case Outcome::out_of_memory:
      out_of_memory();
      if (process.state == State::ended) return false;
  }
  if (touch.system == ModelTime(0)) return true;
  // What takes more than a minor fault by itself had to reclaim.
  const bool paging = touch.fault == Fault::major || touch.system > plan_.memory.costs.minor_fault;
  if (paging)
    begin_paging(processor, touch.system);
  else
    processors_.begin(processor, Work::system, now_, now_ + touch.system);
  return false;
}

void Machine::begin_paging(Processor& processor, ModelTime work) {
  const ModelTime requests = std::min(work, memory_.take_request_time());
  ModelTime done = now_ + work;
  if (!paging_free_at_.empty()) {
    ModelTime& free_at = *std::ranges::min_element(paging_free_at_);
    free_at = std::max(free_at, now_) + work - requests;
    done = free_at + requests;
  }
  processors_.begin(processor, Work::paging, now_, done);
}

void Machine::block(Processor& processor) {
  processors_.leave(processor, now_);
  count_waiting(1);
}

void Machine::end_burst(Processor& processor, ThreadNumber number) {
  Process& process = processes_[number];
  process.state = State::asleep;
  processors_.leave(processor, now_);
  events_.add(now_ + process.pattern->burst().sleep, {EventKind::wake, number});
}

void Machine::reclaim_in_background(Processor& processor) {
  if (debt_ > ModelTime(0)) {
    const ModelTime debt = std::exchange(debt_, ModelTime(0));
    return begin_paging(processor, debt);
  }
  if (now_ >= processor.slice_end && yields(processor)) return;
  kernel_reclaims_ = kernel_reclaims_ && !memory_.up_to_high();
  kernel_ = State::asleep;
  if (!kernel_reclaims_) return processors_.leave(processor, now_);
  if (memory_.writes_enough()) {
    kernel_ = State::waits_for_frame;
    return processors_.leave(processor, now_);
  }
  const MemoryManager::Reclaimed reclaimed = memory_.reclaim(now_);
  if (reclaimed.rest || (reclaimed.taken == 0 && !reclaimed.goes_on)) {
    kernel_reclaims_ = false;
    kernel_naps_ = reclaimed.naps;
    kernel_rests_until_ = now_ + reclaimed.rest.value_or(plan_.tick);
    debt_ += reclaimed.system;
    return processors_.leave(processor, now_);
  }
  kernel_ = State::running;
  begin_paging(processor, reclaimed.system);
}

}  // namespace brim::thrash::model
