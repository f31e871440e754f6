// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/thrash_run.h"

#include "base/text.h"
#include "host/swap_table.h"
#include "thrash/live/live_consumers.h"
#include "thrash/live/live_probes.h"
#include "thrash/live/thrash_sampler.h"
#include "thrash/measure/thrash_figures.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>

namespace brim::thrash::live {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// What this process has, and will have, is not swapped out as long as the object lives: who
// measures must not wait for what it measures.
class LockedProcess {
 public:
  LockedProcess() : locked_(::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) {}
  ~LockedProcess() {
    if (locked_) ::munlockall();
  }
  LockedProcess(const LockedProcess&) = delete;
  LockedProcess& operator=(const LockedProcess&) = delete;
  [[nodiscard]] bool locked() const { return locked_; }

 private:
  bool locked_;
};

// Its pages are then in the page cache for this process's cgroup: the consumers' is charged for
// what its processes read first.
void read_ahead_of_consumers(const std::string& program) {
  std::ifstream file(program, std::ios::binary);
  std::vector<char> bytes(std::size_t{1} << 20);
  while (file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) continue;
}

class ThrashRun {
 public:
  ThrashRun(RunRequest request, const study::SampleSink& sink,
            const std::function<void(double)>& progress, const Cancel& cancel,
            std::vector<std::string>& notes)
      : request_(std::move(request)),
        plan_(request_.plan),
        sink_(sink),
        progress_(progress),
        cancel_(cancel),
        notes_(notes) {}

  Result<void> run() {
    const LockedProcess own;
    if (!own.locked())
      notes_.emplace_back(
          "The sampling process's memory could not be locked: it may itself have "
          "waited for pages.");
    BRIM_TRY(Ground ground, Ground::make(request_.host, plan_, request_.places));
    Result<void> outcome = run_on(ground);
    Result<void> ended = ground.end();
    return outcome ? ended : outcome;
  }

 private:
  Result<void> run_on(const Ground& ground) {
    read_ahead_of_consumers(request_.places.agent);
    BRIM_TRY(LiveProbes probes, LiveProbes::start(plan_, ground, request_.places.agent));
    BRIM_TRY(LiveConsumers consumers, LiveConsumers::start(request_.host, plan_, ground,
                                                           request_.places.agent, request_.seed));
    BRIM_CHECK(wait_until_ready(consumers, probes));
    if (plan_.local) BRIM_CHECK(consumers.limit_to_shares());
    if (request_.control) BRIM_CHECK(request_.control->begin(consumers));
    ThrashSampler sampler(request_.host, plan_, ground);
    BRIM_CHECK(sampler.begin(consumers));
    start_ = steady_clock::now();
    probes.begin(start_);
    consumers.begin(start_, request_.control.get());
    Result<void> outcome = watch(ground, consumers, probes, sampler);
    // Removed or switched off by somebody: that explains whatever failed over it.
    if (!outcome && outcome.error().code != ErrorCode::interrupted)
      if (auto there = ground.still_there(request_.host); !there) outcome = std::move(there);
    if (request_.control && outcome) outcome = request_.control->end(consumers);
    probes.finish(record_.probes);
    note_what_was_seen(consumers, probes, sampler);
    if (outcome) tell_figures();
    return outcome;
  }

  Result<void> wait_until_ready(LiveConsumers& consumers, LiveProbes& probes) const {
    constexpr auto kPatience = std::chrono::seconds(60);
    const auto deadline = steady_clock::now() + kPatience + plan_.prepare_time();
    for (;;) {
      BRIM_TRY(const bool consumers_are, consumers.ready());
      BRIM_TRY(const bool probes_are, probes.ready());
      if (consumers_are && probes_are) return {};
      if (cancel_.requested()) return fail(ErrorCode::interrupted, "interrupted");
      if (steady_clock::now() >= deadline)
        return fail(ErrorCode::io, "consumers and probes were not ready in time");
      std::this_thread::sleep_for(milliseconds(5));
    }
  }

