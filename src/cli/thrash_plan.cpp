// SPDX-License-Identifier: Apache-2.0
// brim thrash plan: whether this host thrashes, and what brim would do about it. Changes nothing.
#include "thrash/tune/thrash_plan.h"

#include "base/text.h"
#include "cli/policy_options.h"
#include "cli/session.h"
#include "cli/state.h"
#include "cli/word_table.h"
#include "guard/thrash_reader.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

using report::Document;
using report::Section;
using thrash::tune::DomainPlan;
using thrash::tune::DomainState;
using thrash::tune::TaskId;
using thrash::tune::ThrashPlan;
using thrash::tune::ThrashPolicy;
using thrash::tune::ThrashSnapshot;

// Two looks with signs after one to count from.
constexpr int kLooks = 3;
constexpr auto kBetweenThrashLooks = std::chrono::seconds(1);

struct ThrashPlanText {
  PolicyText policy;
  std::string scope;
  Output output;
};

using Names = std::map<TaskId, std::string>;

Names names_in(const ThrashSnapshot& snapshot) {
  Names names;
  for (const auto& domain : snapshot.domains)
    for (const auto& task : domain.tasks) names.emplace(task.id, task.name);
  return names;
}

// It is dealt with, or can't be: the notes say why.
bool thrashes(const DomainPlan& plan) {
  return plan.state == DomainState::turns || !plan.notes.empty();
}

nlohmann::json tasks_json(const std::vector<TaskId>& tasks, const Names& names) {
  nlohmann::json list = nlohmann::json::array();
  for (const TaskId& id : tasks) list.push_back({{"pid", id.number}, {"name", names.at(id)}});
  return list;
}

nlohmann::json number_or_null(const std::optional<double>& number) {
  return number ? nlohmann::json(*number) : nlohmann::json(nullptr);
}

nlohmann::json domain_json(const DomainPlan& plan, std::size_t tasks, const Names& names) {
  nlohmann::json json = {
      {"name", plan.name},
      {"thrashes", thrashes(plan)},
      {"state", name_of(plan.state)},
      {"reason", plan.reason},
      {"tasks", tasks},
      {"demand_bytes", plan.signs.demand.count()},
      {"room_bytes", plan.signs.room.count()},
      {"stalled_percent", number_or_null(plan.signs.stalled_percent)},
      {"fully_stalled_percent", number_or_null(plan.signs.fully_stalled_percent)},
      {"read_back_per_s", number_or_null(plan.signs.read_back_per_s)},
      {"progress_percent", number_or_null(plan.signs.progress_percent)},
      {"slice_seconds", std::chrono::duration<double>(plan.slice).count()},
      {"groups", nlohmann::json::array()},
      {"notes", plan.notes}};
  for (const auto& group : plan.groups)
    json["groups"].push_back({{"tasks", tasks_json(group.tasks, names)},
                              {"need_bytes", group.need.count()},
                              {"too_large", group.too_large}});
  return json;
}

nlohmann::json thrash_plan_json(const ThrashPlan& plan, const ThrashSnapshot& snapshot,
                                const Names& names) {
  nlohmann::json json = {{"schema", "brim.thrash_plan/1"},
                         {"domains", nlohmann::json::array()},
                         {"actions", nlohmann::json::array()}};
  for (std::size_t i = 0; i < plan.domains.size(); ++i)
    json["domains"].push_back(
        domain_json(plan.domains[i], snapshot.domains[i].tasks.size(), names));
  for (const auto& action : plan.actions)
    json["actions"].push_back({{"act", name_of(action.act)},
                               {"domain", action.domain},
                               {"tasks", tasks_json(action.tasks, names)},
                               {"reason", action.reason}});
  return json;
}

std::string said(const std::vector<TaskId>& tasks, const Names& names) {
  std::vector<std::string> words;
  words.reserve(tasks.size());
  for (const TaskId& id : tasks) words.push_back(fmt::format("{} ({})", names.at(id), id.number));
  return fmt::format("{}", fmt::join(words, ", "));
}

Section domains_section(const ThrashPlan& plan) {
  WordTable table{"domains",
                  "What is seen",
                  "Where memory has a bound of its own",
                  {{"name", "host or cgroup"}, {"thrashes", "thrashes"}, {"reason", "why"}},
                  {}};
  for (const DomainPlan& one : plan.domains)
    table.rows.push_back({one.name, thrashes(one) ? "yes" : "no", one.reason});
  return section_of(table);
}

