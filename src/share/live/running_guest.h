// SPDX-License-Identifier: Apache-2.0
#pragma once
// A machine that runs already, libvirt's or anybody's QEMU, as a guest of a live study. It is found
// by name; brim never starts or ends it, moves it into no cgroup, and gives it no load. Paused, if
// the plan says so, it is by a signal, which QEMU, its monitor and libvirt are not told of; and it
// goes on whatever ends brim (host/paused_process.h, lab/pause_record.h). One that stood still
// before is left so.
//
// Its pid and start time name it: it is gone once its process is, be another of its name there.
// LIMIT: memory plugged in during a study is not read by it. Each repeat looks for the machines of
// a pattern anew.

#include "base/result.h"
#include "host/host.h"
#include "host/qemu.h"
#include "share/live/live_guest.h"
#include "share/live/live_plan.h"

#include <memory>
#include <string>

namespace brim::share::live {

// The plan with a guest for each machine that its running ones name, called as that is. Machines
// whose memory can't be found are left out, and noted. `missing` where a name is nobody's,
// `bad_input` where one machine is named twice. Pure.
[[nodiscard]] Result<LivePlan> with_machines(LivePlan plan, const host::Discovery& discovery);

// The same with those of this host; they are looked for only if the plan has running ones.
[[nodiscard]] Result<LivePlan> find_running_guests(const host::Host& host, LivePlan plan);

// `gone` where it ended since it was found. `host` must outlive the guest; `pauses` is where word
// is left while it is paused.
[[nodiscard]] Result<std::unique_ptr<LiveGuest>> open_running_guest(const host::Host& host,
                                                                    const LiveGuestPlan& plan,
                                                                    const std::string& pauses);

}  // namespace brim::share::live
