// SPDX-License-Identifier: Apache-2.0
// From what a scenario says to what is simulated.
#include "share/model/mechanism_plan.h"
#include "share/model/scale.h"
#include "share/model/share_area.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

namespace brim::share::model {
namespace {

using study::Settings;

constexpr std::array<std::string_view, kPageClasses> kClassKeys{"kernel", "libraries", "page_cache",
                                                                "heap"};

HostShape host_shape(const study::Scenario& scenario, const Scale& scale) {
  const Settings& hardware = scenario.hardware;
  HostShape host;
  host.memory = scale.bytes(hardware, "memory");
  host.cores = hardware.get<std::uint64_t>("cores");
  host.own = scale.bytes(hardware, "own_memory");
  host.overhead_per_guest = scale.bytes(scenario.mechanism.settings, "overhead_per_guest");
  host.pressure_below = Bytes(static_cast<std::uint64_t>(hardware.get<double>("pressure_below") *
                                                         static_cast<double>(host.memory.count())));
  host.costs = {.visit = scale.cost(hardware, "visit_ns"),
                .checksum = scale.cost(hardware, "checksum_ns"),
                .comparison = scale.cost(hardware, "comparison_ns"),
                .confirmation = scale.cost(hardware, "confirmation_ns"),
                .merge = scale.cost(hardware, "merge_ns"),
                .lookup = scale.cost(hardware, "lookup_ns"),
                .large_break = scale.cost(hardware, "large_break_ns"),
                .patch = scale.cost(hardware, "patch_ns"),
                .compression = scale.cost(hardware, "compression_ns")};
  host.copy_on_write = scale.cost(hardware, "copy_on_write_ns");
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
    pages.read = settings.get<double>(key + "_read");
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
          .write_cost = scale.cost(settings, "write_ns")};
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
    if (load != nullptr && (load->family == "mariadb" || load->family == "compile"))
      return fail(ErrorCode::bad_input,
                  fmt::format("there is no model of {}: it runs live alone", load->family),
                  fmt::format("loads.{}", load->name));
    if (load != nullptr && load->family == "synthetic")
      plan.load = synthetic_shape(load->settings, scale);
    BRIM_CHECK(check_fits(plan, group.entry));
    plans.insert(plans.end(), group.count, plan);
  }
  return plans;
}

bool says_what_it_holds(const study::GuestGroup& group) {
  const auto some = [&group](const std::string& key) {
    return group.settings.get<Bytes>(key).count() > 0;
  };
  if (!group.entry.empty() || some("zero_size")) return true;
  return std::any_of(kClassKeys.begin(), kClassKeys.end(),
                     [&some](std::string_view key) { return some(std::string(key) + "_size"); });
}

Result<void> check_populations(const study::Scenario& scenario) {
  for (std::size_t number = 0; number < scenario.guests.size(); ++number) {
    const study::GuestGroup& group = scenario.guests[number];
    if (group.settings.get<std::string>("kind") != "running" || says_what_it_holds(group)) continue;
    return fail(ErrorCode::bad_input,
                "the model can't look into a machine that runs: entry = \"...\" says what stands "
                "for it ('brim share fit' makes one), or --live studies it",
                fmt::format("guests.{}", number));
  }
  return {};
}

}  // namespace

Result<SimulationPlan> plan_simulation(const study::Scenario& scenario,
                                       const MemoryImages& images) {
  const Scale scale(scenario.study.get<double>("scale"));
  SimulationPlan plan;
  plan.host = host_shape(scenario, scale);
  if (images.all.empty()) BRIM_CHECK(check_populations(scenario));
  BRIM_TRY(plan.guests, guest_plans(scenario, scale));
  if (!images.all.empty()) {
    BRIM_TRY(plan.guests, guests_of(images.all, scenario));
    plan.contents = images.contents;
  }
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
