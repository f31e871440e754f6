// SPDX-License-Identifier: Apache-2.0
// brim share plan: what brim would do about page sharing here and now, and why. Changes nothing.
#include "share/tune/share_plan.h"

#include "base/progress.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/policy_options.h"
#include "cli/session.h"
#include "cli/state.h"
#include "cli/word_table.h"
#include "guard/share_reader.h"
#include "share/measure/scan.h"
#include "share/measure/select.h"

#include <chrono>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

using report::Document;
using report::Section;
using share::tune::ShareHistory;
using share::tune::SharePlan;
using share::tune::SharePolicy;
using share::tune::ShareSnapshot;

// Between the two looks that tell how much is written to merged pages, and what a page costs.
constexpr auto kBetweenLooks = std::chrono::seconds(2);

struct SharePlanText {
  PolicyText policy;
  bool scan = false;
  Output output;
};

share::tune::Time clock_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

// The potential, of all and of each: reads the subjects' memory.
Result<void> add_potential(const host::Host& host, ShareSnapshot& snapshot) {
  share::Selection selection;
  for (const share::tune::Subject& subject : snapshot.subjects)
    selection.pids.push_back(subject.pid);
  if (selection.pids.empty()) return {};
  const StopOnSignal stop;
  BRIM_TRY(const share::Selected selected,
           share::select_subjects(host, selection, std::chrono::milliseconds(300), stop.cancel()));
  Progress bar(stderr, "Scanning", 0);
  const Rng rng(1);
  share::ScanOptions options;
  options.beyond = share::Beyond::none;
  BRIM_TRY(const share::ScanResult result,
           share::scan(selected.subjects, options, rng, bar, stop.cancel()));
  if (stop.cancel().requested()) return fail(ErrorCode::interrupted, "stopped");
  const auto bytes = [](const share::Estimate& intra, const share::Estimate& inter) {
    return bytes_of(Pages(static_cast<std::uint64_t>(intra.value + inter.value)));
  };
  const share::SizeResult& found = result.results.front();
  snapshot.potential =
      bytes(found.potential.intra_saving_pages, found.potential.inter_saving_pages);
  for (const share::SubjectResult& one : found.subjects)
    for (share::tune::Subject& subject : snapshot.subjects)
      if (one.pid == subject.pid && subject.details)
        subject.details->potential = bytes(one.intra_saving_pages, one.inter_saving_pages);
  return {};
}

nlohmann::json reckoning_json(const share::tune::Reckoning& reckoning) {
  return {{"saved_bytes", reckoning.saved.count()},
          {"new_bytes", reckoning.new_memory.count()},
          {"broken_bytes", reckoning.broken.count()},
          {"expected_gain_bytes", reckoning.gain.count()},
          {"expected_ksmd_seconds", std::chrono::duration<double>(reckoning.cost).count()},
          {"page_cost_ns", reckoning.cost_ns_per_page},
          {"missed_gib_s", reckoning.missed_gib_s},
          {"price_gib_s", reckoning.price_gib_s},
          {"memory_short", reckoning.memory_short}};
}

nlohmann::json plan_json(const SharePlan& plan, const SharePolicy& policy,
                         const ShareSnapshot& snapshot) {
  nlohmann::json json = {
      {"schema", "brim.share_plan/1"},
      {"goal", name_of(policy.goal)},
      {"phase", name_of(plan.phase)},
      {"reason", plan.reason},
      {"changes", nlohmann::json::array()},
      {"advice", nlohmann::json::array()},
      {"subjects", snapshot.subjects.size()},
      {"potential_bytes", nullptr},
      {"reckoning", reckoning_json(plan.reckoning)},
      {"reserve",
       {{"wanted_bytes", plan.reserve.wanted.count()},
        {"available_bytes", plan.reserve.available.count()},
        {"to_give_bytes", plan.reserve.to_give().count()}}},
      {"next_look_seconds", std::chrono::duration<double>(plan.next_look).count()}};
  if (snapshot.potential) json["potential_bytes"] = snapshot.potential->count();
  for (const share::tune::KnobChange& change : plan.changes)
    json["changes"].push_back(
        {{"knob", change.knob}, {"value", change.value}, {"reason", change.reason}});
  for (const share::tune::Advice& advice : plan.advice)
    json["advice"].push_back({{"pid", advice.pid},
                              {"name", advice.name},
                              {"reason", advice.reason},
                              {"how", advice.how}});
  return json;
}

