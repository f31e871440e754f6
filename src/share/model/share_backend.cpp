// SPDX-License-Identifier: Apache-2.0
#include "share/model/share_backend.h"

#include "share/model/share_area.h"

#include <utility>

namespace brim::share::model {
namespace {

// Sizes and counts of pages as they would be at full scale.
void record(const HostSample& sample, double scale, const study::SampleSink& sink) {
  const double t = std::chrono::duration<double>(sample.at).count();
  const auto tell = [&](std::string_view metric, double value) { sink(metric, "", t, value); };
  const auto whole = [scale](std::uint64_t value) { return static_cast<double>(value) / scale; };
  tell("share.ram_bytes", whole(sample.ram.count()));
  tell("share.present_bytes", whole(sample.memory.present_pages() * kPageSize));
  tell("share.saved_bytes", whole(sample.memory.saved_pages() * kPageSize));
  tell("share.copies_on_write", whole(sample.memory.copies_on_write));
  tell("share.pages_scanned", whole(sample.work.visits));
  tell("share.mechanism_cpu_percent", sample.mechanism_cpu_percent);
  tell("share.host_cpu_percent", sample.host_cpu_percent);
  if (!sample.ksm) return;
  tell("share.ksm_pages_shared", whole(sample.ksm->pages_shared));
  tell("share.ksm_pages_sharing", whole(sample.ksm->pages_sharing));
  tell("share.ksm_pages_unshared", whole(sample.ksm->pages_unshared));
  tell("share.ksm_full_scans", static_cast<double>(sample.ksm->full_scans));
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
  [[nodiscard]] Provenance provenance() const override { return Provenance::modelled; }
  [[nodiscard]] bool concurrent() const override { return true; }
  explicit ShareBackend(MakeKsmTuner make_tuner) : make_tuner_(std::move(make_tuner)) {}
  [[nodiscard]] Result<void> check(const study::Scenario& scenario) const override {
    BRIM_TRY(const SimulationPlan plan, plan_simulation(scenario));
    if (plan.tuned_by_brim && !make_tuner_)
      return fail(ErrorCode::missing, "this backend was made without a tuner", "mechanism.tuner");
    return {};
  }
  [[nodiscard]] Result<void> run(const study::Scenario& scenario, const Rng& rng,
                                 const study::SampleSink& sink,
                                 const std::function<void(double)>& progress,
                                 const Cancel& cancel) const override {
    BRIM_TRY(const SimulationPlan plan, plan_simulation(scenario));
    HostSimulation simulation(plan.host, plan.guests, plan.mechanism, rng);
    if (plan.ksmtuned) simulation.use_ksmtuned(*plan.ksmtuned);
    const auto scale = scenario.study.get<double>("scale");
    if (plan.tuned_by_brim) simulation.use_tuner(make_tuner_(scale));
    BRIM_CHECK(simulation.run(
        plan.times, [&](const HostSample& sample) { record(sample, scale, sink); }, progress,
        cancel));
    const double end = std::chrono::duration<double>(plan.times.duration).count();
    record(simulation.potential(), end, scale, sink);
    return {};
  }

 private:
  MakeKsmTuner make_tuner_;
};

}  // namespace

std::unique_ptr<study::Backend> make_share_backend(MakeKsmTuner make_tuner) {
  return std::make_unique<ShareBackend>(std::move(make_tuner));
}

}  // namespace brim::share::model
