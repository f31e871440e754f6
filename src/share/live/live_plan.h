// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a scenario of the area "share" is on a real host: which guests are started or were there
// already, what they load, and how KSM is set. Pure.
//
// With study.scale below 1, memory, loads and pages_to_scan are that much smaller; what is measured
// is told as it is. With live.speed above 1 the schedule, pauses and rules' intervals are that much
// shorter and pages_to_scan larger, so that the curve over the scenario's time keeps its shape.

#include "base/result.h"
#include "base/units.h"
#include "host/qemu.h"
#include "lab/agent/load.h"
#include "share/model/ksm_advisor.h"
#include "share/model/ksmtuned.h"
#include "study/scenario.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brim::share::live {

enum class GuestKind : std::uint8_t { process, qemu, running };

struct LiveGuestPlan {
  std::string name;  // "guest-1"
  GuestKind kind = GuestKind::qemu;
  std::string kernel;  // of a machine
  std::string kernel_arguments;
  Bytes memory{0};  // of a machine
  unsigned processors = 1;
  bool huge_pages = true;
  std::optional<lab::Load> load;              // none: idle
  std::string machine;                        // of running ones: which, a pattern of names
  bool pause = false;                         // they stand still for the last reading
  std::optional<host::VirtualMachine> found;  // the one it is, once looked for (running_guest.h)
};

// What is written into KSM's knobs, and by what rule they move.
struct KsmPlan {
  bool as_is = false;  // nothing is written into them
  bool run = false;
  std::uint64_t pages_to_scan = 0;
  std::chrono::milliseconds sleep{0};
  std::optional<std::uint64_t> max_page_sharing;  // none: as it is
  bool use_zero_pages = false;
  bool smart_scan = false;
  std::optional<model::KsmAdvisorKnobs> advisor;
  std::optional<model::KsmtunedKnobs> ksmtuned;
  bool tuned_by_brim = false;
  Bytes tuned_host{0};  // ksmtuned's host: what it has, and what of it the guests don't
  Bytes tuned_own{0};
};

enum class ScanTimes : std::uint8_t { at_end, every_sample, never };

struct LivePlan {
  std::vector<LiveGuestPlan> guests;
  KsmPlan ksm;
  double speed = 1;                     // scenario's time by the host's
  std::chrono::nanoseconds warm_up{0};  // these are the host's
  std::chrono::nanoseconds duration{0};
  std::chrono::nanoseconds sample_interval{0};
  std::chrono::nanoseconds boot_timeout{0};
  ScanTimes scan = ScanTimes::every_sample;
  std::vector<std::string> notes;  // what stands for what, a sentence each
};

// A cgroup's limit for a guest: its memory and what its emulator may need besides. 0 for one that
// runs already.
[[nodiscard]] Bytes host_memory_limit(const LiveGuestPlan& guest);

// Whether brim starts any guest.
[[nodiscard]] bool starts_guests(const LivePlan& plan);

// `bad_input` for what no Linux host can do: another hypervisor's mechanism, a load that does not
// fit its guest, or for a guest that runs already.
[[nodiscard]] Result<LivePlan> plan_live(const study::Scenario& scenario);

}  // namespace brim::share::live
