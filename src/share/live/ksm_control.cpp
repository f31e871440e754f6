// SPDX-License-Identifier: Apache-2.0
#include "share/live/ksm_control.h"

#include "base/own_time.h"
#include "host/ksm.h"
#include "host/process.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::share::live {
namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kKnobs = "/sys/kernel/mm/ksm/";

bool has_mergeable_memory(const host::Host& host, int pid) {
  const auto process = host::Process::open(host, pid);
  if (!process) return false;
  const auto stat = process->ksm_stat();
  return stat && stat->rmap_items.value_or(0) > 0;
}

// Processes outside the study some of whose pages KSM knows, and may have merged.
std::size_t known_processes(const host::Host& host, const LivePlan& plan) {
  const auto pids = host::list_pids(host);
  if (!pids) return 0;
  const auto studied = [&plan](int pid) {
    return std::any_of(plan.guests.begin(), plan.guests.end(), [pid](const LiveGuestPlan& guest) {
      return guest.found && guest.found->pid == pid;
    });
  };
  return static_cast<std::size_t>(std::count_if(pids->begin(), pids->end(), [&](int pid) {
    return !studied(pid) && has_mergeable_memory(host, pid);
  }));
}

std::string note_of_settings(const host::Ksm& ksm) {
  if (ksm.run != 1) return "KSM: left as it is here, stopped";
  return fmt::format("KSM: left as it is here, {} pages every {} ms{}", ksm.pages_to_scan,
                     ksm.sleep_millisecs,
                     ksm.advisor_mode.value_or("none") == "none"
                         ? std::string()
                         : fmt::format(", moved by the kernel's advisor {}", *ksm.advisor_mode));
}

}  // namespace

Result<KsmControl> KsmControl::take(const host::Host& host, const std::string& journal,
                                    const KsmPlan& plan) {
  BRIM_TRY(host::Journal changes, host::Journal::open(host, journal));
  KsmControl control(std::move(changes), plan);
  if (plan.as_is) return control;
  const auto ksm = host::read_ksm(host);
  if (!ksm && ksm.error().code == ErrorCode::missing && !plan.run) return control;
  if (!ksm) return fail(ksm.error());
  // First it stands still, for guests to boot and for settings that move only then.
  if (ksm->run != 0) BRIM_CHECK(control.set("run", 0));
  if (!plan.run) return control;
  if (plan.advisor && !ksm->advisor_mode)
    return fail(ErrorCode::missing, "this kernel's KSM has no advisor; Linux 6.8 and later have",
                fmt::format("{}advisor_mode", kKnobs));
  if (ksm->advisor_mode && *ksm->advisor_mode != "none")
    BRIM_CHECK(control.journal_.change(std::string(kKnobs) + "advisor_mode", "none"));
  if (ksm->smart_scan) BRIM_CHECK(control.set("smart_scan", plan.smart_scan ? 1 : 0));
  if (ksm->use_zero_pages) BRIM_CHECK(control.set("use_zero_pages", plan.use_zero_pages ? 1 : 0));
  if (plan.max_page_sharing && ksm->max_page_sharing &&
      *ksm->max_page_sharing != *plan.max_page_sharing)
    BRIM_CHECK(control.set_sharing_limit(host, *ksm->max_page_sharing));
  return control;
}

Result<void> KsmControl::set(std::string_view knob, std::uint64_t value) {
  return journal_.change(fmt::format("{}{}", kKnobs, knob), std::to_string(value));
}

// The kernel moves it only while it knows of no merged page, of processes long gone, too.
// What others have unmerged yet the study's KSM may merge, and it could not be put back.
Result<void> KsmControl::set_sharing_limit(const host::Host& host, std::uint64_t present) {
  BRIM_TRY(const std::optional<int> other, host::find_mergeable_process(host));
  if (other)
    return fail(ErrorCode::missing,
                fmt::format("it can't become {} while KSM may merge memory of others (process {}): "
                            "set mechanism.max_page_sharing to {}",
                            *plan_.max_page_sharing, *other, present),
                fmt::format("{}max_page_sharing", kKnobs));
  limits_sharing_ = true;
  BRIM_CHECK(forget_merged_pages(host));
  return set("max_page_sharing", *plan_.max_page_sharing);
}

// Unmerges everything: only where nobody else's can be among it. It stands still before that is
// looked for, so that what comes meanwhile has nothing merged.
Result<void> KsmControl::forget_merged_pages(const host::Host& host) {
  BRIM_CHECK(set("run", 0));
  BRIM_TRY(const std::optional<int> other, host::find_mergeable_process(host));
  if (other) return {};
  BRIM_CHECK(set("run", 2));
  return set("run", 0);
}

