// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a run stands on: a folder for programs, zswap's settings, the swap area, the limited group
// and what it gets of the disk. Made in this order, and taken away in the other one, with the
// object and, should brim be killed, by its next start.

#include "base/result.h"
#include "host/host.h"
#include "host/journal.h"
#include "host/limited_group.h"
#include "host/run_folder.h"
#include "host/swap_area.h"
#include "thrash/live/thrash_plan.h"

#include <optional>
#include <string>
#include <vector>

namespace brim::thrash::live {

struct ThrashPlaces {
  std::string agent;    // the brim-agent program; empty where there is none
  std::string journal;  // of changed settings
  std::string swaps;    // records of swap areas
  std::string groups;   // records of groups
  std::string folders;  // records of folders of programs
};

class Ground {
 public:
  // `host` must outlive it.
  [[nodiscard]] static Result<Ground> make(const host::Host& host, const ThrashPlan& plan,
                                           const ThrashPlaces& places);
  // As the destructor, and says what is in the way. Ends what runs in the group.
  [[nodiscard]] Result<void> end();

  // Null where consumers have the whole machine.
  [[nodiscard]] const host::LimitedGroup* group() const { return group_ ? &*group_ : nullptr; }
  [[nodiscard]] const host::SwapArea& area() const { return *area_; }
  // Where each program gets a folder of its own; empty where there are no programs.
  [[nodiscard]] std::string program_folder() const { return folder_ ? folder_->path() : ""; }
  // `gone` where somebody has removed the group or switched off the area meanwhile.
  [[nodiscard]] Result<void> still_there(const host::Host& host) const;

 private:
  Ground() = default;
  [[nodiscard]] Result<void> switch_zswap_on(const host::Host& host, const ThrashPlan& plan,
                                             const ThrashPlaces& places);
  // Taken away from the last to the first.
  std::optional<host::RunFolder> folder_;
  std::optional<host::Journal> journal_;
  std::optional<host::SwapArea> area_;
  std::optional<host::LimitedGroup> group_;
};

// What make() and the run would lack or harm, before anything is done: root, cgroups, swap, the
// agent, memory, limits of I/O where the disk is to be slowed, and `whole_machine`, leave to use
// all of it.
//
// What must be left to others: of the memory that is available a tenth of all, 1 GiB at most, once
// the group is full, and zram too with pages that don't compress. For the whole machine there is no
// limit to hold consumers, so it is the larger of both, over memory and swap together: they may
// drive everybody's pages out, but not the kernel to kill.
[[nodiscard]] Result<void> check_ground(const host::Host& host, const ThrashPlan& plan,
                                        const ThrashPlaces& places, bool whole_machine);

// What this host can't do of the plan without failing, a sentence each.
[[nodiscard]] std::vector<std::string> notes_on_ground(const host::Host& host,
                                                       const ThrashPlan& plan);

}  // namespace brim::thrash::live
