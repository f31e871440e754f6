// SPDX-License-Identifier: Apache-2.0
#pragma once
// KSM as a live study wants it: its knobs, through the journal, and ksmtuned's rule or brim's own
// tuner where the scenario asks for one. The old values are put back with the object. Of a plan
// that leaves KSM as it is nothing is written.
//
// Unmerging everything (run = 2) is needed to move max_page_sharing, and done only while no other
// process has memory that KSM may merge.

#include "base/result.h"
#include "host/host.h"
#include "host/journal.h"
#include "share/live/live_plan.h"
#include "share/live/live_sampler.h"
#include "share/live/live_tuner.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace brim::share::live {

class KsmControl {
 public:
  // `host` must outlive it. `missing` where the kernel has no KSM; for a plan that does not run it
  // that is no error.
  [[nodiscard]] static Result<KsmControl> take(const host::Host& host, const std::string& journal,
                                               const KsmPlan& plan);

  // For a plan that is tuned by brim; before begin().
  void use_tuner(std::unique_ptr<LiveTuner> tuner) { other_tuner_ = std::move(tuner); }

  // Scanning as planned; under ksmtuned and brim's tuner it begins with their first decision.
  [[nodiscard]] Result<void> begin();
  // Whether tune() is to be called: first at once.
  [[nodiscard]] bool tuned() const { return tuner_.has_value() || other_tuner_ != nullptr; }
  // Moves the knobs as the rule says. How long until it is to be asked again.
  [[nodiscard]] Result<std::chrono::nanoseconds> tune(const host::Host& host, Guests guests);
  // What brim's own tuner has taken so far: of the thread that tunes, while it does. ksmtuned's is
  // not told: a script's would be another.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> tuner_time() const;
  // Puts the old values back; the guests are gone by then.
  // LIMIT: a max_page_sharing that a killed run leaves is put back by `brim restore` only once the
  // kernel knows of no merged page any more (run = 2).
  [[nodiscard]] Result<void> end(const host::Host& host);

 private:
  KsmControl(host::Journal journal, const KsmPlan& plan)
      : journal_(std::move(journal)), plan_(plan) {}
  [[nodiscard]] Result<void> set(std::string_view knob, std::uint64_t value);
  [[nodiscard]] Result<void> set_sharing_limit(const host::Host& host, std::uint64_t present);
  [[nodiscard]] Result<void> forget_merged_pages(const host::Host& host);
  [[nodiscard]] Result<void> begin_advisor(const model::KsmAdvisorKnobs& advisor);
  [[nodiscard]] Result<void> follow_ksmtuned(const GuestsMemory& guests);
  [[nodiscard]] Result<std::chrono::nanoseconds> follow_other(Guests guests);

  host::Journal journal_;
  KsmPlan plan_;
  std::optional<model::Ksmtuned> tuner_;
  std::unique_ptr<LiveTuner> other_tuner_;
  std::chrono::nanoseconds tuner_time_{0};
  bool limits_sharing_ = false;  // max_page_sharing is not what it was
};

// What is to be known of KSM on this host beside a study: who else has mergeable memory, whether it
// ran already, how it is set where it was left so. A sentence each. `plan`: with its machines
// found.
[[nodiscard]] std::vector<std::string> ksm_notes(const host::Host& host, const LivePlan& plan);

}  // namespace brim::share::live
