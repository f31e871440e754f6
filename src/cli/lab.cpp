// SPDX-License-Identifier: Apache-2.0
// brim lab prepare: what guests are made of.
#include "base/text.h"
#include "cli/lab_places.h"
#include "cli/lab_start.h"
#include "cli/session.h"
#include "lab/prepare.h"

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

struct LabPrepareText {
  std::string cache;
  std::string agent;
  std::string mirror = "http://deb.debian.org/debian";
  std::vector<std::string> only;
  Output output;
};

nlohmann::json artefact_json(const lab::Artefact& artefact) {
  return {{"name", artefact.name},
          {"path", artefact.path},
          {"size_bytes", artefact.bytes.count()},
          {"sha256", artefact.sha256}};
}

nlohmann::json step_json(const lab::PreparedStep& step) {
  nlohmann::json json = {{"name", step.name},
                         {"outcome", name_of(step.outcome)},
                         {"reason", step.reason},
                         {"elapsed_seconds", step.seconds},
                         {"artefacts", nlohmann::json::array()}};
  for (const lab::Artefact& artefact : step.artefacts)
    json["artefacts"].push_back(artefact_json(artefact));
  return json;
}

Document prepare_document(const std::string& directory,
                          const std::vector<lab::PreparedStep>& prepared) {
  Document document;
  document.title = "What guests are made of";
  document.json = {
      {"schema", "brim.lab_prepare/1"}, {"cache", directory}, {"steps", nlohmann::json::array()}};
  Table table{"artefacts",
              "Artefacts",
              "",
              {{"step", "step", Unit::none},
               {"outcome", "outcome", Unit::none},
               {"elapsed_seconds", "seconds", Unit::seconds},
               {"name", "file", Unit::none},
               {"size_bytes", "size", Unit::bytes},
               {"sha256", "SHA-256", Unit::none}},
              {}};
  for (const lab::PreparedStep& step : prepared) {
    document.json["steps"].push_back(step_json(step));
    if (!step.reason.empty())
      document.warnings.push_back(fmt::format("{} was skipped: {}.", step.name, step.reason));
    for (const lab::Artefact& artefact : step.artefacts)
      table.rows.push_back({Cell(step.name), Cell(std::string(name_of(step.outcome))),
                            Cell(step.seconds), Cell(artefact.name), Cell(artefact.bytes.count()),
                            Cell(artefact.sha256)});
  }
  const auto count = [&prepared](lab::StepOutcome outcome) {
    return std::count_if(
        prepared.begin(), prepared.end(),
        [outcome](const lab::PreparedStep& step) { return step.outcome == outcome; });
  };
  document.answer.push_back(fmt::format(
      "{} steps made, {} there already, {} skipped; in {}.", count(lab::StepOutcome::made),
      count(lab::StepOutcome::kept), count(lab::StepOutcome::skipped), directory));
  document.sections.push_back(Section{"artefacts", "Artefacts", {}, {std::move(table)}, {}, false});
  return document;
}

Result<int> lab_prepare(const LabPrepareText& typed) {
  BRIM_CHECK(check_output(typed.output));
  BRIM_TRY(const std::string directory, lab_cache_directory(typed.cache));
  lab::PrepareOptions options;
  BRIM_TRY(options.agent, agent_program(typed.agent));
  options.mirror = typed.mirror;
  options.only = typed.only;
  options.progress = [](const std::string& step, const std::string& doing) {
    fmt::print(stderr, "brim: {}: {}\n", step, doing);
  };
  BRIM_TRY(lab::Cache cache, lab::Cache::open_for_writing(directory));
  BRIM_TRY(const auto prepared, lab::prepare(cache, options));
  BRIM_CHECK(write_document(prepare_document(cache.directory(), prepared), typed.output));
  const bool skipped = std::any_of(
      prepared.begin(), prepared.end(),
      [](const lab::PreparedStep& step) { return step.outcome == lab::StepOutcome::skipped; });
  return skipped ? exit_status(ErrorCode::missing) : 0;
}

void declare_lab_prepare(CLI::App& command, LabPrepareText& typed) {
  add_lab_cache_option(command, typed.cache);
  std::string names;
  for (const lab::StepDescription& step : lab::prepare_steps())
    names += fmt::format("{}{}", names.empty() ? "" : ", ", step.name);
  command.add_option("--only", typed.only, "Only this step, repeatable: " + names)
      ->type_name("STEP");
  command.add_option("--mirror", typed.mirror, "Debian mirror")
      ->type_name("URL")
      ->capture_default_str();
  command.add_option("--agent", typed.agent, "The static brim-agent (default: that beside brim)")
      ->type_name("FILE");
  add_output_options(command, typed.output);
  command.footer(
      "Fetches Debian packages and unpacks them into the cache; installs nothing. What is there "
      "and\n"
      "has its checksum is not made again. Exit status 3 when a step was skipped.\n"
      "Example:\n  sudo brim lab prepare --only kernel-6.12-cloud --only initramfs");
}

}  // namespace

void add_lab_cache_option(CLI::App& command, std::string& directory) {
  command
      .add_option("--cache", directory,
                  "What guests are made of (default: $BRIM_LAB_CACHE, $XDG_CACHE_HOME/brim, "
                  "/var/cache/brim for "
                  "root, else ~/.cache/brim)")
      ->type_name("DIR");
}

void add_lab_commands(CLI::App& program, Session& session) {
  CLI::App* area = program.add_subcommand("lab", "Real guests for experiments");
  area->require_subcommand(0, 1);
  area->footer("Example:\n  sudo brim lab prepare\n  sudo brim lab start --count 2");
  CLI::App* prepare = area->add_subcommand(
      "prepare", "Get kernels, make an initramfs with brim's agent and a root file system");
  auto typed = std::make_shared<LabPrepareText>();
  declare_lab_prepare(*prepare, *typed);
  prepare->callback(
      [&session, typed] { session.action = [typed] { return lab_prepare(*typed); }; });
  add_lab_start_command(*area, session);
}

}  // namespace brim::cli
