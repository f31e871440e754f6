// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who sets ksmd's rate while a host is simulated, from what a program on a real host can see: the
// kernel's counters, not what is really shared. Implemented outside the model.

#include "base/units.h"
#include "share/model/ksm.h"
#include "share/model/ksmtuned.h"
#include "share/model/mechanism.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace brim::share::model {

struct KsmView {
  bool running = false;
  KsmKnobs knobs;
  KsmCounters counters;
  Pages scanned;  // since the start, as all counts here
  Pages broken;   // copies on write
  CpuTime ksmd_cpu{0};
  HostMemory memory;
  Bytes guests;  // resident, shared frames in each of them
};

struct KsmOrder {
  bool run = false;
  std::uint64_t pages_to_scan = 0;
  ModelTime sleep{0};
  ModelTime next_look{0};  // from now; longer than 0
};

class KsmTuner {
 public:
  virtual ~KsmTuner() = default;
  [[nodiscard]] virtual KsmOrder adjust(const KsmView& view, ModelTime now) = 0;
};

// `scale`: the study's; sizes, and pages a second, are that share of what they stand for.
using MakeKsmTuner = std::function<std::unique_ptr<KsmTuner>(double scale)>;

}  // namespace brim::share::model
