// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who sets KSM's knobs while a live study runs, where neither the kernel nor ksmtuned's rule does:
// it looks at the host and says what is to move. KsmControl moves it. Implemented outside this
// room.

#include "base/result.h"
#include "host/host.h"

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace brim::share::live {

struct KnobSetting {
  std::string knob;  // its file below /sys/kernel/mm/ksm
  std::string value;
};

struct TunerOrder {
  std::vector<KnobSetting> settings;      // in the order they must be made
  std::chrono::nanoseconds next_look{0};  // from now
};

class LiveTuner {
 public:
  virtual ~LiveTuner() = default;
  // `guests`: pids of the study's, of which alone it is to think.
  [[nodiscard]] virtual Result<TunerOrder> look(std::span<const int> guests) = 0;
};

// The host outlives the tuner. `speed`: the study's, live.speed; so much shorter are its times.
using MakeLiveTuner =
    std::function<Result<std::unique_ptr<LiveTuner>>(const host::Host& host, double speed)>;

}  // namespace brim::share::live
