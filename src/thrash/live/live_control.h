// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who controls thrashing in a live run: an interface that is told who runs, and may hold consumers
// still; the controls this room has itself; and a place for those of others (brim's guard).
//
//   none                 nobody, the kernel alone
//   sigstop-round-robin  as many consumers run as fit by their size, the next ones after each slice
//                        (Reuven & Wiseman, "Medium-term scheduler as a solution for the thrashing
//                        effect", The Computer Journal 49(3), 2006, from memory; without their bulk
//                        page-out and prefetch)
//   subset               only the first that fit run at all: the bound of a comparison
//   earlyoom, nohang     other people's programs (peer_controls.h)
//   systemd-oomd         another (oomd_control.h), where all cgroups are of version 2
//   others of the model  by its own code, with what user space can do (model_controls.h); of them
//   swap-token, tpf      where cgroups of version 2 limit memory

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"
#include "host/limited_group.h"
#include "study/area.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::thrash::live {

struct ConsumerView {
  int pid = 0;   // of a program, the agent's
  Bytes memory;  // that it has asked for, or will
  bool interactive = false;
  bool runs = false;  // has started and not ended
  bool held = false;
  std::uint64_t accesses = 0;  // so far
};

// What a control sees and may do.
class ConsumerControls {
 public:
  virtual ~ConsumerControls() = default;
  [[nodiscard]] virtual std::size_t consumers() const = 0;
  [[nodiscard]] virtual ConsumerView consumer(std::size_t number) const = 0;
  // What they can have together.
  [[nodiscard]] virtual Bytes memory() const = 0;
  // Theirs; null where they have the whole machine.
  [[nodiscard]] virtual const host::LimitedGroup* group() const = 0;
  // The disk that what leaves goes to, "254:0"; empty: none, or none that is known.
  [[nodiscard]] virtual std::string swap_disk() const { return {}; }
  // It does nothing until it may go on (SIGSTOP, SIGCONT), nor does what it started; its memory
  // stays.
  virtual void hold(std::size_t number) = 0;
  virtual void let_go_on(std::size_t number) = 0;
  // Gives each a cgroup of its own (host/group_parts.h), before they take memory; again: nothing.
  [[nodiscard]] virtual Result<void> part_memory() {
    return fail(ErrorCode::missing, "these consumers have no cgroups of their own");
  }
  // After part_memory(), where they are of version 2: reclaim passes over its memory as long as
  // there is other to take.
  [[nodiscard]] virtual Result<void> protect(std::size_t /*number*/, bool /*protect*/) {
    return fail(ErrorCode::missing, "these consumers have no cgroups of their own");
  }
};

class LiveControl {
 public:
  using Time = std::chrono::steady_clock::time_point;
  virtual ~LiveControl() = default;
  // All consumers wait for their start.
  [[nodiscard]] virtual Result<void> begin(ConsumerControls& /*consumers*/) { return {}; }
  // Whether it is started at all; asked after begin().
  [[nodiscard]] virtual bool admits(std::size_t /*number*/) const { return true; }
  // Whether consumers may die by its hand: that is a result, as when the kernel kills them.
  [[nodiscard]] virtual bool kills() const { return false; }
  // Whether it looks into each consumer's one process: programs, which are several, it can't judge.
  [[nodiscard]] virtual bool looks_into_processes() const { return false; }
  // When it is to be asked next. Asked before that, too, when who runs has changed.
  [[nodiscard]] virtual Result<Time> step(ConsumerControls& consumers, Time now) = 0;
  // After it everything may go on.
  [[nodiscard]] virtual Result<void> end(ConsumerControls& /*consumers*/) { return {}; }
};

struct LiveControlPolicy {
  study::Family family;
  // Null: nobody controls. The host outlives the control.
  std::function<Result<std::unique_ptr<LiveControl>>(const host::Host& host,
                                                     const study::Settings& settings)>
      make;
  bool on_version_2 = false;  // only: where cgroups of version 2 limit memory
};

// This room's own, sorted by name.
[[nodiscard]] std::vector<LiveControlPolicy> own_live_controls();

struct ChosenLiveControl {
  LiveControlPolicy policy;
  study::Settings settings;
  std::string words;  // as asked for
};
// "sigstop-round-robin(slice=2s)"; `others`: beside this room's own. `where` is for the error.
[[nodiscard]] Result<ChosenLiveControl> choose_live_control(
    std::string_view text, std::span<const LiveControlPolicy> others, const std::string& where);

}  // namespace brim::thrash::live
