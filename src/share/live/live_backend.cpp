// SPDX-License-Identifier: Apache-2.0
#include "share/live/live_backend.h"

#include "share/live/ksm_control.h"
#include "share/live/live_sampler.h"
#include "share/live/running_guest.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

namespace brim::share::live {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// A short path: QEMU's sockets are in it, and theirs may have 107 bytes.
class Scratch {
 public:
  static Result<Scratch> make() {
    Scratch scratch;
    scratch.path_ = "/tmp/brim-study-XXXXXX";
    if (::mkdtemp(scratch.path_.data()) == nullptr)
      return fail(errno_error(errno, "make a folder", std::exchange(scratch.path_, {})));
    return scratch;
  }
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Scratch() = default;
  std::string path_;
};

// One point, once.
class LiveRun {
 public:
  LiveRun(const host::Host& host, const LivePlan& plan, const LivePlaces& places,
          const MakeLiveTuner& make_tuner, const Rng& rng, const study::SampleSink& sink,
          const std::function<void(double)>& progress, const Cancel& cancel)
      : host_(host),
        plan_(plan),
        places_(places),
        make_tuner_(make_tuner),
        sink_(sink),
        progress_(progress),
        cancel_(cancel),
        sampler_(host, rng) {}

  Result<void> run() {
    BRIM_TRY(KsmControl ksm, KsmControl::take(host_, places_.journal, plan_.ksm));
    if (plan_.ksm.tuned_by_brim) {
      BRIM_TRY(auto tuner, make_tuner_(host_, plan_.speed));
      ksm.use_tuner(std::move(tuner));
    }
    Result<void> outcome = study(ksm);
    guests_.clear();
    BRIM_CHECK(ksm.end(host_));
    return outcome;
  }

 private:
  Result<void> study(KsmControl& ksm) {
    BRIM_TRY(const Scratch scratch, Scratch::make());
    Result<void> result = study_in(scratch.path(), ksm);
    // A machine that ended explains whatever failed over it.
    if (!result && result.error().code != ErrorCode::interrupted)
      if (auto there = all_there(); !there) result = std::move(there);
    guests_.clear();  // before the folder they are in
    return result;
  }

  Result<void> study_in(const std::string& scratch, KsmControl& ksm) {
    for (const LiveGuestPlan& guest : plan_.guests) {
      BRIM_TRY(guests_.emplace_back(), start_guest(host_, guest, places_, scratch));
    }
    BRIM_CHECK(wait_for_guests(scratch));
    BRIM_CHECK(ksm.begin());
    BRIM_CHECK(sampler_.begin(guests_));
    start_ = steady_clock::now();
    BRIM_CHECK(wait_until(start_ + plan_.warm_up, ksm));
    start_ = steady_clock::now();
    BRIM_CHECK(look(nanoseconds(0), nanoseconds(0) == plan_.duration, ksm));
    for (const auto& guest : guests_) BRIM_CHECK(guest->start_load());
    // When a look takes longer than an interval, those it ran into are left out.
    for (nanoseconds t = next_after(nanoseconds(0)); t <= plan_.duration; t = next_after(t)) {
      BRIM_CHECK(wait_until(start_ + t, ksm));
      BRIM_CHECK(look(t, t == plan_.duration, ksm));
    }
    return {};
  }

  [[nodiscard]] Result<void> all_there() const {
    for (const auto& guest : guests_)
      if (guest) BRIM_CHECK(guest->still_there());
    return {};
  }

  [[nodiscard]] nanoseconds next_after(nanoseconds t) const {
    if (t == plan_.duration) return plan_.duration + plan_.sample_interval;  // all done
    const nanoseconds interval = plan_.sample_interval;
    const nanoseconds now = steady_clock::now() - start_;
    const nanoseconds next = std::max(t + interval, (now / interval + 1) * interval);
    return std::min(next, plan_.duration);
  }

  Result<void> look(nanoseconds t, bool last, const KsmControl& ksm) {
    const double part = plan_.duration.count() == 0 ? 1 : duration<double>(t) / plan_.duration;
    const double seconds = duration<double>(t).count() * plan_.speed;
    BRIM_CHECK(all_there());
    BRIM_CHECK(sampler_.sample(guests_, seconds, sink_));
    tell_tuner(ksm, seconds);
    if (last)
      for (const auto& guest : guests_) BRIM_CHECK(guest->pause());
    if (plan_.scan == ScanTimes::every_sample || (last && plan_.scan == ScanTimes::at_end))
      BRIM_CHECK(sampler_.scan(guests_, seconds, sink_, cancel_));
    progress_(part);
    return all_there();  // one that ended meanwhile was read in part
  }

  void tell_tuner(const KsmControl& ksm, double seconds) {
    const auto used = ksm.tuner_time();
    if (!used) return;
    const auto now = steady_clock::now();
    if (tuner_told_)
      sink_("share.tuner_cpu_percent", "", seconds,
            100 * duration<double>(*used - tuner_told_->used) /
                duration<double>(now - tuner_told_->at));
    tuner_told_ = TunerTime{now, *used};
  }

