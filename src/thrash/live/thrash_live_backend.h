// SPDX-License-Identifier: Apache-2.0
#pragma once
// The area "thrash" on this machine: the controlled thrashing benchmark (docs/thrash.md). Consumers
// are processes in a cgroup with a hard limit and a swap area of their own, sampled from outside by
// a process whose memory is locked; t = 0 is when all of them wait to be told their times.
//
// Whatever ends a run, its processes end with it, and group, swap area and zswap's settings are
// taken away or put back, by this run or by brim's next start.

#include "host/host.h"
#include "study/backend.h"
#include "thrash/live/ground.h"
#include "thrash/live/live_control.h"

#include <memory>
#include <vector>

namespace brim::thrash::live {

struct ThrashLiveOptions {
  bool whole_machine = false;               // leave to let the whole machine thrash
  std::vector<LiveControlPolicy> controls;  // beside this room's own
};

// `host` must outlive it.
[[nodiscard]] std::unique_ptr<study::Backend> make_thrash_live_backend(const host::Host& host,
                                                                       ThrashPlaces places,
                                                                       ThrashLiveOptions options);

}  // namespace brim::thrash::live
