// SPDX-License-Identifier: Apache-2.0
#include "share/model/share_backend.h"

#include "share/model/difference_engine.h"
#include "share/model/satori.h"
#include "share/model/share_area.h"

#include <utility>

#include <fmt/format.h>

namespace brim::share::model {
namespace {

// All sizes and counts of pages are told as they would be at full scale.
using Tell = std::function<void(std::string_view metric, double value)>;
double at_full_scale(std::uint64_t value, double scale) {
  return static_cast<double>(value) / scale;
}

void record_ksm(const HostSample& sample, double scale, const Tell& tell) {
  tell("share.ksm_pages_shared", at_full_scale(sample.ksm->pages_shared, scale));
  tell("share.ksm_pages_sharing", at_full_scale(sample.ksm->pages_sharing, scale));
  tell("share.ksm_pages_unshared", at_full_scale(sample.ksm->pages_unshared, scale));
  tell("share.ksm_pages_to_scan", at_full_scale(sample.ksm_pages_to_scan, scale));
  tell("share.ksm_full_scans", static_cast<double>(sample.ksm->full_scans));
}

void record_pshare(const HostSample& sample, double scale, const Tell& tell) {
  tell("share.pshare_shared_pages", at_full_scale(sample.pshare->shared, scale));
  tell("share.pshare_common_pages", at_full_scale(sample.pshare->common, scale));
  tell("share.pshare_saving_pages", at_full_scale(sample.pshare->saving, scale));
  tell("share.large_pages_broken", at_full_scale(sample.work.breaks, scale));
}

void record_stored(const SimulatedMemory::Totals& totals, double scale, const Tell& tell) {
  tell("share.patched_pages", at_full_scale(totals.patched_pages, scale));
  tell("share.compressed_pages", at_full_scale(totals.compressed_pages, scale));
  tell("share.stored_bytes", at_full_scale(totals.stored_bytes, scale));
  tell("share.restores",
       at_full_scale(totals.patched_restored + totals.compressed_restored, scale));
}

// What each guest may claim of what it shares.
void record_entitlements(const HostSimulation& simulation, std::size_t guests, double t,
                         double scale, const study::SampleSink& sink) {
  const auto* satori = dynamic_cast<const Satori*>(&simulation.mechanism());
  if (satori == nullptr) return;
  for (std::size_t guest = 0; guest < guests; ++guest)
    sink("share.entitled_pages", fmt::format("guest {}", guest), t,
         satori->entitlement(guest) / scale);
}

void record(const HostSample& sample, const Mechanism& mechanism, double scale,
            const study::SampleSink& sink) {
  const double t = std::chrono::duration<double>(sample.at).count();
  const auto tell = [&](std::string_view metric, double value) { sink(metric, "", t, value); };
  const auto whole = [scale](std::uint64_t value) { return at_full_scale(value, scale); };
  tell("share.ram_bytes", whole(sample.ram.count()));
  tell("share.present_bytes", whole(sample.memory.present_pages() * kPageSize));
  tell("share.saved_bytes",
       whole(sample.memory.present_pages() * kPageSize - sample.memory.used().count()));
  tell("share.copies_on_write", whole(sample.memory.copies_on_write));
  tell("share.load_writes", whole(sample.load_writes));
  tell("share.pages_scanned", whole(sample.work.visits));
  tell("share.mechanism_cpu_percent", sample.mechanism_cpu_percent);
  tell("share.host_cpu_percent", sample.host_cpu_percent);
  tell("share.zero_frame_bytes", whole(sample.memory.pages_on_zero_frame * kPageSize));
  if (sample.ksm) record_ksm(sample, scale, tell);
  if (sample.pshare) record_pshare(sample, scale, tell);
  if (dynamic_cast<const DifferenceEngine*>(&mechanism) != nullptr)
    record_stored(sample.memory, scale, tell);
}

void record(const SharingPotential& potential, double t, double scale,
            const study::SampleSink& sink) {
  const auto tell = [&](std::string_view metric, Pages pages) {
    sink(metric, "", t, static_cast<double>(pages.count()) / scale);
  };
  tell("share.zero_pages", potential.zero);
  tell("share.used_pages", potential.used);
  tell("share.minimum_pages", potential.minimum);
  tell("share.intra_saving_pages", potential.intra);
  tell("share.inter_saving_pages", potential.inter);
}

class ShareBackend final : public study::Backend {
 public:
  ShareBackend(MakeKsmTuner make_tuner, MemoryImages images)
      : make_tuner_(std::move(make_tuner)), images_(std::move(images)) {}
  [[nodiscard]] Provenance provenance() const override { return Provenance::modelled; }
  [[nodiscard]] bool concurrent() const override { return true; }
  [[nodiscard]] Result<void> check(const study::Scenario& scenario) const override {
    BRIM_TRY(const SimulationPlan plan, plan_simulation(scenario, images_));
    if (plan.tuned_by_brim && !make_tuner_)
      return fail(ErrorCode::missing, "this backend was made without a tuner", "mechanism.tuner");
    return {};
  }
  [[nodiscard]] std::vector<std::string> notes(const study::Scenario& scenario) const override {
    std::vector<std::string> notes = notes_of(images_);
    if (scenario.live.get<std::string>("ksm") == "as_is")
      notes.emplace_back(
          "live.ksm: a host's own settings are for --live; these are the scenario's");
    return notes;
  }
  [[nodiscard]] std::string inputs() const override { return identity_of(images_.all); }
  [[nodiscard]] Result<void> run(const study::Scenario& scenario, const Rng& rng,
                                 const study::SampleSink& sink,
                                 const std::function<void(double)>& progress,
                                 const Cancel& cancel) const override {
    BRIM_TRY(const SimulationPlan plan, plan_simulation(scenario, images_));
    HostSimulation simulation(plan.host, plan.guests, plan.mechanism, rng);
    if (plan.ksmtuned) simulation.use_ksmtuned(*plan.ksmtuned);
    const auto scale = scenario.study.get<double>("scale");
    if (plan.tuned_by_brim) simulation.use_tuner(make_tuner_(scale));
    BRIM_CHECK(simulation.run(
        plan.times,
        [&](const HostSample& sample) { record(sample, simulation.mechanism(), scale, sink); },
        progress, cancel));
    const double end = std::chrono::duration<double>(plan.times.duration).count();
    record(simulation.potential(), end, scale, sink);
    record_entitlements(simulation, plan.guests.size(), end, scale, sink);
    return {};
  }

 private:
  MakeKsmTuner make_tuner_;
  MemoryImages images_;
};

}  // namespace

std::unique_ptr<study::Backend> make_share_backend(MakeKsmTuner make_tuner, MemoryImages images) {
  return std::make_unique<ShareBackend>(std::move(make_tuner), std::move(images));
}

}  // namespace brim::share::model
