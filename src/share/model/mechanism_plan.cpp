// SPDX-License-Identifier: Apache-2.0
#include "share/model/mechanism_plan.h"

#include "share/model/cbps.h"
#include "share/model/content_mix.h"
#include "share/model/difference_engine.h"
#include "share/model/file_cache.h"
#include "share/model/ksm_settings.h"
#include "share/model/page_trimming.h"
#include "share/model/satori.h"
#include "share/model/tps.h"

#include <algorithm>
#include <array>

namespace brim::share::model {
namespace {

using study::Scenario;
using study::Settings;

const Settings& settings_of(const Scenario& scenario) { return scenario.mechanism.settings; }

KsmKnobs ksm_knobs(const Settings& settings, const Scale& scale) {
  const auto sharing = static_cast<std::uint32_t>(settings.get<std::uint64_t>("max_page_sharing"));
  return {.pages_to_scan = scale.batch(settings, "pages_to_scan"),
          .sleep = settings.get<std::chrono::nanoseconds>("sleep"),
          .max_page_sharing = sharing == 0 ? KsmKnobs::kNoLimit : sharing,
          .use_zero_pages = settings.get<bool>("use_zero_pages"),
          .smart_scan = settings.get<bool>("smart_scan"),
          .checksum_first = settings.get<bool>("checksum_first"),
          .advisor = ksm_advisor_of(settings, scale)};
}

void plan_ksm(const Scenario& scenario, const Scale& scale, SimulationPlan& plan) {
  const Settings& settings = settings_of(scenario);
  plan.mechanism = [knobs = ksm_knobs(settings, scale), costs = plan.host.costs](
                       SimulatedMemory& memory, Rng) {
    return std::make_unique<Ksm>(memory, knobs, costs);
  };
  plan.ksmtuned = ksmtuned_of(settings, scale);
  plan.tuned_by_brim = tuned_by_brim(settings);
}

TpsKnobs tps_knobs(const Scenario& scenario, const Scale& scale) {
  const Settings& settings = settings_of(scenario);
  const double cores = static_cast<double>(scenario.hardware.get<std::uint64_t>("cores"));
  return {.share_scan_time = settings.get<std::chrono::nanoseconds>("share_scan_time"),
          .share_scan_ghz = scale.rate(settings, "share_scan_ghz"),
          .host_ghz = scenario.hardware.get<double>("ghz") * cores,
          .share_at_allocation = settings.get<bool>("share_at_allocation"),
          .order = chosen<TpsOrder>(settings, "scan_order"),
          .guest_large_pages = settings.get<bool>("large_pages")};
}

void plan_tps(const Scenario& scenario, const Scale& scale, SimulationPlan& plan) {
  plan.mechanism = [knobs = tps_knobs(scenario, scale), costs = plan.host.costs](
                       SimulatedMemory& memory, const Rng& rng) {
    return std::make_unique<Tps>(memory, knobs, costs, rng);
  };
}

void plan_cbps(const Scenario& scenario, const Scale& scale, SimulationPlan& plan) {
  plan.mechanism = [rate = scale.rate(settings_of(scenario), "pages_per_s"),
                    costs = plan.host.costs](SimulatedMemory& memory, Rng) {
    return std::make_unique<Cbps>(memory, rate, costs);
  };
}

void plan_page_trimming(const Scenario& scenario, const Scale& scale, SimulationPlan& plan) {
  plan.mechanism = [rate = scale.rate(settings_of(scenario), "pages_per_s"),
                    costs = plan.host.costs](SimulatedMemory& memory, Rng) {
    return std::make_unique<PageTrimming>(memory, rate, costs);
  };
}

void plan_satori(const Scenario&, const Scale&, SimulationPlan& plan) {
  plan.mechanism = [costs = plan.host.costs](SimulatedMemory& memory, Rng) {
    return std::make_unique<Satori>(memory, costs);
  };
}

void plan_file_cache(const Scenario& scenario, const Scale&, SimulationPlan& plan) {
  const bool all = settings_of(scenario).get<std::string>("files") == "all";
  plan.mechanism = [all, costs = plan.host.costs](SimulatedMemory& memory, Rng) {
    const auto common = [all](Block block) {
      return class_of(block) == PageClass::libraries ||
             (all && class_of(block) == PageClass::page_cache);
    };
    return std::make_unique<FileCache>(memory, common, costs);
  };
}

ContentShares content_shares(const Settings& settings) {
  return {.similar = settings.get<double>("similar"),
          .similar_contents = static_cast<double>(settings.get<std::uint64_t>("similar_contents")),
          .patch = settings.get<Bytes>("patch_size"),
          .compressible = settings.get<double>("compressible"),
          .compressed = settings.get<Bytes>("compressed_size")};
}

void plan_difference_engine(const Scenario& scenario, const Scale& scale, SimulationPlan& plan) {
  const Settings& settings = settings_of(scenario);
  const double kept = settings.get<double>("kept_up_to") * static_cast<double>(kPageSize);
  const DifferenceEngineKnobs knobs{
      .pages_per_s = scale.rate(settings, "pages_per_s"),
      .patch_after = static_cast<std::uint8_t>(settings.get<std::uint64_t>("patch_after")),
      .compress_after = static_cast<std::uint8_t>(settings.get<std::uint64_t>("compress_after")),
      .kept_up_to = Bytes(static_cast<std::uint64_t>(kept))};
  std::shared_ptr<const ContentCatalogue> contents = plan.contents;
  if (!contents)
    contents = std::make_shared<const ContentMix>(content_shares(settings),
                                                  distinct_contents(plan.guests));
  plan.mechanism = [knobs, contents, costs = plan.host.costs](SimulatedMemory& memory, Rng) {
    return std::make_unique<DifferenceEngine>(memory, contents, knobs, costs);
  };
}

struct Planner {
  std::string_view family;
  void (*plan)(const Scenario&, const Scale&, SimulationPlan&);
  bool asks_for_contents = false;
};
constexpr std::array<Planner, 7> kPlanners{{
    {"cbps", plan_cbps},
    {"difference_engine", plan_difference_engine, true},
    {"file_cache", plan_file_cache},
    {"ksm", plan_ksm},
    {"page_trimming", plan_page_trimming},
    {"satori", plan_satori},
    {"tps", plan_tps},
}};

}  // namespace

// `none` has no planner: nothing is made.
void plan_mechanism(const Scenario& scenario, const Scale& scale, SimulationPlan& plan) {
  for (const Planner& planner : kPlanners)
    if (planner.family == scenario.mechanism.family) planner.plan(scenario, scale, plan);
}

bool asks_for_contents(const Scenario& scenario) {
  return std::ranges::any_of(kPlanners, [&](const Planner& planner) {
    return planner.asks_for_contents && planner.family == scenario.mechanism.family;
  });
}

}  // namespace brim::share::model
