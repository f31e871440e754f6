// SPDX-License-Identifier: Apache-2.0
#pragma once
// A guest of a live study: a QEMU machine with the lab's agent in it, or its load alone as a
// process of the host; both gone with the object and with brim. Or a machine that ran before and
// goes on after (running_guest.h).

#include "base/result.h"
#include "host/host.h"
#include "lab/agent/load_process.h"
#include "share/live/live_plan.h"
#include "share/measure/subject.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace brim::share::live {

// Where a study finds what guests are made of, and leaves word of those that run.
struct LivePlaces {
  std::string cache;    // of `brim lab prepare`
  std::string agent;    // the brim-agent program, of processes; empty where there is none
  std::string records;  // of running guests, for `brim restore`
  std::string journal;  // of changed settings
  std::string pauses;   // of paused machines, for `brim restore`
};

class LiveGuest {
 public:
  virtual ~LiveGuest() = default;
  [[nodiscard]] const std::string& name() const { return plan_.name; }
  [[nodiscard]] bool has_load() const { return plan_.load.has_value(); }
  // Nothing before a process's load has started.
  [[nodiscard]] virtual std::optional<int> pid() const = 0;
  // Whether it is ready for its load; waits `timeout` at most for that. `gone` where it never will
  // be.
  [[nodiscard]] virtual Result<bool> ready(std::chrono::milliseconds timeout) = 0;
  [[nodiscard]] virtual Result<void> start_load() = 0;
  // What its load has done so far. Nothing of a guest that has none, or is too busy to say.
  [[nodiscard]] virtual std::optional<lab::LoadState> load_state() { return std::nullopt; }
  // `gone` where it ended by itself, as a machine that is not brim's may at any time.
  [[nodiscard]] virtual Result<void> still_there() const { return {}; }
  // It does nothing from now on; its memory stays. Of a machine that ran before only if the
  // plan says so, until the object goes.
  [[nodiscard]] virtual Result<void> pause() = 0;
  // Its memory: a machine's RAM, all of a process's.
  [[nodiscard]] virtual Result<std::unique_ptr<Subject>> memory(const host::Host& host) = 0;

 protected:
  explicit LiveGuest(LiveGuestPlan plan) : plan_(std::move(plan)) {}
  LiveGuestPlan plan_;
};

// It boots; one that runs already is only opened. `host` must outlive the guest. `scratch` is a
// folder with a short path. `missing` for what is not prepared here, naming the command that does.
[[nodiscard]] Result<std::unique_ptr<LiveGuest>> start_guest(const host::Host& host,
                                                             const LiveGuestPlan& plan,
                                                             const LivePlaces& places,
                                                             const std::string& scratch);

// What start_guest() would lack, before any is started: programs, artefacts, rights, memory;
// machines that should run already.
[[nodiscard]] Result<void> check_live(const host::Host& host, const LivePlan& plan,
                                      const LivePlaces& places);

}  // namespace brim::share::live