  Result<void> watch(const Ground& ground, LiveConsumers& consumers, LiveProbes& probes,
                     ThrashSampler& sampler) {
    nanoseconds next = plan_.sample_interval;
    for (;;) {
      const auto until = std::min(next, plan_.duration);
      BRIM_CHECK(wait_until(start_ + until, ground, consumers, sampler));
      BRIM_CHECK(ground.still_there(request_.host));
      BRIM_CHECK(look(consumers, probes, sampler));
      const nanoseconds now = steady_clock::now() - start_;
      if (now >= plan_.duration || consumers.all_ended()) return {};
      // When a look takes longer than an interval, those it ran into are left out.
      next = (now / plan_.sample_interval + 1) * plan_.sample_interval;
    }
  }

  // Meanwhile it is seen who ends, and the control does its work.
  Result<void> wait_until(steady_clock::time_point when, const Ground& ground,
                          LiveConsumers& consumers, const ThrashSampler& sampler) {
    constexpr auto kLookAgain = milliseconds(20);
    for (;;) {
      if (cancel_.requested()) return fail(ErrorCode::interrupted, "interrupted");
      BRIM_TRY(const bool changed, consumers.look([&] { return sampler.oom_kills(); }));
      if (changed) note_killed(ground, consumers);
      if (changed) BRIM_CHECK(consumers.share_out());
      const auto now = steady_clock::now();
      see_swap(swap_in_use(ground), now);
      if (request_.control && (changed || now >= next_step_)) {
        BRIM_TRY(next_step_, request_.control->step(consumers, now));
      }
      if (now >= when) return {};
      std::this_thread::sleep_for(std::min<nanoseconds>(when - now, kLookAgain));
    }
  }

  Result<void> look(LiveConsumers& consumers, LiveProbes& probes, ThrashSampler& sampler) {
    const nanoseconds now = steady_clock::now() - start_;
    const double seconds = duration<double>(now).count();
    const double t = told_time(now);
    BRIM_CHECK(sampler.sample(consumers, t, sink_));
    record_.t_seconds.push_back(seconds);
    consumers.record(record_.consumers);
    for (std::size_t i = 0; i < record_.consumers.size(); ++i)
      sink_("thrash.accesses", fmt::format("consumer {}", i + 1), t,
            static_cast<double>(record_.consumers[i].accesses.back()));
    const WorstLatencies worst = probes.look(record_.probes);
    const auto tell = [&](std::string_view metric, const std::optional<double>& value) {
      if (value) sink_(metric, "", t, *value);
    };
    tell("thrash.wake_ms", worst.wake_ms);
    tell("thrash.touch_ms", worst.touch_ms);
    tell("thrash.exec_ms", worst.exec_ms);
    progress_(plan_.duration.count() == 0 ? 1 : seconds / duration<double>(plan_.duration).count());
    return {};
  }

  // Of a sample, as scenarios have it: when it was due, so that repeats have the same times. What
  // is reckoned goes by when it was taken.
  [[nodiscard]] double told_time(nanoseconds now) const {
    const nanoseconds due = now >= plan_.duration
                                ? plan_.duration
                                : now / plan_.sample_interval * plan_.sample_interval;
    return duration<double>(due).count() * plan_.speed;
  }

  // Moments are the scenario's, lengths this machine's (thrash_plan.h).
  void tell_figures() {
    if (record_.t_seconds.empty()) return;
    ThrashFigures figures = figures_of(record_);
    for (auto* const moment : {&figures.onset_seconds, &figures.fits_again_seconds})
      if (*moment) **moment *= plan_.speed;
    thrash::record(figures, told_time(plan_.duration), sink_);
  }

  [[nodiscard]] Bytes swap_in_use(const Ground& ground) const {
    const auto entry = host::find_swap(request_.host, ground.area().path());
    return entry && *entry ? (*entry)->used : Bytes(0);
  }

