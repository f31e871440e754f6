// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/live_probes.h"

#include "thrash/live/live_consumers.h"

#include <algorithm>
#include <new>
#include <utility>

#include <fmt/format.h>

namespace brim::thrash::live {
namespace {

constexpr auto kProbeInterval = std::chrono::milliseconds(100);

std::int64_t clock_now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }
double as_milliseconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-6; }
double as_seconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-9; }

std::string_view name_of(lab::ProbeKind kind) {
  return kind == lab::ProbeKind::touch ? "wake and touch" : "exec";
}

}  // namespace

std::optional<double> LiveProbes::RingReader::take(const lab::LatencyRing& ring, bool alive,
                                                   std::int64_t start, std::vector<Latency>& into) {
  const std::uint64_t written = ring.written;
  // The oldest may be overwritten while it is read: leave it.
  constexpr std::uint64_t kSafe = lab::LatencyRing::kEntries - 1;
  if (written - read > kSafe) {
    lost += written - read - kSafe;
    read = written - kSafe;
  }
  std::optional<double> worst;
  for (; read < written; ++read) {
    const auto& entry = ring.entries[read % lab::LatencyRing::kEntries];
    const double took = as_milliseconds(entry.took);
    into.push_back({as_seconds(entry.asked - start), took});
    worst = std::max(worst.value_or(0), took);
  }
  const std::int64_t since = ring.pending_since;
  if (alive && since != 0 && clock_now() > since)
    worst = std::max(worst.value_or(0), as_milliseconds(clock_now() - since));
  return worst;
}

Result<void> LiveProbes::start_one(const lab::ProbeTask& task, const Ground& ground,
                                   const std::string& agent) {
  BRIM_TRY(auto shared, host::SharedMemory::create(sizeof(lab::ProbePage)));
  new (shared.data()) lab::ProbePage();
  host::ProgramStart start;
  start.arguments = {agent, "--probe", lab::format_probe(task), "--shared", shared.name()};
  start.huge_pages = false;
  BRIM_TRY(auto process, start_in_group(start, ground.group()));
  probes_.push_back({task, std::move(shared), std::move(process), std::nullopt});
  return {};
}

Result<LiveProbes> LiveProbes::start(const ThrashPlan& plan, const Ground& ground,
                                     const std::string& agent) {
  LiveProbes probes;
  if (!plan.probes) return probes;
  for (const lab::ProbeKind kind : {lab::ProbeKind::touch, lab::ProbeKind::exec})
    BRIM_CHECK(probes.start_one({kind, plan.probe_memory, kProbeInterval, plan.swap.folder}, ground,
                                agent));
  return probes;
}

Result<bool> LiveProbes::ready() {
  bool all = true;
  for (Probe& one : probes_) {
    if (!one.process.running()) {
      const char* const said = one.page().failed.data();
      return fail(ErrorCode::gone,
                  fmt::format("the {} probe {} before it had begun{}{}", name_of(one.task.kind),
                              how_it_ended(one.process), *said == '\0' ? "" : ": ", said));
    }
    all = all && one.page().ready;
  }
  return all;
}

// The one's beats lie between the other's.
void LiveProbes::begin(std::chrono::steady_clock::time_point start) {
  start_ = start.time_since_epoch().count();
  for (const Probe& one : probes_) {
    const std::int64_t beat =
        one.task.kind == lab::ProbeKind::exec ? one.task.interval.count() / 2 : 0;
    lab::tell_probe(one.page(), start_ + beat);
  }
}

LiveProbes::Probe* LiveProbes::find(lab::ProbeKind kind) {
  const auto at =
      std::ranges::find_if(probes_, [kind](const Probe& one) { return one.task.kind == kind; });
  return at == probes_.end() ? nullptr : &*at;
}

void LiveProbes::see_who_died(double now_seconds) {
  for (Probe& one : probes_)
    if (!one.died_seconds && !one.process.running()) one.died_seconds = now_seconds;
}

WorstLatencies LiveProbes::look(ProbeRecord& record) {
  WorstLatencies worst;
  see_who_died(as_seconds(clock_now() - start_));
  if (const Probe* const probe = find(lab::ProbeKind::touch)) {
    const bool alive = !probe->died_seconds;
    worst.wake_ms = wake_.take(probe->page().wake, alive, start_, record.wake);
    worst.touch_ms = touch_.take(probe->page().touch, alive, start_, record.touch);
  }
  if (const Probe* const probe = find(lab::ProbeKind::exec))
    worst.exec_ms = exec_.take(probe->page().exec, !probe->died_seconds, start_, record.exec);
  return worst;
}

void LiveProbes::finish(ProbeRecord& record) {
  static_cast<void>(look(record));
  const auto add = [this](const lab::LatencyRing& ring, std::vector<Latency>& into) {
    const std::int64_t since = ring.pending_since;
    const std::int64_t now = clock_now();
    if (since != 0 && now > since)
      into.push_back({as_seconds(since - start_), as_milliseconds(now - since)});
  };
  for (const Probe& one : probes_) {
    if (one.died_seconds) continue;
    add(one.page().wake, record.wake);
    add(one.page().touch, record.touch);
    add(one.page().exec, record.exec);
  }
}

std::vector<std::string> LiveProbes::notes() const {
  std::vector<std::string> notes;
  for (const Probe& one : probes_) {
    if (one.died_seconds)
      notes.push_back(fmt::format("The {} probe {} at {:.0f} s: its latencies end there.",
                                  name_of(one.task.kind), how_it_ended(one.process),
                                  *one.died_seconds));
    if (one.task.kind == lab::ProbeKind::exec && !one.page().own_copy)
      notes.push_back(fmt::format(
          "The exec probe starts brim-agent itself, whose pages consumers lock, for no copy of it "
          "could be started in {}: its times lack what reading a program takes.",
          one.task.folder));
  }
  if (const std::uint64_t lost = wake_.lost + touch_.lost + exec_.lost; lost > 0)
    notes.push_back(fmt::format(
        "{} latencies were overwritten before they were read: samples came too seldom.", lost));
  return notes;
}

}  // namespace brim::thrash::live
