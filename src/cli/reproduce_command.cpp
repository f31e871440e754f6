// SPDX-License-Identifier: Apache-2.0
// brim reproduce: a published study beside ours.
#include "base/progress.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/recording.h"
#include "cli/session.h"
#include "cli/state.h"
#include "cli/study_areas.h"
#include "host/host.h"
#include "study/built_in.h"
#include "study/engine.h"
#include "study/published.h"
#include "study/reproduction.h"

#include <algorithm>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace brim::cli {
namespace {

struct ReproduceOptions {
  std::string study;
  std::vector<std::string> only;
  std::vector<std::string> sets;
  bool live = false;
  std::optional<double> scale;
  double speed = 10;
  std::uint64_t repeats = 0;  // 0: as declared, live once
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

// One of --set: PATH=VALUE is for all runs, RUN:PATH=VALUE for one.
struct RunSet {
  std::string run;  // empty: all
  std::string set;
};

RunSet run_set(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || text.find('=') < colon) return {"", text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Result<void> check_runs(const study::PublishedStudy& published, const ReproduceOptions& options) {
  std::vector<std::string> names(published.runs.size());
  std::transform(published.runs.begin(), published.runs.end(), names.begin(),
                 [](const study::PublishedRun& run) { return run.name; });
  const auto check = [&names](const std::string& name, const char* option) -> Result<void> {
    if (std::find(names.begin(), names.end(), name) != names.end()) return {};
    return fail(ErrorCode::bad_input,
                fmt::format("no run '{}'; runs: {}", name, fmt::join(names, ", ")), option);
  };
  for (const std::string& name : options.only) BRIM_CHECK(check(name, "--only"));
  for (const std::string& text : options.sets)
    if (const RunSet one = run_set(text); !one.run.empty()) BRIM_CHECK(check(one.run, "--set"));
  for (const study::PublishedRun& run : published.runs) {
    if (std::find(options.only.begin(), options.only.end(), run.name) == options.only.end())
      continue;
    if (run.live_only && !options.live)
      return fail(ErrorCode::bad_input, fmt::format("no model can run '{}'; --live does", run.name),
                  "--only");
    if (run.model_only && options.live)
      return fail(ErrorCode::bad_input, fmt::format("'{}' is not run live", run.name), "--only");
  }
  return {};
}

// As small as leaves a guest's system what it needs, where it is to be real.
double scale_of(const ReproduceOptions& options) {
  constexpr double kLiveScale = 1.0 / 8;
  return options.scale.value_or(options.live ? kLiveScale : 1);
}

Result<study::ScenarioFile> open_run(const study::PublishedRun& run,
                                     const ReproduceOptions& options,
                                     const study::Catalogue& catalogue) {
  std::vector<std::string> sets = run.sets;
  for (const std::string& text : options.sets)
    if (const RunSet one = run_set(text); one.run.empty() || one.run == run.name)
      sets.push_back(one.set);
  sets.push_back(fmt::format("study.scale={}", scale_of(options)));
  if (options.live) {
    sets.push_back(fmt::format("live.speed={}", options.speed));
    sets.insert(sets.end(), run.live_sets.begin(), run.live_sets.end());
  }
  const std::uint64_t repeats = options.repeats == 0 && options.live ? 1 : options.repeats;
  if (repeats != 0) sets.push_back(fmt::format("study.repeats={}", repeats));
  return scenario_with(run.scenario, sets, catalogue);
}

// All samples of one of the study's runs.
Result<std::vector<study::Sample>> run_one(const study::PublishedRun& run,
                                           const ReproduceOptions& options,
                                           const study::ScenarioFile& scenario,
                                           const study::Backend& backend, study::RankTeam* team,
                                           const Cancel& cancel) {
  std::vector<study::Sample> samples;
  const auto take = [&samples](const study::TaskId&, std::span<const study::Sample> some) {
    samples.insert(samples.end(), some.begin(), some.end());
  };
  Progress progress(stderr, run.name, 0);
  BRIM_CHECK(study::run_study(scenario, backend,
                              {.threads = options.threads, .done = {}, .team = team}, take,
                              progress, cancel));
  progress.finish();
  return samples;
}

study::RunInfo reproduce_info(const Session& session, const ReproduceOptions& options) {
  study::RunInfo info = run_beginning(session, "reproduce", context_json(session.root));
  info.area = options.study;
  info.provenance = options.live ? Provenance::measured : Provenance::modelled;
  return info;
}

bool wanted(const study::PublishedRun& run, const ReproduceOptions& options) {
  return options.only.empty() ||
         std::find(options.only.begin(), options.only.end(), run.name) != options.only.end();
}

// What the wanted runs gave.
struct Ran {
  study::SeriesByRun series;
  study::LabelsByRun labels;
  std::vector<std::string> notes;
  std::vector<std::string> left_out;  // runs that can't be live, and why
};

struct ReadyRun {
  const study::PublishedRun& run;
  study::ScenarioFile scenario;
  std::unique_ptr<study::Backend> backend;
};

// All are opened and checked before the first is run.
Result<std::vector<ReadyRun>> open_all(const study::PublishedStudy& published,
                                       const ReproduceOptions& options,
                                       const study::Catalogue& catalogue, const host::Host& host,
                                       Ran& ran) {
  std::vector<ReadyRun> ready;
  for (const study::PublishedRun& run : published.runs) {
    if (!wanted(run, options) || (options.live ? run.model_only : run.live_only)) continue;
    BRIM_TRY(study::ScenarioFile scenario, open_run(run, options, catalogue));
    const study::Area& area = *scenario.base().area;
    std::unique_ptr<study::Backend> backend;
    const bool live = options.live && !run.modelled;
    if (live) {
      BRIM_TRY(backend, make_live(area, host));
    } else {
      backend = make_model(area);
    }
    const auto checked = check_points(scenario, *backend);
    if (!checked && live && checked.error().code == ErrorCode::bad_input) {
      ran.left_out.push_back(fmt::format("{}: {}", run.name, error_line(checked.error())));
      continue;
    }
    BRIM_CHECK(checked);
    for (const std::string& note : backend->notes(scenario.base())) add_once(ran.notes, note);
    ready.push_back({run, std::move(scenario), std::move(backend)});
  }
  return ready;
}

Result<Ran> run_all(const study::PublishedStudy& published, const ReproduceOptions& options,
                    const study::Catalogue& catalogue, const Session& session,
                    study::RankTeam* team, const Cancel& cancel) {
  BRIM_TRY(const host::Host host, open_host(session));
  Ran ran;
  BRIM_TRY(const auto runs, open_all(published, options, catalogue, host, ran));
  for (const ReadyRun& one : runs) {
    BRIM_TRY(const auto samples,
             run_one(one.run, options, one.scenario, *one.backend, team, cancel));
    ran.series.emplace(one.run.name, study::series_of(samples));
    for (const study::Point& point : one.scenario.points())
      ran.labels[one.run.name].push_back(point.label());
  }
  return ran;
}

nlohmann::json result_json(const study::PublishedStudy& published, const ReproduceOptions& options,
                           const Ran& ran) {
  nlohmann::json result =
      study::reproduction_json(published, ran.series, ran.labels,
                               options.live ? Provenance::measured : Provenance::modelled);
  result["scale"] = scale_of(options);
  result["notes"] = ran.notes;
  if (options.live) result["live"] = {{"speed", options.speed}};
  auto& warnings = result["warnings"];
  if (scale_of(options) != 1 && !options.live)
    warnings.push_back(fmt::format("At {:g} of the size. {}", scale_of(options), published.scaled));
  if (!options.sets.empty())
    warnings.push_back(fmt::format("Not as declared, but with {}.", fmt::join(options.sets, ", ")));
  for (const std::string& run : ran.left_out) warnings.push_back(fmt::format("Left out, {}.", run));
  if (!options.only.empty())
    warnings.push_back(
        fmt::format("Only {}: what needs other runs is missing.", fmt::join(options.only, ", ")));
  return result;
}

// A rank other than the first: it computes, and leaves all else to that.
Result<int> help_to_reproduce(const Session& session, const ReproduceOptions& options,
                              study::RankTeam& team) {
  BRIM_TRY(const study::PublishedStudy published, open_published(options.study));
  BRIM_CHECK(check_runs(published, options));
  BRIM_TRY(const study::Catalogue catalogue, study::open_catalogue(study_areas(), {}));
  const StopOnSignal stop;
  BRIM_TRY([[maybe_unused]] const Ran none,
           run_all(published, options, catalogue, session, &team, stop.cancel()));
  return 0;
}

Result<int> reproduce(const Session& session, const ReproduceOptions& options) {
  std::unique_ptr<study::RankTeam> team;
  if (!options.live) {  // real guests run on this machine alone
    BRIM_TRY(team, study::RankTeam::join(version_line()));
  }
  if (team && !team->leads()) {
    const Result<int> helped = help_to_reproduce(session, options, *team);
    if (!helped) team->give_up(helped.error());
    return 0;  // mpirun's status is the first that is not 0: the first rank's
  }
  BRIM_CHECK(check_output(options.output));
  BRIM_TRY(const study::PublishedStudy published, open_published(options.study));
  BRIM_CHECK(check_runs(published, options));
  BRIM_TRY(const study::Catalogue catalogue, study::open_catalogue(study_areas(), {}));
  Recording recording = options.no_store ? Recording() : Recording(open_store(session));
  if (recording.error() && !session.store.empty()) return fail(*recording.error());
  recording.begin(reproduce_info(session, options));
  const StopOnSignal stop;
  auto ran = run_all(published, options, catalogue, session, team.get(), stop.cancel());
  if (!ran) {
    recording.finish(ran.error().code == ErrorCode::interrupted ? study::RunStatus::interrupted
                                                                : study::RunStatus::failed,
                     nullptr);
    return fail(std::move(ran).error());
  }
  nlohmann::json result = result_json(published, options, *ran);
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
  command->add_option("study", options->study, "share or thrash")->required()->type_name("STUDY");
  command->add_option("--only", options->only, "Only these of its runs, separated by commas")
      ->delimiter(',')
      ->type_name("RUN");
  command
      ->add_option("--set", options->sets,
                   "In place of what the runs say: PATH=VALUE in all of them, RUN:PATH=VALUE in "
                   "one")
      ->type_name("[RUN:]PATH=VALUE");
  command->add_flag("--live", options->live,
                    "On this machine itself (as root), with real guests or processes: decides "
                    "claims, not tables");
  command
      ->add_option("--scale", options->scale,
                   "With this share of the memory (default: 1; live 0.125)")
      ->check(CLI::Range(0.001, 1.0));
  command->add_option("--speed", options->speed, "Live: how many times faster than published")
      ->check(CLI::Range(1.0, 1000.0))
      ->capture_default_str();
  command->add_option("--repeats", options->repeats, "Of each run; 0: as declared, live once")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1000}))
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
      "Example:\n  brim reproduce share --scale 0.1 --format html --output share.html\n"
      "  sudo brim reproduce share --live --only kvm-1,kvm-3\n"
      "  brim reproduce thrash --only base");
  command->callback([&session, options] {
    session.shares_work = !options->live;
    session.action = [&session, options] { return reproduce(session, *options); };
  });
}

}  // namespace brim::cli
