// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ctrl-C during long work: the first asks it to stop, the second ends brim.

#include "base/cancel.h"

namespace brim::cli {

// While one lives, the first SIGINT or SIGTERM sets cancel(); the next has its usual effect, as all
// have again when it is gone. One at a time.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  [[nodiscard]] const Cancel& cancel() const;
};

}  // namespace brim::cli
