// SPDX-License-Identifier: Apache-2.0
#pragma once
// The processors of a simulated machine: who is on which, until when, and where their time went.
//
// Threads are numbers: the processes, and the kernel's own. A processor is idle, at a thread's own
// work (user) or at the system's for it, part of which is paging. Idle time counts as waiting for
// I/O while any process does, as in Linux's /proc/stat.

#include "base/result.h"
#include "thrash/model/access_pattern.h"
#include "thrash/model/model_time.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace brim::thrash::model {

using ThreadNumber = std::uint32_t;
inline constexpr ThreadNumber kNoThread = UINT32_MAX;

enum class Work : std::uint8_t {
  none,
  user,
  system,
  paging,  // the system's, for want of memory: reclaim, and bringing pages in
};

struct ProcessorTimes {
  ModelTime user{0};
  ModelTime system{0};  // paging included
  ModelTime idle{0};
  ModelTime waiting{0};  // idle, with I/O under way that a process waits for
  ModelTime paging{0};
};

struct Processor {
  Work work = Work::none;
  ThreadNumber thread = kNoThread;
  ThreadNumber last = kNoThread;  // before it was idle
  ModelTime since{0};             // accounted for until then
  ModelTime until = kNever;       // what it is at is done
  ModelTime slice_end{0};
  // Of user work: what is being done, from when.
  Stretch stretch;
  ModelTime stretch_start{0};
};

class Processors {
 public:
  explicit Processors(std::size_t count) : processors_(count) {}

  [[nodiscard]] std::vector<Processor>& all() { return processors_; }
  [[nodiscard]] const ProcessorTimes& times() const { return times_; }
  // The one that is done first; the first of several.
  [[nodiscard]] Processor& earliest() {
    return *std::ranges::min_element(processors_, {}, &Processor::until);
  }
  // Null: it is on none.
  [[nodiscard]] Processor* of(ThreadNumber thread) {
    const auto at = std::ranges::find(processors_, thread, &Processor::thread);
    return at == processors_.end() ? nullptr : &*at;
  }

  void begin(Processor& processor, Work work, ModelTime now, ModelTime until) {
    account(processor, now);
    processor.work = work;
    processor.until = until;
  }
  void leave(Processor& processor, ModelTime now) {
    begin(processor, Work::none, now, kNever);
    processor.last = processor.thread;
    processor.thread = kNoThread;
  }
  void account_all(ModelTime now) {
    for (Processor& processor : processors_) account(processor, now);
  }

  // Processes that wait for I/O.
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  void set_waiting(std::size_t waiting, ModelTime now) {
    if ((waiting > 0) != (waiting_ > 0)) account_all(now);
    waiting_ = waiting;
  }

 private:
  void account(Processor& processor, ModelTime now) {
    const ModelTime time = now - std::exchange(processor.since, now);
    switch (processor.work) {
      case Work::none:
        (waiting_ > 0 ? times_.waiting : times_.idle) += time;
        break;
      case Work::user:
        times_.user += time;
        break;
      case Work::paging:
        times_.paging += time;
        [[fallthrough]];
      case Work::system:
        times_.system += time;
    }
  }

  std::vector<Processor> processors_;
  ProcessorTimes times_;
  std::size_t waiting_ = 0;
};

}  // namespace brim::thrash::model
