// SPDX-License-Identifier: Apache-2.0
#include "share/model/host_simulation.h"

#include <algorithm>
#include <map>
#include <utility>

namespace brim::share::model {
namespace {

constexpr ModelTime kStep = std::chrono::milliseconds(500);

class NoSharing final : public Mechanism {
 public:
  void add(SimulatedMemory::Range) override {}
  void run(ModelTime) override {}
  [[nodiscard]] const Work& work() const override { return work_; }

 private:
  Work work_;
};

}  // namespace

std::uint64_t distinct_contents(const std::vector<GuestPlan>& guests) {
  std::map<std::uint64_t, std::uint64_t> of_key;
  bool load = false;
  for (std::uint64_t number = 0; number < guests.size(); ++number) {
    const GuestPlan& plan = guests[number];
    for (std::size_t i = 0; i < kPageClasses; ++i) {
      std::uint64_t& known = of_key[plan.shape.contents_key(static_cast<PageClass>(i), number)];
      known = std::max(known, distinct_pages(plan.shape.classes.at(i)).count());
    }
    load |= plan.load.has_value();
  }
  std::uint64_t sum = load ? 1 : 0;  // of loads that have one content for all
  for (const auto& [key, distinct] : of_key) sum += distinct;
  return sum;
}

HostSimulation::HostSimulation(const HostShape& host, const std::vector<GuestPlan>& guests,
                               const MakeMechanism& make_mechanism, const Rng& rng)
    : host_(host), rng_(rng) {
  if (make_mechanism) mechanism_ = make_mechanism(memory_, rng.split("mechanism"));
  if (!mechanism_) mechanism_ = std::make_unique<NoSharing>();
  ksm_ = dynamic_cast<Ksm*>(mechanism_.get());
  tps_ = dynamic_cast<const Tps*>(mechanism_.get());
  writer_ = std::make_unique<GuestWriter>(memory_, *mechanism_);
  guests_.reserve(guests.size());
  for (const GuestPlan& plan : guests) {
    const SimulatedMemory::Range pages = memory_.add_guest(plan.shape.memory);
    mechanism_->add(pages);
    guest_pages_.push_back(pages);
    const std::uint64_t number = guests_.size();
    guests_.emplace_back(plan.shape, pages, number, *writer_, rng.split("guest", number));
    plans_.push_back(plan.load);
    images_.push_back(plan.image);
  }
}

HostSimulation::~HostSimulation() = default;

void HostSimulation::use_ksmtuned(const KsmtunedKnobs& knobs) {
  BRIM_ASSERT(ksm_ != nullptr);
  tuner_.emplace(knobs, host_.memory);
  scanning_ = false;
  next_tuning_ = tuner_->monitor_interval();
}

void HostSimulation::use_tuner(std::unique_ptr<KsmTuner> tuner) {
  BRIM_ASSERT(ksm_ != nullptr && tuner != nullptr);
  other_tuner_ = std::move(tuner);
  scanning_ = false;
}

Bytes HostSimulation::with_overhead(Bytes guests) const {
  return Bytes(guests.count() + host_.overhead_per_guest.count() * guests_.size());
}

HostMemory HostSimulation::host_memory() const {
  const auto& totals = memory_.totals();
  const std::uint64_t used = host_.own.count() + with_overhead(totals.used()).count();
  return {.total = host_.memory,
          .free = Bytes(host_.memory.count() - std::min(host_.memory.count(), used)),
          .committed = with_overhead(Bytes(totals.present_pages() * kPageSize))};
}

void HostSimulation::tell_pressure() {
  mechanism_->set_pressure(host_memory().free < host_.pressure_below);
}

KsmView HostSimulation::ksm_view() const {
  return {.running = scanning_,
          .knobs = ksm_->knobs(),
          .counters = ksm_->counters(),
          .scanned = Pages(ksm_->work().visits),
          .broken = Pages(memory_.totals().copies_on_write),
          .ksmd_cpu = ksm_->cpu_time(),
          .memory = host_memory(),
          .guests = Bytes(memory_.totals().present_pages() * kPageSize)};
}

void HostSimulation::tune(ModelTime now) {
  if (now < next_tuning_) return;
  if (other_tuner_) {
    const KsmOrder order = other_tuner_->adjust(ksm_view(), now);
    scanning_ = order.run;
    KsmKnobs knobs = ksm_->knobs();
    knobs.pages_to_scan = order.pages_to_scan;
    knobs.sleep = order.sleep;
    ksm_->set(knobs);
    next_tuning_ = now + std::max(order.next_look, ModelTime(1));
    return;
  }
  if (!tuner_) return;
  next_tuning_ += tuner_->monitor_interval();
  const Ksmtuned::Order order = tuner_->adjust(host_memory());
  scanning_ = order.run;
  if (!order.run) return;
  KsmKnobs knobs = ksm_->knobs();
  knobs.pages_to_scan = order.pages_to_scan;
  knobs.sleep = order.sleep;
  ksm_->set(knobs);
}

void HostSimulation::boot() {
  for (std::size_t i = 0; i < guests_.size(); ++i) {
    guests_[i].boot();
    if (!images_[i]) continue;
    Page page = guest_pages_[i].first;
    for (const Content content : *images_[i]) writer_->write(page++, content);
  }
}

// One step, or what is left of one.
void HostSimulation::advance(ModelTime until) {
  for (Guest& guest : guests_) guest.run(until);
  for (const auto& load : loads_)
    if (load) load->run(until);
  tell_pressure();
  if (scanning_)
    mechanism_->run(until - paused_);
  else
    paused_ += until - now_;
  now_ = until;
  tune(now_);
}

HostSample HostSimulation::sample(ModelTime now) {
  HostSample sample;
  sample.at = now - loads_start_;
  sample.memory = memory_.totals();
  sample.ram = with_overhead(sample.memory.used());
  sample.work = mechanism_->work();
  const double mechanism = host_.costs.of(sample.work).count();
  const std::uint64_t faults = sample.memory.copies_on_write + sample.memory.patched_restored +
                               sample.memory.compressed_restored;
  double all = mechanism + host_.copy_on_write.count() * static_cast<double>(faults);
  for (const auto& load : loads_) {
    if (!load) continue;
    all += static_cast<double>(load->cpu_time().count());
    sample.load_writes += load->writes();
  }
  const double passed = static_cast<double>((now - sampled_at_).count());
  if (passed > 0) {
    sample.mechanism_cpu_percent = 100 * (mechanism - mechanism_cpu_ns_) / passed;
    sample.host_cpu_percent = 100 * (all - all_cpu_ns_) / passed / static_cast<double>(host_.cores);
  }
  sampled_at_ = now;
  mechanism_cpu_ns_ = mechanism;
  all_cpu_ns_ = all;
  if (ksm_ != nullptr) {
    sample.ksm = ksm_->counters();
    sample.ksm_pages_to_scan = ksm_->knobs().pages_to_scan;
  }
  if (tps_ != nullptr) sample.pshare = tps_->pshare();
  return sample;
}

SharingPotential HostSimulation::potential() const {
  std::uint64_t zero = 0;
  std::uint64_t used = 0;
  std::vector<Content> distinct;  // of each guest, all in one
  for (const SimulatedMemory::Range& pages : guest_pages_) {
    const auto first = static_cast<std::ptrdiff_t>(distinct.size());
    for (Page page = pages.first; page < pages.end; ++page) {
      if (!memory_.present(page)) continue;
      const Content content = memory_.content(page);
      if (content == kZeroContent) {
        ++zero;
        continue;
      }
      ++used;
      distinct.push_back(content);
    }
    std::sort(distinct.begin() + first, distinct.end());
    distinct.erase(std::unique(distinct.begin() + first, distinct.end()), distinct.end());
  }
  const std::uint64_t of_guests = distinct.size();
  std::sort(distinct.begin(), distinct.end());
  const auto minimum =
      static_cast<std::uint64_t>(std::unique(distinct.begin(), distinct.end()) - distinct.begin());
  return {.zero = Pages(zero),
          .used = Pages(used),
          .minimum = Pages(minimum),
          .intra = Pages(used - of_guests),
          .inter = Pages(of_guests - minimum)};
}

Result<void> HostSimulation::run(const SimulationTimes& times, const Sink& sink,
                                 const std::function<void(double)>& step, const Cancel& cancel) {
  boot();
  loads_start_ = times.warm_up;
  const ModelTime end = times.warm_up + times.duration;
  const auto go_to = [&](ModelTime until) -> Result<void> {
    while (now_ < until) {
      if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
      const ModelTime step_end = std::min(until, now_ + kStep);
      advance(other_tuner_ ? std::min(step_end, std::max(next_tuning_, now_ + ModelTime(1)))
                           : step_end);
      BRIM_CHECK(mechanism_->check());
      step(static_cast<double>(now_.count()) /
           static_cast<double>(std::max<std::int64_t>(1, end.count())));
    }
    return {};
  };
  BRIM_CHECK(go_to(times.warm_up));
  sink(sample(now_));
  for (std::size_t i = 0; i < guests_.size(); ++i) {
    loads_.push_back(plans_[i] ? make_synthetic_load(*plans_[i], guests_[i], *writer_, now_,
                                                     rng_.split("load", i))
                               : nullptr);
  }
  for (ModelTime at = times.sample_interval; at <= times.duration; at += times.sample_interval) {
    BRIM_CHECK(go_to(times.warm_up + at));
    sink(sample(now_));
  }
  return {};
}

}  // namespace brim::share::model
