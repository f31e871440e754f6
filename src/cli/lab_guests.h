// SPDX-License-Identifier: Apache-2.0
#pragma once
// The guests of `brim lab start`: started together, given a load each, looked at, told about.

#include "base/cancel.h"
#include "base/result.h"
#include "host/host.h"
#include "lab/agent/load.h"
#include "lab/guest.h"
#include "report/document.h"

#include <chrono>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace brim::cli {

class LabGuests {
 public:
  // All at once: they boot beside each other. `host` must outlive this.
  [[nodiscard]] static Result<LabGuests> start(const host::Host& host,
                                               const lab::GuestOptions& options, unsigned count);
  // Waits for each, starts its load, and says so on standard error. `interrupted` if cancelled.
  [[nodiscard]] Result<void> wait_ready(const lab::Load& load, const Cancel& cancel);

  // Asks every guest for its load's state, and the host for the memory of its QEMU.
  void look();
  // Of the last look, for all guests: "guest-0: 12 cycles; guest-1: filling".
  [[nodiscard]] std::string state_line() const;
  [[nodiscard]] report::Document document(const lab::GuestOptions& options,
                                          const lab::Load& load) const;
  // A guest that ended by itself, or a load that failed.
  [[nodiscard]] bool any_failed() const;
  void end();

 private:
  struct Member {
    std::string name;
    lab::Guest guest;
    int pid = 0;
    std::string kernel;
    double ready_seconds = 0;
    bool running = true;
    std::uint64_t resident_bytes = 0;  // of its QEMU
    nlohmann::json load;               // the agent's "load status"
  };
  explicit LabGuests(const host::Host& host)
      : host_(&host), started_(std::chrono::steady_clock::now()) {}
  [[nodiscard]] Result<void> wait_for(Member& member, const Cancel& cancel) const;
  [[nodiscard]] double seconds_since_start() const;
  [[nodiscard]] static nlohmann::json member_json(const Member& member);
  [[nodiscard]] static bool failed(const Member& member);

  const host::Host* host_;
  std::chrono::steady_clock::time_point started_;
  std::vector<Member> members_;
};

}  // namespace brim::cli
