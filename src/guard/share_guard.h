// SPDX-License-Identifier: Apache-2.0
#pragma once
// The daemon's work for page sharing: look, plan, apply, again and again. Every change goes through
// the journal, which puts it back at the end, whatever the end is.

#include "base/result.h"
#include "guard/action_log.h"
#include "guard/guard_loop.h"
#include "guard/share_reader.h"
#include "host/journal.h"
#include "share/tune/share_plan.h"

#include <string>
#include <vector>

namespace brim::guard {

class ShareGuard final : public GuardedArea {
 public:
  // Without a journal it only tells what it would do. All must outlive it.
  ShareGuard(ShareReader& reader, const share::tune::SharePolicy& policy, ActionLog& log,
             host::Journal* journal)
      : reader_(reader), policy_(policy), log_(log), journal_(journal) {}

  // One look, one plan, and what it asks for. How long until the next.
  [[nodiscard]] Result<share::tune::Time> step(share::tune::Time now) override;
  // Puts back what was changed.
  void wind_up() override;

 private:
  void apply(const share::tune::SharePlan& plan);
  void tell_advice(const std::vector<share::tune::Advice>& advice);
  // Whether a close look is due, which shows what each VM gains.
  [[nodiscard]] bool close_look_due(share::tune::Time now) const;

  ShareReader& reader_;
  const share::tune::SharePolicy& policy_;
  ActionLog& log_;
  host::Journal* journal_;
  share::tune::ShareHistory history_;
  share::tune::Time looked_closely_{0};
  share::tune::Time close_look_took_{0};
  std::string told_phase_;
  std::string told_problem_;
  std::vector<share::tune::Advice> told_;
};

// After a look that took `took` of a processor: as planned, and so that looking takes little of the
// time.
[[nodiscard]] share::tune::Time look_again_after(const share::tune::SharePlan& plan,
                                                 share::tune::Time took);

}  // namespace brim::guard
