// SPDX-License-Identifier: Apache-2.0
// From what a scenario says to what is simulated.
#include "share/model/share_area.h"
#include "share/model/tps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <fmt/format.h>

namespace brim::share::model {
namespace {

using study::Settings;

constexpr std::array<std::string_view, kPageClasses> kClassKeys{"kernel", "libraries", "page_cache",
                                                                "heap"};

// Sizes and rates of a study at a smaller scale.
class Scale {
 public:
  explicit Scale(double factor) : factor_(factor) {}
  [[nodiscard]] Pages pages(const Settings& settings, std::string_view key) const {
    return Pages(times(settings.get<Bytes>(key).count()) / kPageSize);
  }
  [[nodiscard]] Bytes bytes(const Settings& settings, std::string_view key) const {
    return Bytes(times(settings.get<Bytes>(key).count()));
  }
  // A number of pages a batch: none becomes none.
  [[nodiscard]] std::uint64_t batch(const Settings& settings, std::string_view key) const {
    const auto whole = settings.get<std::uint64_t>(key);
    return whole == 0 ? 0 : std::max<std::uint64_t>(1, times(whole));
  }
  [[nodiscard]] ModelTime time(const Settings& settings, std::string_view key) const {
    return ModelTime(static_cast<std::int64_t>(
        times(static_cast<std::uint64_t>(settings.get<std::chrono::nanoseconds>(key).count()))));
  }
  [[nodiscard]] double factor() const { return factor_; }

 private:
  [[nodiscard]] std::uint64_t times(std::uint64_t value) const {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(value) * factor_));
  }
  double factor_;
};

// The choice's place among its parameter's choices.
template <class Enum>
Enum chosen(const Settings& settings, std::string_view key) {
  const auto& value = settings.get<std::string>(key);
  const auto parameters = settings.parameters();
  const auto parameter =
      std::find_if(parameters.begin(), parameters.end(),
                   [key](const auto& candidate) { return candidate.key == key; });
  std::string_view choices = parameter->choices;
  for (std::uint8_t place = 0;; ++place) {
    const std::size_t comma = std::min(choices.find(','), choices.size());
    if (choices.substr(0, comma) == value) return static_cast<Enum>(place);
    BRIM_ASSERT(comma < choices.size());
    choices.remove_prefix(comma + 1);
  }
}

using Cost = std::chrono::duration<double, std::nano>;
Cost cost(const Settings& settings, std::string_view key) {
  return Cost(settings.get<double>(key));
}

HostShape host_shape(const study::Scenario& scenario, const Scale& scale) {
  const Settings& hardware = scenario.hardware;
  HostShape host;
  host.memory = scale.bytes(hardware, "memory");
  host.cores = hardware.get<std::uint64_t>("cores");
  host.own = scale.bytes(hardware, "own_memory");
  host.overhead_per_guest = scale.bytes(scenario.mechanism.settings, "overhead_per_guest");
  host.costs = {.visit = cost(hardware, "visit_ns"),
                .checksum = cost(hardware, "checksum_ns"),
                .comparison = cost(hardware, "comparison_ns"),
                .confirmation = cost(hardware, "confirmation_ns"),
                .merge = cost(hardware, "merge_ns")};
  host.copy_on_write = cost(hardware, "copy_on_write_ns");
  return host;
}

GuestShape guest_shape(const Settings& settings, const Scale& scale) {
  GuestShape shape;
  shape.family = settings.get<std::string>("family");
  shape.version = settings.get<std::string>("version");
  shape.memory = scale.pages(settings, "memory");
  shape.zero = scale.pages(settings, "zero_size");
  for (std::size_t i = 0; i < kPageClasses; ++i) {
    const std::string key(kClassKeys.at(i));
    ClassShape& pages = shape.classes.at(i);
    pages.pages = scale.pages(settings, key + "_size");
    pages.distinct = scale.pages(settings, key + "_distinct");
    pages.scope = chosen<Scope>(settings, key + "_scope");
    pages.writes = chosen<ClassWrites>(settings, key + "_writes");
    pages.written = settings.get<double>(key + "_written");
    pages.period = settings.get<std::chrono::nanoseconds>(key + "_period");
  }
  return shape;
}

SyntheticShape synthetic_shape(const Settings& settings, const Scale& scale) {
  return {.pages = scale.pages(settings, "size"),
          .write_rate = settings.get<double>("write_rate"),
          .pause = settings.get<std::chrono::nanoseconds>("pause"),
          .positions = chosen<SyntheticShape::Positions>(settings, "positions"),
          .contents = chosen<SyntheticShape::Contents>(settings, "contents"),
          .fill_pages_per_s = static_cast<double>(scale.bytes(settings, "fill_rate").count()) /
                              static_cast<double>(kPageSize),
          .write_cost = cost(settings, "write_ns") / scale.factor()};
}