  // A program ends some time after its child was killed, which gave its part back at once.
  void see_swap(Bytes used, steady_clock::time_point now) {
    constexpr auto kKept = milliseconds(500);
    if (now - swap_used_since_ >= kKept) {
      swap_used_before_ = std::exchange(swap_used_, Bytes(0));
      swap_used_since_ = now;
    }
    swap_used_ = std::max(swap_used_, used);
  }

  // Why is told by how much of the swap area was in use, before, as who is killed gives back its
  // part: a group's reclaim can also give up while there is room, when everything it looks at is on
  // its way out or back (mm/vmscan.c).
  void note_killed(const Ground& ground, const LiveConsumers& consumers) {
    const std::vector<KilledConsumer>& killed = consumers.killed();
    const double t = duration<double>(steady_clock::now() - start_).count() * plan_.speed;
    for (; seen_killed_ < killed.size(); ++seen_killed_) {
      if (killed[seen_killed_].by_kernel)
        note_killed_by_kernel(ground, killed[seen_killed_].number, t);
      else if (killed_by_control_++ == 0)
        first_by_control_ = t;
    }
  }

  void note_killed_by_kernel(const Ground& ground, std::size_t number, double t) {
    const auto entry = host::find_swap(request_.host, ground.area().path());
    if (!entry || !*entry) return;
    Bytes used = std::max({(*entry)->used, swap_used_, swap_used_before_});
    if (ground.group() != nullptr)
      if (const auto swap = ground.group()->read().swap) used = std::max(used, *swap);
    const bool full = used.count() >= (*entry)->size.count() / 20 * 19;
    killings_.push_back(fmt::format(
        "The kernel killed consumer {} by {:.0f} s, with {} of {} of the swap area in use: {}.",
        number, t, human_bytes(used), human_bytes((*entry)->size),
        full ? "memory and swap were full; hardware.swap_size makes it larger"
             : "its reclaim found no page to take in time"));
  }

  void note_what_was_seen(const LiveConsumers& consumers, const LiveProbes& probes,
                          const ThrashSampler& sampler) {
    if (!consumers.locked())
      notes_.emplace_back(
          "Consumers could not lock their programs in memory: some of their waits "
          "are for those.");
    for (const std::string& line : killings_) notes_.push_back(line);
    if (killed_by_control_ > 0)
      notes_.push_back(fmt::format("The control killed {} of {} consumers, the first by {:.0f} s.",
                                   killed_by_control_, consumers.consumers(), first_by_control_));
    for (const std::string& line : probes.notes()) notes_.push_back(line);
    for (const std::string& line : sampler.missing())
      notes_.push_back(fmt::format("Not measured here: {}.", line));
  }

  RunRequest request_;
  const ThrashPlan& plan_;
  const study::SampleSink& sink_;
  const std::function<void(double)>& progress_;
  const Cancel& cancel_;
  std::vector<std::string>& notes_;
  Bytes swap_used_;         // at most, since swap_used_since_
  Bytes swap_used_before_;  // at most, in the half second before that
  steady_clock::time_point swap_used_since_;
  std::size_t seen_killed_ = 0;        // of LiveConsumers::killed()
  std::vector<std::string> killings_;  // a sentence for each that the kernel killed
  std::size_t killed_by_control_ = 0;
  double first_by_control_ = 0;  // when, as scenarios have it
  RunRecord record_;
  steady_clock::time_point start_;
  steady_clock::time_point next_step_;
};

}  // namespace

Result<void> run_thrash(RunRequest request, const study::SampleSink& sink,
                        const std::function<void(double)>& progress, const Cancel& cancel,
                        std::vector<std::string>& notes) {
  return ThrashRun(std::move(request), sink, progress, cancel, notes).run();
}

}  // namespace brim::thrash::live
