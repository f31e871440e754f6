// SPDX-License-Identifier: Apache-2.0
#include "share/live/live_sampler.h"

#include "base/own_time.h"
#include "base/progress.h"
#include "host/ksm.h"
#include "share/measure/scan.h"
#include "share/measure/scan_samples.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace brim::share::live {
namespace {

using std::chrono::duration;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

double percent_of(nanoseconds part, nanoseconds whole) {
  return whole.count() <= 0
             ? 0
             : std::max(0.0, 100.0 * duration<double>(part) / duration<double>(whole));
}

// Nothing for a guest that has no process yet.
Result<std::optional<host::Process>> process_of(const host::Host& host, const LiveGuest& guest) {
  const std::optional<int> pid = guest.pid();
  if (!pid) return std::optional<host::Process>();
  auto process = host::Process::open(host, *pid);
  if (!process) return fail(ErrorCode::gone, "it ended before the study did", guest.name());
  return std::optional<host::Process>(std::move(*process));
}

struct GuestMemory {
  double pss = 0;
  double rss = 0;
  double ksm = 0;
  double swap = 0;
  double huge = 0;
  double saved = 0;  // anonymous pages less their proportional share

  void add(const GuestMemory& other) {
    pss += other.pss;
    rss += other.rss;
    ksm += other.ksm;
    swap += other.swap;
    huge += other.huge;
    saved += other.saved;
  }
  void tell(std::string_view subject, double t, const study::SampleSink& sink) const {
    sink("share.pss_bytes", subject, t, pss);
    sink("share.rss_bytes", subject, t, rss);
    sink("share.ksm_bytes", subject, t, ksm);
    sink("share.swap_bytes", subject, t, swap);
    sink("share.huge_bytes", subject, t, huge);
    sink("share.saved_bytes", subject, t, saved);
  }
};

Result<GuestMemory> memory_of(const host::Process& process) {
  BRIM_TRY(const host::SmapsRollup rollup, process.smaps_rollup());
  const auto whole = [](std::uint64_t bytes) { return static_cast<double>(bytes); };
  return GuestMemory{
      whole(rollup.pss_bytes),
      whole(rollup.rss_bytes),
      whole(rollup.ksm_bytes.value_or(0)),
      whole(rollup.swap_bytes),
      whole(rollup.anon_huge_bytes),
      whole(rollup.anonymous_bytes - std::min(rollup.anonymous_bytes, rollup.pss_anon_bytes))};
}

// What a scan records of subjects that sample() does already, and what is about the scan.
constexpr std::array<std::string_view, 6> kNotOfScan{"share.bytes_read", "share.index_bytes",
                                                     "share.ksm_bytes",  "share.pss_bytes",
                                                     "share.rss_bytes",  "share.swap_bytes"};

}  // namespace

Result<GuestsMemory> memory_of(const host::Host& host, Guests guests) {
  GuestMemory total;
  for (const auto& guest : guests) {
    BRIM_TRY(const auto process, process_of(host, *guest));
    if (!process) continue;
    BRIM_TRY(const GuestMemory one, memory_of(*process));
    total.add(one);
  }
  return GuestsMemory{Bytes(static_cast<std::uint64_t>(total.pss)),
                      Bytes(static_cast<std::uint64_t>(total.rss))};
}

Result<LiveSampler::Times> LiveSampler::times_now(Guests guests) {
  Times now;
  now.at = steady_clock::now();
  BRIM_TRY(now.host, host::read_processor_times(host_));
  now.own = process_time();
  if (ksmd_) {
    BRIM_TRY(const host::ProcessStat stat, ksmd_->stat());
    now.ksmd = host::processor_time_of(stat);
  }
  for (const auto& guest : guests) {
    BRIM_TRY(const auto process, process_of(host_, *guest));
    if (!process) continue;
    BRIM_TRY(const host::ProcessStat stat, process->stat());
    now.guests.emplace(guest->name(), host::processor_time_of(stat));
  }
  return now;
}

Result<void> LiveSampler::begin(Guests guests) {
  if (auto thread = host::find_kernel_thread(host_, "ksmd")) ksmd_.emplace(std::move(*thread));
  BRIM_TRY(before_, times_now(guests));
  return {};
}

void LiveSampler::tell_times(const Times& now, double t, const study::SampleSink& sink) const {
  const nanoseconds passed = now.at - before_.at;
  if (passed <= std::chrono::milliseconds(100)) return;  // ticks are of 10 ms
  const nanoseconds busy = now.host.busy - before_.host.busy;
  sink("share.host_cpu_percent", "", t,
       percent_of(busy - (now.own - before_.own), now.host.all - before_.host.all));
  if (now.ksmd && before_.ksmd)
    sink("share.mechanism_cpu_percent", "", t, percent_of(*now.ksmd - *before_.ksmd, passed));
  nanoseconds all{0};
  for (const auto& [name, time] : now.guests) {
    const auto earlier = before_.guests.find(name);
    const nanoseconds used =
        earlier == before_.guests.end() ? nanoseconds(time) : time - earlier->second;
    sink("share.guest_cpu_percent", name, t, percent_of(used, passed));
    all += used;
  }
  sink("share.guest_cpu_percent", "", t, percent_of(all, passed));
}

