// SPDX-License-Identifier: Apache-2.0
#pragma once
// A simulated machine under memory pressure: processes on processors, their memory, and a swap
// device, event by event.
//
// Processes take turns of a time slice. One that runs makes its accesses, each of which takes user
// time; those that change nothing are made in one step (access_pattern.h), up to the next event.
// Faults, reclaim and transfers take system time on the processor of the process that caused them,
// and background reclaim on that which the kernel's own process gets: as it wakes it takes the
// place of the process whose slice ends first. A process that has to wait leaves its processor.
//
// The access that missed is made as its page arrives: a process makes at least one for each page
// that it waits for. One that waits for a frame tries again once there are some.
//
// The same plan and seed give the same samples.
//
// LIMIT: an interrupt's time (MemoryCosts::request) is taken as its request is submitted, from whom
// submits it; processors share one queue; there are no priorities.

#include "thrash/model/event_queue.h"
#include "thrash/model/machine_plan.h"
#include "thrash/model/thrash_control.h"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace brim::thrash::model {

class Machine final : private MemoryListener, private MachineControls {
 public:
  // `control`, where there is one, must outlive it.
  Machine(const MachinePlan& plan, const Rng& rng, ThrashControl* control = nullptr);
  ~Machine() override;

  using Sink = std::function<void(const MachineSample&)>;
  // Until then; a sample at the end of each interval. Can be called again, with a later time.
  void run(ModelTime until, const Sink& sink);
  // For tests: called after each event.
  void after_each_event(std::function<void()> look) { look_ = std::move(look); }

  [[nodiscard]] ModelTime now() const { return now_; }
  [[nodiscard]] const MemoryManager& memory() const { return memory_; }
  [[nodiscard]] ProcessEnd ended(ThreadNumber process) const;
  [[nodiscard]] std::uint64_t completed(ThreadNumber process) const;
  // Without one of its ticks.
  [[nodiscard]] MachineControls& controls() { return *this; }

 private:
  enum class State : std::uint8_t {
    to_come,
    asleep,
    ready,
    running,
    waits_for_page,
    waits_for_frame,
    ended
  };
  struct Process {
    std::unique_ptr<AccessPattern> pattern;
    ModelTime end_at;
    State state = State::to_come;
    bool frozen = false;
    bool queued = false;
    bool burst_is_over = false;           // it has slept since
    bool to_cut = false;                  // its settled pages have become fewer
    std::optional<PageAccess> pending{};  // the access to be made next
    std::uint64_t completed = 0;
    std::uint64_t major_faults = 0;
    ModelTime ran_at{0};  // when it last had a processor and was done with something
    ProcessEnd end{};
  };
  enum class EventKind : std::uint8_t { start, wake, nap_over, tick, sample, device_fails };
  struct Event {
    EventKind kind;
    ThreadNumber process = kNoThread;
  };

  // MemoryListener
  void page_arrived(SpaceNumber space) override;
  void frame_freed() override { frames_came_ = true; }
  void unsettled(SpaceNumber space) override;

  // MachineControls
  [[nodiscard]] std::size_t processes() const override { return processes_.size(); }
  [[nodiscard]] ProcessView process(ThreadNumber process) const override;
  [[nodiscard]] std::size_t free_frames() const override { return memory_.free_frames(); }
  [[nodiscard]] const Watermarks& watermarks() const override {
    return plan_.told_watermarks ? *plan_.told_watermarks : plan_.memory.watermarks;
  }
  [[nodiscard]] const MemoryCounts& memory_counts() const override { return memory_.counts(); }
  [[nodiscard]] ProcessorTimes processor_times() override;
  [[nodiscard]] ModelTime device_busy() const override { return memory_.device_busy(now_); }
  void freeze(ThreadNumber process) override;
  void thaw(ThreadNumber process) override;
  void kill(ThreadNumber process) override;
  void exempt(ThreadNumber process, bool exempt) override { memory_.exempt(process, exempt); }
  void order_out(ThreadNumber process) override { memory_.order_out(process, now_); }
  void order_in(ThreadNumber process) override { memory_.order_in(process, now_); }

  // Events.
  // What happens then, the next time at which anything does.
  void step(ModelTime at, const Sink& sink);
  [[nodiscard]] ModelTime next_time();
  void happen(const Event& event, const Sink& sink);
  void settle_consequences();
  void tick();
  void tell_faults();
  void wake_kernel();
  // One processor is left by its process, where none is idle.
  void make_way();
  void wake_frame_waiters(std::size_t most);
  void wake_frame_waiter(ThreadNumber number);
  void lose_device();
  [[nodiscard]] MachineSample take_sample();

  // Processors.
  void dispatch();
  void give(Processor& processor, ThreadNumber thread);
  void done(Processor& processor);
  void go_on(Processor& processor);
  // Whether the processor is left to another thread.
  [[nodiscard]] bool yields(Processor& processor);
  void begin_stretch(Processor& processor, ModelTime from);
  void fetch_coming(const Processor& processor) const;
  [[nodiscard]] ModelTime stop_stretch(Processor& processor);
  void cut(Processor& processor);
  // Whether the process goes on at once.
  [[nodiscard]] bool make_access(Processor& processor, ThreadNumber number);
  void block(Processor& processor);
  void end_burst(Processor& processor, ThreadNumber number);
  void reclaim_in_background(Processor& processor);
  // Reclaim or paging takes so much of the processor, and as long as others are at it.
  void begin_paging(Processor& processor, ModelTime work);
  void out_of_memory();

  // Processes.
  void make_ready(ThreadNumber number);
  void access_made(Process& process, std::uint64_t count);
  void end(ThreadNumber number, Ending ending);
  [[nodiscard]] bool waits(const Process& process) const;
  // Of one that waits, or is waited for no longer.
  void count_waiting(int change);
  void enqueue(ThreadNumber number);
  // kNoThread: none is ready.
  [[nodiscard]] ThreadNumber next_ready();

  [[nodiscard]] ThreadNumber kernel() const { return static_cast<ThreadNumber>(processes_.size()); }

  MachinePlan plan_;
  ThrashControl* control_;
  std::vector<Process> processes_;
  MemoryManager memory_;
  Processors processors_;
  EventQueue<Event> events_;
  std::deque<ThreadNumber> queue_;
  std::deque<ThreadNumber> frame_waiters_;
  ModelTime now_{0};
  std::function<void()> look_;

  State kernel_ = State::asleep;  // background reclaim
  bool kernel_reclaims_ = false;  // up to the high watermark
  ModelTime kernel_rests_until_{0};
  bool kernel_naps_ = false;  // until then, and goes on
  ModelTime debt_{0};         // system time that is nobody's yet

  std::vector<ModelTime> paging_free_at_;  // of each that can be at it at once; none: no limit

  bool frames_came_ = false;
  std::vector<ThreadNumber> to_cut_;
  struct FaultMade {
    ThreadNumber process;
    Fault fault;
  };
  std::vector<FaultMade> faults_;  // that the control is to be told of
  std::vector<FaultMade> faults_told_;

  // At the sample before.
  ModelTime sampled_at_{0};
  ProcessorTimes sampled_times_;
  MemoryCounts sampled_counts_;
  ModelTime sampled_busy_{0};
};

}  // namespace brim::thrash::model
