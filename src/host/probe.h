// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parts of capabilities.h: tables of probes by subject, and the words they answer with.
// Internal to the host room.
//
// A probe fills works, found, reason and turn_on. It must not hang, print, or leave anything
// behind: what acts on a process or could block runs in a forked child with a time limit.

#include "host/capabilities.h"
#include "host/host.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace brim::host {

struct Probe {
  std::string_view name;
  std::string_view area;
  // By use: only on a live host. Otherwise the probe reads files alone, and judges fixtures too.
  bool needs_live;
  std::string_view checked_by;
  void (*run)(const Host& host, Capability& capability);
};

// By table: KSM and huge pages; page flags and other processes' memory; pressure, swap, reclaim;
// cgroups; networks and tracing; hypervisors and processors.
[[nodiscard]] std::span<const Probe> sharing_probes();
[[nodiscard]] std::span<const Probe> page_probes();
[[nodiscard]] std::span<const Probe> reclaim_probes();
[[nodiscard]] std::span<const Probe> cgroup_probes();
[[nodiscard]] std::span<const Probe> network_probes();
[[nodiscard]] std::span<const Probe> virtual_probes();

inline void works(Capability& capability, std::string found) {
  capability.works = Works::yes;
  capability.found = std::move(found);
}
inline void works_partly(Capability& capability, std::string found, std::string reason,
                         std::string turn_on = {}) {
  capability.works = Works::partly;
  capability.found = std::move(found);
  capability.reason = std::move(reason);
  capability.turn_on = std::move(turn_on);
}
inline void works_not(Capability& capability, std::string reason, std::string turn_on = {}) {
  capability.works = Works::no;
  capability.reason = std::move(reason);
  capability.turn_on = std::move(turn_on);
}

// What a probe by use says from its child: `error` empty where it worked.
struct Trial {
  std::string found;
  std::string error;
};
// Runs it in a child for at most three seconds; a crash or a timeout is an error.
[[nodiscard]] Trial try_in_child(const std::function<Trial()>& trial);
// "madvise: Invalid argument", of errno.
[[nodiscard]] Trial trial_failed(std::string_view tried);

// Whether this process has a capability (its number in linux/capability.h) in effect.
[[nodiscard]] bool has_effective_capability(const Host& host, unsigned number);

}  // namespace brim::host
