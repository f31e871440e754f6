// SPDX-License-Identifier: Apache-2.0
#pragma once
// What controls thrashing on a simulated machine: an interface that is told what happens, and what
// it may do.

#include "thrash/model/memory_manager.h"
#include "thrash/model/model_time.h"
#include "thrash/model/processors.h"

#include <cstddef>

namespace brim::thrash::model {

struct ProcessView {
  bool runs = false;  // has started and not ended
  bool frozen = false;
  bool runnable = false;  // on a processor, or would be if there were one
  bool blocked = false;   // waits for a page or a frame
  ModelTime ran_at{0};    // when it was last on a processor
  std::size_t frames = 0;
  std::size_t swapped = 0;
  std::uint64_t completed = 0;  // accesses
  std::uint64_t major_faults = 0;
};

class MachineControls {
 public:
  virtual ~MachineControls() = default;
  [[nodiscard]] virtual std::size_t processes() const = 0;
  [[nodiscard]] virtual ProcessView process(ThreadNumber process) const = 0;
  [[nodiscard]] virtual std::size_t free_frames() const = 0;
  [[nodiscard]] virtual const Watermarks& watermarks() const = 0;
  [[nodiscard]] virtual const MemoryCounts& memory_counts() const = 0;
  // Of all processors, so far.
  [[nodiscard]] virtual ProcessorTimes processor_times() = 0;
  // Time with any request to the swap device under way, so far.
  [[nodiscard]] virtual ModelTime device_busy() const = 0;

  // A frozen process makes no accesses; its pages stay as they are. One that waits for a page gets
  // it.
  virtual void freeze(ThreadNumber process) = 0;
  virtual void thaw(ThreadNumber process) = 0;
  virtual void kill(ThreadNumber process) = 0;
  // As MemoryManager has them.
  virtual void exempt(ThreadNumber process, bool exempt) = 0;
  virtual void order_out(ThreadNumber process) = 0;
  virtual void order_in(ThreadNumber process) = 0;
};

class ThrashControl {
 public:
  virtual ~ThrashControl() = default;
  virtual void tick(MachineControls& machine, ModelTime now) = 0;
  // A process made a fault, of which it knows by now whether it has to wait. What is done to
  // processes here takes effect once the fault has been dealt with.
  virtual void fault(MachineControls& /*machine*/, ThreadNumber /*process*/, Fault /*fault*/,
                     ModelTime /*now*/) {}
};

}  // namespace brim::thrash::model