Section groups_section(const ThrashPlan& plan, const Names& names) {
  WordTable table{"groups",
                  "Who would take turns",
                  "Groups, the one that runs first",
                  {{"domain", "host or cgroup"}, {"tasks", "tasks (pid)"}, {"need", "need"}},
                  {}};
  for (const DomainPlan& one : plan.domains)
    for (const auto& group : one.groups)
      table.rows.push_back({one.name, said(group.tasks, names), human_bytes(group.need)});
  return section_of(table);
}

Section actions_section(const ThrashPlan& plan, const Names& names) {
  WordTable table{"actions",
                  "What brim guard --act would do now",
                  "In this order",
                  {{"act", "act"}, {"tasks", "tasks (pid)"}, {"reason", "reason"}},
                  {}};
  for (const auto& action : plan.actions)
    table.rows.push_back(
        {std::string(name_of(action.act)), said(action.tasks, names), action.reason});
  return section_of(table);
}

Document thrash_plan_document(const ThrashPlan& plan, const ThrashSnapshot& snapshot,
                              const ThrashPolicy& policy, const std::vector<Error>& problems) {
  const Names names = names_in(snapshot);
  Document document;
  document.title = "What to do against thrashing";
  document.provenance = Provenance::computed;
  document.json = thrash_plan_json(plan, snapshot, names);
  bool any = false;
  for (const DomainPlan& one : plan.domains) {
    if (!thrashes(one)) continue;
    any = true;
    document.answer.push_back(fmt::format("{} thrashes: {}.", one.name, one.reason));
    if (!one.groups.empty())
      document.answer.push_back(fmt::format(
          "{} groups would take turns of {:.1f} s; nothing is to stand still longer than "
          "{:.0f} s.",
          one.groups.size(), std::chrono::duration<double>(one.slice).count(),
          std::chrono::duration<double>(policy.most_wait).count()));
    for (const std::string& note : one.notes) document.answer.push_back(note + ".");
  }
  if (!any) document.answer.emplace_back("Nothing thrashes here; there is nothing to do.");
  for (const Error& problem : problems)
    document.warnings.push_back("Not read: " + error_line(problem) + ".");
  document.json["warnings"] = document.warnings;
  document.sections.push_back(domains_section(plan));
  if (any) document.sections.push_back(groups_section(plan, names));
  if (!plan.actions.empty()) document.sections.push_back(actions_section(plan, names));
  return document;
}

Result<int> thrash_plan(const Session& session, const ThrashPlanText& typed) {
  BRIM_CHECK(check_output(typed.output));
  BRIM_TRY(const host::Host host, open_host(session));
  PolicyText text = typed.policy;
  if (!typed.scope.empty()) text.sets.push_back("thrash.scope=" + typed.scope);
  BRIM_TRY(const ThrashPolicy policy, thrash_policy(text));
  BRIM_TRY(guard::ThrashReader reader, guard::ThrashReader::open(host, policy));
  ThrashSnapshot snapshot;
  ThrashPlan plan;
  for (int look = 0; look < (host.live() ? kLooks : 1); ++look) {
    if (look > 0) std::this_thread::sleep_for(kBetweenThrashLooks);
    BRIM_TRY(snapshot, reader.look(true, {}));
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    plan = thrash::tune::plan(snapshot, plan.history, policy, now);
  }
  BRIM_CHECK(write_document(thrash_plan_document(plan, snapshot, policy, reader.problems()),
                            typed.output));
  return 0;
}

}  // namespace

void add_thrash_plan(CLI::App& area, Session& session) {
  CLI::App* command = area.add_subcommand(
      "plan", "Whether this host, or a cgroup of it, thrashes, and who should run when");
  auto typed = std::make_shared<ThrashPlanText>();
  declare_policy(*command, typed->policy);
  command->add_option("--scope", typed->scope, "This cgroup alone (thrash.scope)")
      ->type_name("CGROUP");
  add_output_options(*command, typed->output);
  command->footer(
      "Looks for two seconds and changes nothing; 'brim guard --only thrash --act' does what it "
      "says.\n"
      "Example:\n  sudo brim thrash plan\n  sudo brim thrash plan --set thrash.most_wait=10s");
  command->callback([&session, typed] {
    session.action = [&session, typed] { return thrash_plan(session, *typed); };
  });
}

}  // namespace brim::cli
