// SPDX-License-Identifier: Apache-2.0
#pragma once
// A control that is a process of its own, as brim's are live, and not a part of the kernel: what it
// does takes effect one after the other, and the call that moves a process's pages out or in
// (process_madvise()) comes back when they are moved. Until all that it did at a tick is in effect
// it sees nothing new and does nothing else; faults are told at the next tick.
//
// LIMIT: the kernel's call comes back with the last requests on their way, as many as the device's
// queue takes; here when all is done.

#include "thrash/model/thrash_control.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace brim::thrash::model {

// Pages that are being moved, until none is left or, for want of frames or slots, nothing has moved
// for a while.
class PageMove {
 public:
  void begin(ModelTime now) {
    left_ = SIZE_MAX;
    moved_at_ = now;
  }
  [[nodiscard]] bool over(std::size_t left, ModelTime now) {
    if (left < std::exchange(left_, left)) moved_at_ = now;
    return left == 0 || now - moved_at_ >= kPatience;
  }

 private:
  static constexpr ModelTime kPatience = std::chrono::milliseconds(200);
  std::size_t left_ = 0;
  ModelTime moved_at_{0};
};

class ControlInUserSpace final : public ThrashControl {
 public:
  explicit ControlInUserSpace(std::unique_ptr<ThrashControl> control)
      : control_(std::move(control)) {}

  void tick(MachineControls& machine, ModelTime now) override {
    if (!carry_out(machine, now)) return;
    Acts acts(machine, acts_);
    for (const auto& [process, fault] : std::exchange(faults_, {}))
      control_->fault(acts, process, fault, now);
    control_->tick(acts, now);
    (void)carry_out(machine, now);
  }
  void fault(MachineControls& /*machine*/, ThreadNumber process, Fault fault,
             ModelTime /*now*/) override {
    faults_.emplace_back(process, fault);
  }

 private:
  enum class What : std::uint8_t {
    freeze,
    thaw,
    kill,
    exempt,
    exempt_no_more,
    order_out,
    order_in
  };
  struct Act {
    What what;
    ThreadNumber process;
  };

  // The machine as the control sees it: what it has done just now is done.
  class Acts final : public MachineControls {
   public:
    Acts(MachineControls& machine, std::deque<Act>& acts) : machine_(&machine), acts_(&acts) {}
    [[nodiscard]] std::size_t processes() const override { return machine_->processes(); }
    [[nodiscard]] ProcessView process(ThreadNumber process) const override {
      ProcessView view = machine_->process(process);
      for (const Act& act : *acts_) {
        if (act.process != process) continue;
        if (act.what == What::freeze) view.frozen = true;
        if (act.what == What::thaw) view.frozen = false;
        if (act.what == What::kill) view.runs = false;
      }
      return view;
    }
    [[nodiscard]] std::size_t free_frames() const override { return machine_->free_frames(); }
    [[nodiscard]] const Watermarks& watermarks() const override { return machine_->watermarks(); }
    [[nodiscard]] const MemoryCounts& memory_counts() const override {
      return machine_->memory_counts();
    }
    [[nodiscard]] ProcessorTimes processor_times() override { return machine_->processor_times(); }
    [[nodiscard]] ModelTime device_busy() const override { return machine_->device_busy(); }
    void freeze(ThreadNumber process) override { acts_->push_back({What::freeze, process}); }
    void thaw(ThreadNumber process) override { acts_->push_back({What::thaw, process}); }
    void kill(ThreadNumber process) override { acts_->push_back({What::kill, process}); }
    void exempt(ThreadNumber process, bool exempt) override {
      acts_->push_back({exempt ? What::exempt : What::exempt_no_more, process});
    }
    void order_out(ThreadNumber process) override { acts_->push_back({What::order_out, process}); }
    void order_in(ThreadNumber process) override { acts_->push_back({What::order_in, process}); }

   private:
    MachineControls* machine_;
    std::deque<Act>* acts_;
  };

  // Whether all is in effect.
  bool carry_out(MachineControls& machine, ModelTime now) {
    for (; !acts_.empty(); acts_.pop_front()) {
      if (!begun_) begin(machine, acts_.front(), now);
      begun_ = !done(machine, acts_.front(), now);
      if (begun_) return false;
    }
    return true;
  }

  void begin(MachineControls& machine, const Act& act, ModelTime now) {
    move_.begin(now);
    switch (act.what) {
      case What::freeze:
        return machine.freeze(act.process);
      case What::thaw:
        return machine.thaw(act.process);
      case What::kill:
        return machine.kill(act.process);
      case What::exempt:
      case What::exempt_no_more:
        return machine.exempt(act.process, act.what == What::exempt);
      case What::order_out:
        return machine.order_out(act.process);
      case What::order_in:
        return machine.order_in(act.process);
    }
  }

  bool done(MachineControls& machine, const Act& act, ModelTime now) {
    const ProcessView process = machine.process(act.process);
    if (!process.runs) return true;
    if (act.what == What::order_out) return move_.over(process.frames, now);
    if (act.what == What::order_in) return move_.over(process.swapped, now);
    return true;
  }

  std::unique_ptr<ThrashControl> control_;
  std::deque<Act> acts_;
  bool begun_ = false;  // the first of them
  PageMove move_;       // of it
  std::vector<std::pair<ThreadNumber, Fault>> faults_;
};

}  // namespace brim::thrash::model