Section changes_section(const SharePlan& plan) {
  WordTable table{"changes",
                  "What brim guard --act would set",
                  "Knobs",
                  {{"knob", "/sys/kernel/mm/ksm/"}, {"value", "value"}, {"reason", "reason"}},
                  {}};
  for (const share::tune::KnobChange& change : plan.changes)
    table.rows.push_back({change.knob, change.value, change.reason});
  return section_of(table);
}

Section advice_section(const SharePlan& plan) {
  WordTable table{"advice",
                  "What should not be merged",
                  "VMs",
                  {{"name", "VM or process"}, {"pid", "pid"}, {"reason", "reason"}, {"how", "how"}},
                  {}};
  for (const share::tune::Advice& advice : plan.advice)
    table.rows.push_back({advice.name, std::to_string(advice.pid), advice.reason, advice.how});
  return section_of(table);
}

std::string reserve_words(const share::tune::Reserve& reserve) {
  if (reserve.short_of())
    return fmt::format(
        "Headroom is short: guests that write to merged pages may take {}, and {} are available.",
        human_bytes(reserve.wanted), human_bytes(reserve.available));
  return fmt::format("{} can be given to further guests: {} are available, {} are kept back.",
                     human_bytes(reserve.to_give()), human_bytes(reserve.available),
                     human_bytes(reserve.wanted));
}

Document plan_document(const SharePlan& plan, const SharePolicy& policy,
                       const ShareSnapshot& snapshot, const guard::ShareReader& reader) {
  Document document;
  document.title = "What to do about page sharing";
  document.provenance = Provenance::computed;
  document.json = plan_json(plan, policy, snapshot);
  document.answer.push_back(
      fmt::format("ksmd should be {}: {}.", name_of(plan.phase), plan.reason));
  document.answer.push_back(fmt::format("KSM saves about {} of {} processes' memory now.",
                                        human_bytes(plan.reckoning.saved),
                                        snapshot.subjects.size()));
  if (snapshot.potential)
    document.answer.push_back(
        fmt::format("One copy of each content would free {}.", human_bytes(*snapshot.potential)));
  document.answer.push_back(reserve_words(plan.reserve));
  if (plan.changes.empty()) document.answer.emplace_back("No knob needs to be changed.");
  if (reader.rival())
    document.warnings.push_back(fmt::format(
        "{} sets KSM's knobs, too; brim guard --act refuses to start beside it.", *reader.rival()));
  for (const Error& problem : reader.problems())
    document.warnings.push_back("Not read: " + error_line(problem) + ".");
  document.json["warnings"] = document.warnings;
  if (!plan.changes.empty()) document.sections.push_back(changes_section(plan));
  if (!plan.advice.empty()) document.sections.push_back(advice_section(plan));
  return document;
}

Result<int> share_plan(const Session& session, const SharePlanText& typed) {
  BRIM_CHECK(check_output(typed.output));
  BRIM_TRY(const host::Host host, open_host(session));
  BRIM_TRY(const SharePolicy policy, share_policy(host, typed.policy));
  if (typed.scan && !host.live())
    return fail(ErrorCode::bad_input, "only a live host's memory can be read", "--scan");
  BRIM_TRY(guard::ShareReader reader, guard::ShareReader::open(host));
  ShareHistory history;
  if (host.live()) {
    BRIM_TRY(const ShareSnapshot first, reader.look());
    history.progress = first.progress;
    history.broken_settled = first.progress.broken;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  BRIM_TRY(ShareSnapshot snapshot, reader.look_closely());
  if (typed.scan) BRIM_CHECK(add_potential(host, snapshot));
  const SharePlan plan = share::tune::plan(snapshot, history, policy, clock_now());
  BRIM_CHECK(write_document(plan_document(plan, policy, snapshot, reader), typed.output));
  return 0;
}

}  // namespace

void add_share_plan(CLI::App& area, Session& session) {
  CLI::App* command =
      area.add_subcommand("plan", "What KSM should do here, at which rate, and for which VMs");
  auto typed = std::make_shared<SharePlanText>();
  declare_policy(*command, typed->policy);
  command->add_flag("--scan", typed->scan,
                    "Read the memory first: what it could share bounds what is expected");
  add_output_options(*command, typed->output);
  command->footer(
      "Looks for two seconds and changes nothing; 'brim guard --act' does what it says.\n"
      "Example:\n  sudo brim share plan\n  sudo brim share plan --set share.goal=pressure");
  command->callback([&session, typed] {
    session.action = [&session, typed] { return share_plan(session, *typed); };
  });
}

}  // namespace brim::cli