Result<void> KsmControl::begin() {
  if (!plan_.run) return {};
  if (plan_.tuned_by_brim) return {};
  if (plan_.ksmtuned) {
    tuner_.emplace(*plan_.ksmtuned, plan_.tuned_host);
    return {};
  }
  BRIM_CHECK(set("sleep_millisecs", static_cast<std::uint64_t>(plan_.sleep.count())));
  if (plan_.advisor) {
    BRIM_CHECK(begin_advisor(*plan_.advisor));
  } else {
    BRIM_CHECK(set("pages_to_scan", plan_.pages_to_scan));
  }
  return set("run", 1);
}

// The mode first: it brings the kernel's defaults with it.
Result<void> KsmControl::begin_advisor(const model::KsmAdvisorKnobs& advisor) {
  BRIM_CHECK(journal_.change(std::string(kKnobs) + "advisor_mode", "scan-time"));
  BRIM_CHECK(set("advisor_max_cpu", advisor.max_cpu));
  BRIM_CHECK(set("advisor_min_pages_to_scan", advisor.min_pages_to_scan));
  BRIM_CHECK(set("advisor_max_pages_to_scan", advisor.max_pages_to_scan));
  return set("advisor_target_scan_time",
             static_cast<std::uint64_t>(advisor.target_scan_time.count()));
}

Result<nanoseconds> KsmControl::tune(const host::Host& host, Guests guests) {
  if (other_tuner_ != nullptr) {
    const nanoseconds before = thread_time();
    auto next = follow_other(guests);
    tuner_time_ += thread_time() - before;
    return next;
  }
  BRIM_ASSERT(tuner_);
  BRIM_TRY(const GuestsMemory memory, memory_of(host, guests));
  BRIM_CHECK(follow_ksmtuned(memory));
  return tuner_->monitor_interval();
}

std::optional<nanoseconds> KsmControl::tuner_time() const {
  return other_tuner_ == nullptr ? std::nullopt : std::optional(tuner_time_);
}

Result<nanoseconds> KsmControl::follow_other(Guests guests) {
  std::vector<int> pids;
  for (const auto& guest : guests)
    if (const auto pid = guest->pid()) pids.push_back(*pid);
  BRIM_TRY(const TunerOrder order, other_tuner_->look(pids));
  for (const KnobSetting& setting : order.settings)
    BRIM_CHECK(journal_.change(std::string(kKnobs) + setting.knob, setting.value));
  return order.next_look;
}

Result<void> KsmControl::follow_ksmtuned(const GuestsMemory& guests) {
  const Bytes taken = std::min(guests.pss + plan_.tuned_own, plan_.tuned_host);
  const model::Ksmtuned::Order order = tuner_->adjust(
      {.total = plan_.tuned_host, .free = plan_.tuned_host - taken, .committed = guests.rss});
  if (!order.run) return set("run", 0);
  BRIM_CHECK(set("pages_to_scan", order.pages_to_scan));
  BRIM_CHECK(set("sleep_millisecs",
                 static_cast<std::uint64_t>(
                     std::chrono::duration_cast<std::chrono::milliseconds>(order.sleep).count())));
  return set("run", 1);
}

Result<void> KsmControl::end(const host::Host& host) {
  if (limits_sharing_) BRIM_CHECK(forget_merged_pages(host));
  for (const host::Restored& restored : journal_.restore_own())
    if (restored.outcome == host::RestoreOutcome::failed)
      return fail(ErrorCode::io, "was not put back: " + restored.detail, restored.entry.path);
  return {};
}

std::vector<std::string> ksm_notes(const host::Host& host, const LivePlan& plan) {
  std::vector<std::string> notes;
  const auto ksm = host::read_ksm(host);
  if (!ksm) return notes;
  const std::size_t others = known_processes(host, plan);
  if (others > 0)
    notes.push_back(fmt::format(
        "{} other processes have memory known to KSM: its counters and ksmd's time are theirs, too",
        others));
  if (plan.ksm.as_is) {
    notes.push_back(note_of_settings(*ksm));
    return notes;
  }
  if (std::any_of(plan.guests.begin(), plan.guests.end(),
                  [](const LiveGuestPlan& guest) { return guest.found.has_value(); }))
    notes.emplace_back(plan.ksm.run
                           ? "What KSM merges of machines that go on stays merged after the study"
                           : "KSM stands still; what it merged of machines before stays merged");
  if (ksm->run != 0)
    notes.emplace_back("KSM ran before; for the study it is stopped and set, and put back after");
  return notes;
}

}  // namespace brim::share::live