Result<void> check_fits(const GuestPlan& plan, const std::string& name) {
  std::uint64_t classes = plan.shape.zero.count();
  for (const ClassShape& shape : plan.shape.classes) classes += shape.pages.count();
  const std::uint64_t memory = plan.shape.memory.count();
  const auto mebibytes = [](std::uint64_t pages) { return pages * kPageSize >> 20; };
  if (classes > memory)
    return fail(ErrorCode::bad_input,
                fmt::format("guest {}: its classes take {} MiB, its memory is {} MiB", name,
                            mebibytes(classes), mebibytes(memory)));
  const std::uint64_t load = plan.load ? plan.load->pages.count() : 0;
  if (load > memory - classes)
    return fail(ErrorCode::bad_input,
                fmt::format("guest {}: its load takes {} MiB, and its classes leave {} MiB", name,
                            mebibytes(load), mebibytes(memory - classes)));
  return {};
}

Result<std::vector<GuestPlan>> guest_plans(const study::Scenario& scenario, const Scale& scale) {
  std::vector<GuestPlan> plans;
  for (const study::GuestGroup& group : scenario.guests) {
    GuestPlan plan{guest_shape(group.settings, scale), std::nullopt};
    const study::Load* load = scenario.find_load(group.load);
    if (load != nullptr && load->family == "synthetic")
      plan.load = synthetic_shape(load->settings, scale);
    BRIM_CHECK(check_fits(plan, group.entry));
    plans.insert(plans.end(), group.count, plan);
  }
  return plans;
}

KsmKnobs ksm_knobs(const Settings& settings, const Scale& scale) {
  const auto sharing = static_cast<std::uint32_t>(settings.get<std::uint64_t>("max_page_sharing"));
  return {.pages_to_scan = scale.batch(settings, "pages_to_scan"),
          .sleep = settings.get<std::chrono::nanoseconds>("sleep"),
          .max_page_sharing = sharing == 0 ? KsmKnobs::kNoLimit : sharing,
          .use_zero_pages = settings.get<bool>("use_zero_pages"),
          .smart_scan = settings.get<bool>("smart_scan"),
          .checksum_first = settings.get<bool>("checksum_first")};
}

KsmtunedKnobs ksmtuned_knobs(const Settings& settings, const Scale& scale) {
  return {.monitor_interval = settings.get<std::chrono::nanoseconds>("monitor_interval"),
          .sleep = scale.time(settings, "tuned_sleep"),  // it grows as the host's memory shrinks
          .pages_boost = scale.batch(settings, "pages_boost"),
          .pages_decay = scale.batch(settings, "pages_decay"),
          .pages_min = scale.batch(settings, "pages_min"),
          .pages_max = scale.batch(settings, "pages_max"),
          .threshold_percent = settings.get<std::uint64_t>("threshold_percent")};
}

TpsKnobs tps_knobs(const study::Scenario& scenario, const Scale& scale) {
  const Settings& settings = scenario.mechanism.settings;
  const double cores = static_cast<double>(scenario.hardware.get<std::uint64_t>("cores"));
  return {.share_scan_time = settings.get<std::chrono::nanoseconds>("share_scan_time"),
          .share_scan_ghz = settings.get<double>("share_scan_ghz") * scale.factor(),
          .host_ghz = scenario.hardware.get<double>("ghz") * cores,
          .share_at_allocation = settings.get<bool>("share_at_allocation"),
          .order = chosen<TpsOrder>(settings, "scan_order"),
          .guest_large_pages = false};
}

void plan_mechanism(const study::Scenario& scenario, const Scale& scale, SimulationPlan& plan) {
  const Settings& settings = scenario.mechanism.settings;
  // At a smaller scale the same work takes as large a share of the processor.
  Costs costs = plan.host.costs;
  if (scenario.mechanism.family == "ksm") {
    plan.mechanism = [knobs = ksm_knobs(settings, scale), costs](SimulatedMemory& memory, Rng) {
      return std::make_unique<Ksm>(memory, knobs, costs);
    };
    if (settings.get<std::string>("tuner") == "ksmtuned")
      plan.ksmtuned = ksmtuned_knobs(settings, scale);
    plan.tuned_by_brim = settings.get<std::string>("tuner") == "brim";
  } else if (scenario.mechanism.family == "tps") {
    plan.mechanism = [knobs = tps_knobs(scenario, scale), costs](SimulatedMemory& memory, Rng rng) {
      return std::make_unique<Tps>(memory, knobs, costs, rng);
    };
  }
}

}  // namespace

Result<SimulationPlan> plan_simulation(const study::Scenario& scenario) {
  const Scale scale(scenario.study.get<double>("scale"));
  SimulationPlan plan;
  plan.host = host_shape(scenario, scale);
  const double factor = scale.factor();
  Costs& costs = plan.host.costs;
  for (Cost* each : {&costs.visit, &costs.checksum, &costs.comparison, &costs.confirmation,
                     &costs.merge, &plan.host.copy_on_write})
    *each /= factor;
  BRIM_TRY(plan.guests, guest_plans(scenario, scale));
  plan_mechanism(scenario, scale, plan);
  using std::chrono::nanoseconds;
  plan.times = {.warm_up = scenario.schedule.get<nanoseconds>("warm_up"),
                .duration = scenario.schedule.get<nanoseconds>("duration"),
                .sample_interval = scenario.schedule.get<nanoseconds>("sample_interval")};
  if (plan.times.sample_interval.count() == 0)
    return fail(ErrorCode::bad_input, "schedule.sample_interval is 0: it must be longer");
  return plan;
}

}  // namespace brim::share::model