  // On a busy host an emulated machine's kernel now and then gives up while it boots, over timers
  // that come late: it is started again.
  Result<void> wait_for_guests(const std::string& scratch) {
    const auto deadline = steady_clock::now() + plan_.boot_timeout;
    for (std::size_t i = 0; i < guests_.size(); ++i) {
      constexpr int kTries = 3;
      Result<void> booted = wait_for(*guests_[i], deadline);
      for (int tries = 1; !booted && booted.error().code == ErrorCode::gone && tries < kTries;
           ++tries) {
        guests_[i].reset();
        BRIM_TRY(guests_[i], start_guest(host_, plan_.guests[i], places_, scratch));
        booted = wait_for(*guests_[i], deadline);
      }
      BRIM_CHECK(booted);
    }
    return {};
  }

  Result<void> wait_for(LiveGuest& guest, steady_clock::time_point deadline) {
    constexpr auto kSlice = milliseconds(2000);
    for (;;) {
      BRIM_TRY(const bool ready, guest.ready(kSlice));
      if (ready) return {};
      if (cancel_.requested()) return fail(ErrorCode::interrupted, "interrupted");
      if (steady_clock::now() >= deadline)
        return fail(ErrorCode::io,
                    "it was not ready in time; with live.boot_timeout it gets longer",
                    guest.name());
    }
  }

  // KSM's rule goes on meanwhile.
  Result<void> wait_until(steady_clock::time_point when, KsmControl& ksm) {
    constexpr auto kSlice = milliseconds(50);
    for (;;) {
      if (cancel_.requested()) return fail(ErrorCode::interrupted, "interrupted");
      const auto now = steady_clock::now();
      if (ksm.tuned() && now >= next_tuning_) {
        BRIM_TRY(const nanoseconds next, ksm.tune(host_, guests_));
        next_tuning_ = now + next;
      }
      if (now >= when) return {};
      const auto until = ksm.tuned() ? std::min(when, next_tuning_) : when;
      std::this_thread::sleep_for(std::min<nanoseconds>(until - now, kSlice));
    }
  }

  const host::Host& host_;
  const LivePlan& plan_;
  const LivePlaces& places_;
  const MakeLiveTuner& make_tuner_;
  const study::SampleSink& sink_;
  const std::function<void(double)>& progress_;
  const Cancel& cancel_;
  LiveSampler sampler_;
  std::vector<std::unique_ptr<LiveGuest>> guests_;
  steady_clock::time_point start_;
  steady_clock::time_point next_tuning_;
  struct TunerTime {
    steady_clock::time_point at;
    nanoseconds used;
  };
  std::optional<TunerTime> tuner_told_;  // at the sample before
};

class LiveBackend final : public study::Backend {
 public:
  LiveBackend(const host::Host& host, LivePlaces places, MakeLiveTuner make_tuner)
      : host_(host), places_(std::move(places)), make_tuner_(std::move(make_tuner)) {}

  [[nodiscard]] Provenance provenance() const override { return Provenance::measured; }
  [[nodiscard]] bool concurrent() const override { return false; }
  [[nodiscard]] Result<void> check(const study::Scenario& scenario) const override {
    BRIM_TRY(const LivePlan plan, plan_live(scenario));
    return check_live(host_, plan, places_);
  }
  [[nodiscard]] std::vector<std::string> notes(const study::Scenario& scenario) const override {
    auto plan = plan_live(scenario);
    if (!plan) return {};
    // A machine may be gone by now: what is known without it is told.
    if (auto found = find_running_guests(host_, *plan)) plan = std::move(found);
    std::vector<std::string> notes = plan->notes;
    const std::vector<std::string> ksm = ksm_notes(host_, *plan);
    notes.insert(notes.end(), ksm.begin(), ksm.end());
    return notes;
  }
  [[nodiscard]] Result<void> run(const study::Scenario& scenario, const Rng& rng,
                                 const study::SampleSink& sink,
                                 const std::function<void(double)>& progress,
                                 const Cancel& cancel) const override {
    BRIM_TRY(LivePlan planned, plan_live(scenario));
    BRIM_CHECK(check_live(host_, planned, places_));
    BRIM_TRY(const LivePlan plan, find_running_guests(host_, std::move(planned)));
    return LiveRun(host_, plan, places_, make_tuner_, rng, sink, progress, cancel).run();
  }

 private:
  const host::Host& host_;
  LivePlaces places_;
  MakeLiveTuner make_tuner_;
};

}  // namespace

std::unique_ptr<study::Backend> make_live_backend(const host::Host& host, LivePlaces places,
                                                  MakeLiveTuner make_tuner) {
  return std::make_unique<LiveBackend>(host, std::move(places), std::move(make_tuner));
}

}  // namespace brim::share::live
