// SPDX-License-Identifier: Apache-2.0
#include "cli/simulated_tuner.h"

#include "share/tune/share_plan.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace brim::cli {
namespace {

using share::model::KsmOrder;
using share::model::KsmView;
using share::model::ModelTime;
using share::tune::ShareSnapshot;

// The tuner sees full sizes and rates, whatever the study's scale.
class SimulatedTuner final : public share::model::KsmTuner {
 public:
  SimulatedTuner(double scale, share::tune::SharePolicy policy)
      : scale_(scale), policy_(std::move(policy)) {}

  [[nodiscard]] KsmOrder adjust(const KsmView& view, ModelTime now) override {
    share::tune::SharePlan plan = share::tune::plan(snapshot_of(view), history_, policy_, now);
    history_ = std::move(plan.history);
    KsmOrder order{.run = view.running,
                   .pages_to_scan = view.knobs.pages_to_scan,
                   .sleep = view.knobs.sleep,
                   .next_look = plan.next_look};
    for (const share::tune::KnobChange& change : plan.changes) {
      if (change.knob == "run") order.run = change.value == "1";
      if (change.knob == "sleep_millisecs")
        order.sleep = std::chrono::milliseconds(std::stoll(change.value));
      if (change.knob == "pages_to_scan")
        order.pages_to_scan = std::max<std::uint64_t>(
            1, static_cast<std::uint64_t>(std::llround(std::stod(change.value) * scale_)));
    }
    return order;
  }

 private:
  [[nodiscard]] std::uint64_t full(std::uint64_t count) const {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(count) / scale_));
  }
  [[nodiscard]] ShareSnapshot snapshot_of(const KsmView& view) const {
    ShareSnapshot snapshot;
    snapshot.knobs.run = view.running ? 1 : 0;
    snapshot.knobs.pages_to_scan = full(view.knobs.pages_to_scan);
    snapshot.knobs.sleep = std::chrono::duration_cast<std::chrono::milliseconds>(view.knobs.sleep);
    auto& progress = snapshot.progress;
    progress.full_scans = view.counters.full_scans;
    progress.scanned = Pages(full(view.scanned.count()));
    progress.sharing = Pages(full(view.counters.pages_sharing));
    progress.broken = Pages(full(view.broken.count()));
    progress.ksmd_cpu = std::chrono::duration_cast<share::tune::Time>(view.ksmd_cpu);
    snapshot.memory = Bytes(full(view.memory.total.count()));
    snapshot.available = Bytes(full(view.memory.free.count()));
    // All guests together: the decision is about their sum.
    share::tune::Subject guests;
    guests.name = "guests";
    guests.machine = true;
    guests.resident = Bytes(full(view.guests.count()));
    guests.merged = bytes_of(Pages(full(view.counters.pages_shared + view.counters.pages_sharing)));
    snapshot.subjects.push_back(std::move(guests));
    return snapshot;
  }

  double scale_;
  share::tune::SharePolicy policy_;
  share::tune::ShareHistory history_;
};

}  // namespace

Result<std::unique_ptr<share::model::KsmTuner>> make_simulated_tuner_with(
    double scale, std::span<const std::string> sets) {
  share::tune::PolicyText text;
  text.sets = sets;
  BRIM_TRY(share::tune::SharePolicy policy, share::tune::read_share_policy(text));
  return std::make_unique<SimulatedTuner>(scale, std::move(policy));
}

std::unique_ptr<share::model::KsmTuner> make_simulated_tuner(double scale) {
  auto tuner = make_simulated_tuner_with(scale, {});
  BRIM_ASSERT(tuner);
  return std::move(*tuner);
}

}  // namespace brim::cli
