// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/thrash_live_backend.h"

#include "base/text.h"
#include "thrash/live/thrash_run.h"

#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>

namespace brim::thrash::live {
namespace {

class ThrashLiveBackend final : public study::Backend {
 public:
  ThrashLiveBackend(const host::Host& host, ThrashPlaces places, ThrashLiveOptions options)
      : host_(host), places_(std::move(places)), options_(std::move(options)) {}

  [[nodiscard]] Provenance provenance() const override { return Provenance::measured; }
  [[nodiscard]] bool concurrent() const override { return false; }

  [[nodiscard]] Result<void> check(const study::Scenario& scenario) const override {
    BRIM_TRY(const ThrashPlan plan, plan_thrash(scenario));
    BRIM_TRY(const ChosenLiveControl chosen, choose(plan));
    BRIM_TRY(const auto control, chosen.policy.make(host_, chosen.settings));
    if (control && control->looks_into_processes() && plan.has_programs())
      return fail(
          ErrorCode::bad_input,
          fmt::format("{} looks into each consumer's one process, and programs are several: "
                      "expected brim, earlyoom, nohang, none, sigstop-round-robin, subset or "
                      "systemd-oomd",
                      chosen.words),
          "mechanism.control");
    return check_ground(host_, plan, places_, options_.whole_machine);
  }

  // And, after runs, what was seen in them.
  [[nodiscard]] std::vector<std::string> notes(const study::Scenario& scenario) const override {
    const auto plan = plan_thrash(scenario);
    if (!plan) return {};
    std::vector<std::string> notes = plan->notes;
    for (std::string& line : notes_on_ground(host_, *plan)) notes.push_back(std::move(line));
    if (const auto chosen = choose(*plan); chosen && chosen->words != "none")
      notes.push_back(fmt::format("{} controls from user space.", chosen->words));
    const Bytes demand = plan->most_demand();
    if (!plan->whole_machine && demand > plan->limit + plan->swap.size)
      notes.push_back(fmt::format(
          "Consumers want up to {} at a time, and memory and swap hold {}: the kernel will kill "
          "some.",
          human_bytes(demand), human_bytes(plan->limit + plan->swap.size)));
    const std::scoped_lock lock(mutex_);
    if (const auto seen = seen_.find(key_of(*plan)); seen != seen_.end())
      for (const std::string& line : seen->second) add_once(notes, line);
    return notes;
  }

  [[nodiscard]] Result<void> run(const study::Scenario& scenario, const Rng& rng,
                                 const study::SampleSink& sink,
                                 const std::function<void(double)>& progress,
                                 const Cancel& cancel) const override {
    BRIM_TRY(const ThrashPlan plan, plan_thrash(scenario));
    BRIM_CHECK(check_ground(host_, plan, places_, options_.whole_machine));
    BRIM_TRY(const ChosenLiveControl chosen, choose(plan));
    BRIM_TRY(auto control, chosen.policy.make(host_, chosen.settings));
    std::vector<std::string> notes;
    auto outcome = run_thrash({host_, plan, places_, std::move(control), rng.split("live").next()},
                              sink, progress, cancel, notes);
    const std::scoped_lock lock(mutex_);
    for (const std::string& line : notes) add_once(seen_[key_of(plan)], line);
    return outcome;
  }

 private:
  // Of plans that are alike.
  [[nodiscard]] static std::string key_of(const ThrashPlan& plan) {
    return fmt::format("{} {}", plan.control, fmt::join(plan.notes, " "));
  }
  [[nodiscard]] Result<ChosenLiveControl> choose(const ThrashPlan& plan) const {
    return choose_live_control(plan.control, options_.controls, "mechanism.control");
  }

  const host::Host& host_;
  ThrashPlaces places_;
  ThrashLiveOptions options_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::vector<std::string>> seen_;  // in runs so far, by key_of()
};

}  // namespace

std::unique_ptr<study::Backend> make_thrash_live_backend(const host::Host& host,
                                                         ThrashPlaces places,
                                                         ThrashLiveOptions options) {
  return std::make_unique<ThrashLiveBackend>(host, std::move(places), std::move(options));
}

}  // namespace brim::thrash::live
