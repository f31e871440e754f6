// SPDX-License-Identifier: Apache-2.0
#include "cli/live_tuner.h"

#include "base/own_time.h"
#include "guard/share_guard.h"
#include "guard/share_reader.h"
#include "share/tune/share_plan.h"

#include <algorithm>
#include <utility>

namespace brim::cli {
namespace {

using share::live::TunerOrder;
using share::tune::ShareSnapshot;
using share::tune::Time;

Time time_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

// A GiB is saved for so many of the scenario's seconds as `speed` says in each of the host's: a
// processor second, which no speed shortens, has to save that much less.
share::tune::SharePolicy policy_at(double speed) {
  auto policy = share::tune::read_share_policy({});
  BRIM_ASSERT(policy);
  for (Time* time : {&policy->least_rest, &policy->pressure_hold, &policy->probe_interval,
                     &policy->look_interval})
    *time = std::chrono::duration_cast<Time>(*time / speed);
  policy->price_gib_s /= speed;
  return *policy;
}

class GuardsTuner final : public share::live::LiveTuner {
 public:
  GuardsTuner(guard::ShareReader reader, double speed)
      : reader_(std::move(reader)), policy_(policy_at(speed)) {}

  [[nodiscard]] Result<TunerOrder> look(std::span<const int> guests) override {
    const Time began = thread_time();
    const Time now = time_now();
    BRIM_TRY(ShareSnapshot snapshot, reader_.look());
    std::erase_if(snapshot.subjects, [guests](const share::tune::Subject& subject) {
      return std::find(guests.begin(), guests.end(), subject.pid) == guests.end();
    });
    snapshot.knobs.smart_scan.reset();  // as the scenario has it
    share::tune::SharePlan plan = share::tune::plan(snapshot, history_, policy_, now);
    history_ = std::move(plan.history);
    TunerOrder order;
    for (const share::tune::KnobChange& change : plan.changes)
      order.settings.push_back({change.knob, change.value});
    order.next_look = guard::look_again_after(plan, thread_time() - began);
    return order;
  }

 private:
  guard::ShareReader reader_;
  share::tune::SharePolicy policy_;
  share::tune::ShareHistory history_;
};

}  // namespace

Result<std::unique_ptr<share::live::LiveTuner>> make_live_tuner(const host::Host& host,
                                                                double speed) {
  BRIM_TRY(guard::ShareReader reader, guard::ShareReader::open(host));
  return std::make_unique<GuardsTuner>(std::move(reader), speed);
}

}  // namespace brim::cli
