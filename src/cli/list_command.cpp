// SPDX-License-Identifier: Apache-2.0
// brim list: all that brim knows by name, from the declarations that read it.
#include "cli/live_guard.h"
#include "cli/session.h"
#include "cli/study_areas.h"
#include "cli/word_table.h"
#include "report/document.h"
#include "share/measure/subject.h"
#include "share/tune/share_policy.h"
#include "study/built_in.h"
#include "study/metric.h"
#include "thrash/live/live_control.h"
#include "thrash/model/replacement_table.h"
#include "thrash/model/thrash_controls.h"
#include "thrash/tune/thrash_policy.h"

#include <algorithm>
#include <array>
#include <memory>

#include <CLI/CLI.hpp>

namespace brim::cli {
namespace {

using report::Document;

using Rows = std::vector<std::vector<std::string>>;

// The rows are the JSON's, too.
Document list_document(const std::string& title, const WordTable& table) {
  Document document;
  document.title = title;
  document.provenance = Provenance::computed;
  document.json = {{"schema", "brim.list/1"}, {table.id, rows_json(table)}};
  document.sections.push_back(section_of(table));
  return document;
}

// Of one title, and columns that are called as their keys.
Document text_document(const std::string& id, const std::string& title,
                       const std::vector<std::string>& columns, const Rows& rows) {
  WordTable table{id, title, title, {}, rows};
  for (const std::string& column : columns) table.columns.push_back({column, column});
  return list_document(title, table);
}

Document metrics_document() {
  WordTable table{"metrics",
                  "Metrics",
                  "Everything brim can record",
                  {{"name", "name"}, {"unit", "unit"}, {"meaning", "meaning"}},
                  {}};
  for (const study::Metric& metric : study::metrics())
    table.rows.push_back(
        {std::string(metric.name), std::string(metric.unit), std::string(metric.meaning)});
  return list_document("Metrics", table);
}

Document causes_document() {
  WordTable table{
      "causes", "Causes", "Causes", {{"cause", "cause"}, {"action", "what would free it"}}, {}};
  for (std::size_t i = 0; i < share::kCauseCount; ++i) {
    const auto cause = static_cast<share::Cause>(i);
    table.rows.push_back({std::string(name_of(cause)), std::string(action_for(cause))});
  }
  return list_document("Causes of unrealized sharing, in order of precedence", table);
}

Result<Document> scenarios_document() {
  BRIM_TRY(const study::Catalogue catalogue, study::open_catalogue(study_areas(), {}));
  Rows rows;
  for (const std::string& name : study::built_in_scenarios()) {
    BRIM_TRY(const study::ScenarioFile file, study::open_scenario(name, catalogue, study_areas()));
    rows.push_back({name, std::string(file.base().area->name), std::to_string(file.points().size()),
                    file.base().summary});
  }
  return text_document("scenarios", "Scenarios", {"name", "area", "points", "summary"}, rows);
}

Result<Document> catalogue_document() {
  BRIM_TRY(const study::Catalogue catalogue, study::open_catalogue(study_areas(), {}));
  Rows rows;
  for (const auto kind : {study::EntryKind::hardware, study::EntryKind::mechanism,
                          study::EntryKind::guest, study::EntryKind::load})
    for (const study::Entry& entry : catalogue.entries(kind))
      rows.push_back(
          {std::string(name_of(kind)), entry.name, entry.area, entry.summary, entry.source});
  return text_document("catalogue", "Catalogue", {"kind", "name", "area", "summary", "source"},
                       rows);
}

// What sections say besides parameters: an entry to take values from, and who is meant.
constexpr auto kChoices = std::to_array<std::array<std::string_view, 5>>({
    {"hardware", "entry", "text", "",
     "An entry of the catalogue; the section's own keys change it."},
    {"mechanism", "policy", "text", "", "One of 'brim list policies'; or an entry says it."},
    {"mechanism", "entry", "text", "", "An entry of the catalogue."},
    {"guests", "entry", "text", "", "An entry of the catalogue; the group's own keys change it."},
    {"guests", "count", "count", "1", "Guests of the group."},
    {"guests", "load", "text", "", "A name of [loads]; none: idle."},
    {"loads", "kind", "text", "", "One of 'brim list policies'; or an entry says it."},
    {"loads", "entry", "text", "", "An entry of the catalogue."},
    {"sweep", "how", "choice", "cartesian", "How values of several paths go together."},
    {"sweep.over", "PATH", "list", "", "The values of any key above: \"mechanism.sleep\"."},
});

void add_rows(const std::string& of, std::span<const study::Parameter> parameters, Rows& rows) {
  for (const study::Parameter& parameter : parameters)
    rows.push_back({of, std::string(parameter.key), std::string(name_of(parameter.type)),
                    std::string(parameter.unit), std::string(parameter.fallback),
                    std::string(parameter.choices), std::string(parameter.summary)});
}

// Programs of others that the model does not have.
std::vector<thrash::live::LiveControlPolicy> controls_of_live_runs_alone() {
  std::vector<thrash::live::LiveControlPolicy> controls = thrash::live::own_live_controls();
  std::erase_if(controls, [](const auto& live) {
    return std::ranges::any_of(thrash::model::thrash_controls(), [&live](const auto& one) {
      return one.family.name == live.family.name;
    });
  });
  return controls;
}

Result<Document> parameters_document() {
  Rows rows;
  add_rows("study", study::study_parameters(), rows);
  add_rows("schedule", study::schedule_parameters(), rows);
  for (const study::Area* area : study_areas()) {
    const std::string name(area->name);
    add_rows(name + " hardware", area->hardware, rows);
    for (const study::Family& family : area->mechanisms)
      add_rows(name + " mechanism " + std::string(family.name), family.parameters, rows);
    for (const study::Family& family : area->loads)
      add_rows(name + " load " + std::string(family.name), family.parameters, rows);
    add_rows(name + " guests", area->guests, rows);
    add_rows(name + " live", area->live, rows);
  }
  for (const auto& [of, key, type, fallback, summary] : kChoices)
    rows.push_back({std::string(of), std::string(key), std::string(type), "", std::string(fallback),
                    key == "how" ? "cartesian,one_at_a_time,together" : "", std::string(summary)});
  add_rows("share policy", share::tune::share_policy_parameters(), rows);
  add_rows("thrash policy", thrash::tune::thrash_policy_parameters(), rows);
  for (const auto& policy : thrash::model::replacement_policies())
    add_rows("thrash replacement " + std::string(policy.family.name), policy.family.parameters,
             rows);
  for (const auto& control : thrash::model::thrash_controls())
    add_rows("thrash control " + std::string(control.family.name), control.family.parameters, rows);
  for (const auto& control : controls_of_live_runs_alone())
    add_rows("thrash control " + std::string(control.family.name), control.family.parameters, rows);
  return text_document("parameters", "Parameters of scenarios and policies",
                       {"of", "key", "type", "unit", "default", "choices", "summary"}, rows);
}

Result<Document> policies_document() {
  Rows rows;
  for (const study::Area* area : study_areas()) {
    for (const study::Family& family : area->mechanisms)
      rows.push_back({std::string(area->name), "mechanism", std::string(family.name),
                      std::string(family.summary)});
    for (const study::Family& family : area->loads)
      rows.push_back(
          {std::string(area->name), "load", std::string(family.name), std::string(family.summary)});
  }
  rows.push_back({"share", "tuner", "brim",
                  "KSM by benefit and price; its policy: 'share policy' of brim list parameters"});
  for (const auto& policy : thrash::model::replacement_policies())
    rows.push_back({"thrash", "replacement", std::string(policy.family.name),
                    std::string(policy.family.summary)});
  return text_document("policies", "Mechanisms, loads, tuners and page replacement",
                       {"area", "kind", "name", "summary"}, rows);
}

Result<Document> controls_document() {
  std::vector<thrash::live::LiveControlPolicy> live = thrash::live::own_live_controls();
  live.push_back(live_guard_control());
  Rows rows;
  for (const auto& control : thrash::model::thrash_controls()) {
    const auto here = std::ranges::find(live, control.family.name,
                                        [](const auto& one) { return one.family.name; });
    const char* const runs = here == live.end()   ? "model"
                             : here->on_version_2 ? "model, live on cgroup v2"
                                                  : "model, live";
    rows.push_back({std::string(control.family.name), runs, std::string(control.family.summary)});
  }
  for (const auto& control : controls_of_live_runs_alone())
    rows.push_back({std::string(control.family.name),
                    control.on_version_2 ? "live on cgroup v2" : "live",
                    std::string(control.family.summary)});
  std::ranges::sort(rows);
  return text_document("controls", "Controls of thrashing", {"name", "runs", "summary"}, rows);
}

struct Listing {
  const char* name;
  const char* summary;
  Result<Document> (*make)();
};
constexpr std::array kListings = std::to_array<Listing>({
    {"catalogue",
     "Hardware, guests, loads and mechanisms that scenarios can name, with their sources",
     catalogue_document},
    {"causes", "Why pages that could be shared are not, and what would free them",
     [] { return Result<Document>(causes_document()); }},
    {"controls", "Who can control thrashing, in the model and on this machine", controls_document},
    {"metrics", "All that brim can record, with units",
     [] { return Result<Document>(metrics_document()); }},
    {"parameters", "All keys of scenarios, with units, defaults and choices", parameters_document},
    {"policies", "Mechanisms and loads that scenarios can choose, and page-replacement policies",
     policies_document},
    {"scenarios", "Studies that 'brim run' knows by name", scenarios_document},
});

// What there is to list.
Document lists_document() {
  Rows rows;
  rows.reserve(kListings.size());
  for (const Listing& listing : kListings) rows.push_back({listing.name, listing.summary});
  return text_document("lists", "What 'brim list' shows: write one after it", {"name", "summary"},
                       rows);
}

Result<int> list(const std::string& what, const Output& output) {
  if (what.empty()) BRIM_CHECK(write_document(lists_document(), output));
  for (const Listing& listing : kListings) {
    if (what != listing.name) continue;
    BRIM_TRY(const Document document, listing.make());
    BRIM_CHECK(write_document(document, output));
  }
  return 0;
}

}  // namespace

void add_list_command(CLI::App& program, Session& session) {
  CLI::App* command = program.add_subcommand(
      "list", "Show what brim knows: scenarios, catalogue, policies, parameters, metrics, causes");
  auto output = std::make_shared<Output>();
  auto what = std::make_shared<std::string>();
  std::vector<std::string> names(kListings.size());
  std::transform(kListings.begin(), kListings.end(), names.begin(),
                 [](const Listing& listing) { return listing.name; });
  command->add_option("what", *what, "Of what; none: what there is to list")
      ->check(CLI::IsMember(names));
  add_output_options(*command, *output);
  command->footer("Example:\n  brim list scenarios");
  command->callback([&session, output, what] {
    session.action = [output, what] { return list(*what, *output); };
  });
}

}  // namespace brim::cli
