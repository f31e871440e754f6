// SPDX-License-Identifier: Apache-2.0
// brim reproduce: a published study beside ours.
#include "base/progress.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/recording.h"
#include "cli/session.h"
#include "cli/state.h"
#include "cli/study_areas.h"
#include "study/built_in.h"
#include "study/engine.h"
#include "study/published.h"
#include "study/reproduction.h"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace brim::cli {
namespace {

struct ReproduceOptions {
  std::string study;
  std::vector<std::string> only;
  double scale = 1;
  unsigned threads = 0;
  bool no_store = false;
  Output output;
};

constexpr std::string_view kPublished = "published/";
constexpr std::string_view kEnding = ".toml";

Result<study::PublishedStudy> open_published(const std::string& name) {
  std::vector<std::string> names;
  for (const study::BuiltInFile& file : study::built_in_files()) {
    if (!file.path.starts_with(kPublished)) continue;
    std::string_view stem = file.path.substr(kPublished.size());
    stem.remove_suffix(kEnding.size());
    if (stem == name) return study::parse_published(file.text, name);
    names.emplace_back(stem);
  }
  return fail(ErrorCode::bad_input,
              fmt::format("no published study of that name; there is {}", fmt::join(names, ", ")),
              name);
}

Result<void> check_only(const study::PublishedStudy& published,
                        const std::vector<std::string>& only) {
  std::vector<std::string> names(published.runs.size());
  std::transform(published.runs.begin(), published.runs.end(), names.begin(),
                 [](const study::PublishedRun& run) { return run.name; });
  for (const std::string& name : only)
    if (std::find(names.begin(), names.end(), name) == names.end())
      return fail(ErrorCode::bad_input,
                  fmt::format("no run '{}'; runs: {}", name, fmt::join(names, ", ")), "--only");
  return {};
}

// All samples of one of the study's runs.
Result<std::vector<study::Sample>> run_one(const study::PublishedRun& run,
                                           const ReproduceOptions& options,
                                           const study::Catalogue& catalogue, study::RankTeam* team,
                                           const Cancel& cancel) {
  std::vector<study::Override> overrides;
  for (const std::string& text : run.sets) {
    BRIM_TRY(overrides.emplace_back(), study::parse_override(text));
  }
  if (options.scale != 1) {
    BRIM_TRY(overrides.emplace_back(),
             study::parse_override(fmt::format("study.scale={}", options.scale)));
  }
  BRIM_TRY(const study::ScenarioFile scenario,
           study::open_scenario(run.scenario, catalogue, study_areas(), overrides));
  const std::unique_ptr<study::Backend> backend = make_model(*scenario.base().area);
  std::vector<study::Sample> samples;
  const auto take = [&samples](const study::TaskId&, std::span<const study::Sample> some) {
    samples.insert(samples.end(), some.begin(), some.end());
  };
  Progress progress(stderr, run.name, 0);
  BRIM_CHECK(study::run_study(scenario, *backend,
                              {.threads = options.threads, .done = {}, .team = team}, take,
                              progress, cancel));
  progress.finish();
  return samples;
}

study::RunInfo reproduce_info(const Session& session, const ReproduceOptions& options) {
  study::RunInfo info;
  info.area = options.study;
  info.command = "reproduce";
  info.arguments = session.typed_command;
  info.provenance = Provenance::modelled;
  info.started = std::chrono::system_clock::now();
  info.version = version_line();
  info.owner = run_owner();
  info.context_json = context_json(session.root).dump();
  return info;
}

bool wanted(const study::PublishedRun& run, const ReproduceOptions& options) {
  return options.only.empty() ||
         std::find(options.only.begin(), options.only.end(), run.name) != options.only.end();
}

// A rank other than the first: it computes, and leaves all else to that.
Result<int> help_to_reproduce(const ReproduceOptions& options, study::RankTeam& team) {
  BRIM_TRY(const study::PublishedStudy published, open_published(options.study));
  BRIM_CHECK(check_only(published, options.only));
  BRIM_TRY(const study::Catalogue catalogue, study::open_catalogue(study_areas(), {}));
  const StopOnSignal stop;
  for (const study::PublishedRun& run : published.runs) {
    if (!wanted(run, options)) continue;
    BRIM_TRY([[maybe_unused]] const auto none,
             run_one(run, options, catalogue, &team, stop.cancel()));
  }
  return 0;
}

Result<int> reproduce(const Session& session, const ReproduceOptions& options) {
  BRIM_TRY(const std::unique_ptr<study::RankTeam> team, study::RankTeam::join(version_line()));
  if (team && !team->leads()) {
    Result<int> helped = help_to_reproduce(options, *team);
    if (!helped) team->give_up(helped.error());
    return helped;
  }
  BRIM_CHECK(check_output(options.output));
  BRIM_TRY(const study::PublishedStudy published, open_published(options.study));
  BRIM_CHECK(check_only(published, options.only));
  BRIM_TRY(const study::Catalogue catalogue, study::open_catalogue(study_areas(), {}));
  Recording recording = options.no_store ? Recording() : Recording(open_store(session));
  if (recording.error() && !session.store.empty()) return fail(*recording.error());
  recording.begin(reproduce_info(session, options));
  const StopOnSignal stop;
  study::SeriesByRun series;
  for (const study::PublishedRun& run : published.runs) {
    if (!wanted(run, options)) continue;
    auto samples = run_one(run, options, catalogue, team.get(), stop.cancel());
    if (!samples) {
      recording.finish(samples.error().code == ErrorCode::interrupted
                           ? study::RunStatus::interrupted
                           : study::RunStatus::failed,
                       nullptr);
      return fail(std::move(samples).error());
    }
    series.emplace(run.name, study::series_of(*samples));
  }
  nlohmann::json result = study::reproduction_json(published, series);
  result["scale"] = options.scale;
  if (options.scale != 1)
    result["warnings"].push_back(
        fmt::format("At {:g} of the size: figures are scaled up, and coarser.", options.scale));
  if (!options.only.empty())
    result["warnings"].push_back(
        fmt::format("Only {}: what needs other runs is missing.", fmt::join(options.only, ", ")));
  recording.finish(study::RunStatus::complete, result);
  if (recording.error()) result["warnings"].push_back(recording.warning());
  BRIM_TRY(report::Document document, study::reproduction_document(result));
  document.context.emplace_back("brim", version_line());
  BRIM_CHECK(write_document(document, options.output));
  return study::all_claims_held(result) ? 0 : 1;
}

}  // namespace

void add_reproduce_command(CLI::App& program, Session& session) {
  CLI::App* command =
      program.add_subcommand("reproduce", "A published study's tables and claims beside ours");
  auto options = std::make_shared<ReproduceOptions>();
  command->add_option("study", options->study, "share")->required()->type_name("STUDY");
  command->add_option("--only", options->only, "Only these of its runs, separated by commas")
      ->delimiter(',')
      ->type_name("RUN");
  command->add_option("--scale", options->scale, "Simulate this share of the memory")
      ->check(CLI::Range(0.001, 1.0))
      ->capture_default_str();
  command
      ->add_option("--threads", options->threads,
                   "Threads, under mpirun of each rank; 0: all processors")
      ->check(CLI::Range(0U, 1024U))
      ->capture_default_str();
  command->add_flag("--no-store", options->no_store, "Don't record the run");
  add_output_options(*command, options->output);
  command->footer(
      "Exit status 1: a claim failed.\n"
      "Example:\n  brim reproduce share --scale 0.1 --format html --output share.html");
  command->callback([&session, options] {
    session.shares_work = true;
    session.action = [&session, options] { return reproduce(session, *options); };
  });
}

}  // namespace brim::cli