void LiveSampler::tell_ksm(double t, const study::SampleSink& sink) {
  const auto ksm = host::read_ksm(host_);
  if (!ksm) return;
  const auto tell = [&](std::string_view metric, std::uint64_t value) {
    sink(metric, "", t, static_cast<double>(value));
  };
  // Of counters since boot, what came since the run's first sample.
  const auto since = [&](std::string_view metric, std::optional<std::uint64_t> value,
                         std::optional<std::uint64_t>& first) {
    if (!value) return;
    if (!first) first = value;
    tell(metric, *value - std::min(*value, *first));
  };
  tell("share.ksm_pages_shared", ksm->pages_shared);
  tell("share.ksm_pages_sharing", ksm->pages_sharing);
  tell("share.ksm_pages_unshared", ksm->pages_unshared);
  tell("share.ksm_pages_volatile", ksm->pages_volatile);
  tell("share.ksm_full_scans", ksm->full_scans);
  since("share.copies_on_write", ksm->copies_on_write, first_copies_on_write_);
  since("share.pages_scanned", ksm->pages_scanned, first_pages_scanned_);
}

// A total is told only where every guest that has a load has said how far it is.
Result<void> LiveSampler::tell_loads(Guests guests, double t, const study::SampleSink& sink) {
  lab::LoadState total;
  std::uint64_t filled = 0;
  std::uint64_t running = 0;
  bool all = true;
  for (const auto& guest : guests) {
    if (!guest->has_load()) continue;
    const std::optional<lab::LoadState> state = guest->load_state();
    all = all && state.has_value();
    if (!state) continue;
    if (state->failed)
      return fail(
          ErrorCode::io,
          fmt::format("its load failed ({}); its memory may be too small for it", state->ended),
          guest->name());
    sink("share.load_writes", guest->name(), t, static_cast<double>(state->writes));
    total.cycles += state->cycles;
    total.writes += state->writes;
    total.work += state->work;
    filled += state->filled ? 1 : 0;
    running += state->running ? 1 : 0;
  }
  if (!all) return {};
  const auto tell = [&](std::string_view metric, std::uint64_t value) {
    sink(metric, "", t, static_cast<double>(value));
  };
  tell("share.load_cycles", total.cycles);
  tell("share.load_writes", total.writes);
  tell("share.load_work", total.work);
  tell("share.loads_filled", filled);
  tell("share.loads_running", running);
  return {};
}

Result<void> LiveSampler::sample(Guests guests, double t, const study::SampleSink& sink) {
  BRIM_TRY(Times now, times_now(guests));
  GuestMemory total;
  for (const auto& guest : guests) {
    BRIM_TRY(const auto process, process_of(host_, *guest));
    if (!process) continue;
    BRIM_TRY(const GuestMemory one, memory_of(*process));
    one.tell(guest->name(), t, sink);
    total.add(one);
  }
  total.tell("", t, sink);
  sink("share.ram_bytes", "", t, total.pss);
  tell_times(now, t, sink);
  tell_ksm(t, sink);
  BRIM_CHECK(tell_loads(guests, t, sink));
  before_ = std::move(now);
  return {};
}

Result<void> LiveSampler::scan(Guests guests, double t, const study::SampleSink& sink,
                               const Cancel& cancel) {
  std::vector<std::unique_ptr<Subject>> subjects;
  std::vector<std::string> names;
  for (const auto& guest : guests) {
    if (!guest->pid()) continue;
    BRIM_TRY(subjects.emplace_back(), guest->memory(host_));
    names.push_back(guest->name());
  }
  if (subjects.empty()) return {};
  ScanOptions options;
  options.beyond = Beyond::none;
  options.groups = 0;
  options.remember_pages = true;
  Progress silent;
  BRIM_TRY(ScanResult result, share::scan(subjects, options, rng_, silent, cancel));
  LookFigures look;
  look.t_seconds = t;
  look.first = hashes_.empty();
  for (std::size_t i = 0; i < names.size(); ++i) {
    result.results.front().subjects.at(i).name = names[i];
    auto& now = result.page_hashes.at(i);
    const auto before = hashes_.find(names[i]);
    if (before != hashes_.end()) {
      const Churn churn = churn_between({before->second}, {now});
      look.compared_pages += churn.compared;
      look.churned_pages += churn.changed;
    }
    hashes_.insert_or_assign(names[i], std::move(now));
  }
  for (const study::Sample& sample : scan_samples(result, look, nullptr))
    if (std::find(kNotOfScan.begin(), kNotOfScan.end(), sample.metric) == kNotOfScan.end())
      sink(sample.metric, sample.subject, t, sample.value);
  return {};
}

}  // namespace brim::share::live
