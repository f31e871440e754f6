// SPDX-License-Identifier: Apache-2.0
#include "cli/share_calibrate.h"

#include "base/printable.h"
#include "base/stats.h"
#include "cli/session.h"
#include "cli/state.h"
#include "host/journal.h"
#include "host/system.h"
#include "share/measure/calibrate.h"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

using report::Cell;
using report::Document;
using report::Section;
using report::Table;
using report::Unit;
using share::MeasuredCost;

struct CalibrateText {
  std::string name = "this-machine";
  std::string entry;
  bool no_ksm = false;
  Output output;
};

std::vector<MeasuredCost> without_ksm(std::string_view reason) {
  std::vector<MeasuredCost> costs;
  for (const char* key : {"visit_ns", "merge_ns", "copy_on_write_ns"})
    costs.push_back({.key = key, .how = "under KSM", .reason = std::string(reason)});
  return costs;
}

std::vector<MeasuredCost> costs_of_ksm(const CalibrateText& typed, const host::Host& host) {
  if (typed.no_ksm) return without_ksm("--no-ksm");
  const auto directory = journal_directory(host);
  if (!directory) return without_ksm(error_line(directory.error()));
  auto journal = host::Journal::open(host, *directory);
  if (!journal) return without_ksm(error_line(journal.error()));
  return share::measure_ksm_costs(host, *journal);
}

// A hardware entry as catalogues have it. write_ns is a load's, not the hardware's: told as a
// comment.
std::string entry_of(const CalibrateText& typed, const host::Context& context,
                     const std::vector<MeasuredCost>& costs) {
  std::string text = fmt::format(
      "[hardware.{}]\narea = \"share\"\nsummary = \"{}, {} processors\"\n"
      "source = \"measured by brim share calibrate: medians, on Linux {}; keys that are missing "
      "have brim's assumed values\"\nmemory = \"{}MiB\"\ncores = {}\n",
      typed.name, printable(context.cpu_model), context.processors, printable(context.kernel),
      context.memory_bytes >> 20, context.processors);
  for (const MeasuredCost& cost : costs) {
    if (cost.ns.empty()) continue;
    const std::string_view comment = cost.key == "write_ns" ? "# of loads: " : "";
    text += fmt::format("{}{} = {:.1f}\n", comment, cost.key, percentile(cost.ns, 50));
  }
  return text;
}

nlohmann::json cost_json(const MeasuredCost& cost) {
  nlohmann::json json = {{"key", cost.key},         {"how", cost.how},
                         {"n", cost.ns.size()},     {"median_ns", nullptr},
                         {"quartiles_ns", nullptr}, {"reason", cost.reason}};
  if (cost.ns.empty()) return json;
  json["median_ns"] = percentile(cost.ns, 50);
  json["quartiles_ns"] = {percentile(cost.ns, 25), percentile(cost.ns, 75)};
  return json;
}

Document calibrate_document(const std::vector<MeasuredCost>& costs, const std::string& entry,
                            nlohmann::json host) {
  Document document;
  document.title = "What a page's handling costs here";
  document.json = {{"schema", "brim.share_calibrate/1"},
                   {"host", std::move(host)},
                   {"costs", nlohmann::json::array()},
                   {"entry", entry}};
  Table table{"costs",
              "Costs",
              "",
              {{"key", "cost", Unit::none},
               {"median_ns", "median (ns)", Unit::none},
               {"quartiles", "quartiles (ns)", Unit::none},
               {"n", "n", Unit::none},
               {"how", "how", Unit::none}},
              {}};
  std::size_t measured = 0;
  for (const MeasuredCost& cost : costs) {
    document.json["costs"].push_back(cost_json(cost));
    if (cost.ns.empty()) {
      document.warnings.push_back(fmt::format("{} was not measured: {}.", cost.key, cost.reason));
      continue;
    }
    ++measured;
    table.rows.push_back(
        {Cell(std::string(cost.key)), Cell(fmt::format("{:.1f}", percentile(cost.ns, 50))),
         Cell(fmt::format("{:.1f} to {:.1f}", percentile(cost.ns, 25), percentile(cost.ns, 75))),
         Cell(std::uint64_t{cost.ns.size()}), Cell(std::string(cost.how))});
  }
  document.answer.push_back(fmt::format("{} of {} costs measured.", measured, costs.size()));
  document.sections.push_back(Section{"costs", "Costs", {}, {std::move(table)}, {}, false});
  return document;
}

Result<int> share_calibrate(const Session& session, const CalibrateText& typed) {
  BRIM_CHECK(check_output(typed.output));
  const bool plain = std::ranges::all_of(
      typed.name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
  if (typed.name.empty() || !plain)
    return fail(ErrorCode::bad_input, "letters, digits, - and _ only", "--name");
  BRIM_TRY(const host::Host host, open_host(session));
  if (!host.live()) return fail(ErrorCode::bad_input, "only the live machine can be measured");
  BRIM_TRY(const host::Context context, host::read_context(host));
  std::vector<MeasuredCost> costs = share::measure_memory_costs();
  std::vector<MeasuredCost> of_ksm = costs_of_ksm(typed, host);
  std::ranges::move(of_ksm, std::back_inserter(costs));
  const std::string entry = entry_of(typed, context, costs);
  BRIM_CHECK(
      write_document(calibrate_document(costs, entry, context_json(session.root)), typed.output));
  if (!typed.entry.empty()) BRIM_CHECK(write_text(entry, typed.entry));
  const bool all = std::ranges::none_of(costs, [](const auto& cost) { return cost.ns.empty(); });
  return all || typed.no_ksm ? 0 : exit_status(ErrorCode::missing);
}

}  // namespace

void add_share_calibrate(CLI::App& area, Session& session) {
  CLI::App* command = area.add_subcommand(
      "calibrate", "Measure what the handling of a page costs, for the model of this machine");
  auto typed = std::make_shared<CalibrateText>();
  command->add_option("--name", typed->name, "Of the hardware entry")
      ->type_name("NAME")
      ->capture_default_str();
  command
      ->add_option("--entry", typed->entry,
                   "Write it as a hardware entry, for --catalogue of brim run")
      ->type_name("FILE");
  command->add_flag("--no-ksm", typed->no_ksm, "Only what needs nothing of the kernel");
  add_output_options(*command, typed->output);
  command->footer(
      "KSM runs for some seconds on memory of brim's own, and its knobs are put back; not where "
      "it\n"
      "runs already or other processes' memory is registered with it. Exit status 3 when that was\n"
      "not measured.\n"
      "Example:\n  sudo brim share calibrate --name lab1 --entry lab1.toml");
  command->callback([&session, typed] {
    session.action = [&session, typed] { return share_calibrate(session, *typed); };
  });
}

}  // namespace brim::cli
