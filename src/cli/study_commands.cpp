// SPDX-License-Identifier: Apache-2.0
// brim run: a scenario, by its area's model, on this machine, or both.
#include "base/json_text.h"
#include "base/progress.h"
#include "cli/interrupt.h"
#include "cli/recording.h"
#include "cli/session.h"
#include "cli/state.h"
#include "cli/study_areas.h"
#include "study/both_document.h"
#include "study/built_in.h"
#include "study/engine.h"
#include "study/point_notes.h"
#include "study/study_document.h"

#include <array>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

struct RunOptions {
  std::string scenario;
  bool live = false;
  bool model = false;
  bool both = false;
  bool whole_machine = false;
  std::vector<std::string> sets;
  std::vector<std::string> catalogues;
  std::vector<std::string> images;
  unsigned threads = 0;
  std::string resume;
  std::string label;
  bool no_store = false;
  Output output;
};

Result<study::ScenarioFile> read_scenario(const RunOptions& options) {
  BRIM_TRY(const study::Catalogue catalogue,
           study::open_catalogue(study_areas(), options.catalogues));
  return scenario_with(options.scenario, options.sets, catalogue);
}

// What must be the same for a run to be gone on with.
nlohmann::json identity_of(const study::ScenarioFile& scenario, const study::Backend& backend) {
  nlohmann::json identity =
      study::study_json(scenario, {.samples = {}, .tasks = study::task_count(scenario)});
  identity["digest"] = fmt::format("{:016x}", study::digest_of(scenario));
  identity["inputs"] = backend.inputs();
  return identity;
}

// A run that stopped before its end, and what it has already.
struct Earlier {
  std::int64_t run = 0;
  std::vector<study::Sample> samples;
  std::set<study::TaskId> done;
};

Result<Earlier> earlier_run(const study::Store& store, const std::string& name,
                            const study::ScenarioFile& scenario, const study::Backend& backend) {
  BRIM_TRY(study::Run run, load_run(store, name));
  const std::string where = fmt::format("--resume {}", name);
  const auto context = parse_json(run.info.context_json);
  if (run.info.command != "run" || !context || !context->contains("study"))
    return fail(ErrorCode::bad_input, "not a run of a scenario", where);
  if (run.info.status == study::RunStatus::complete)
    return fail(ErrorCode::bad_input, "that run is complete", where);
  if (context->at("study") != identity_of(scenario, backend))
    return fail(ErrorCode::bad_input, "that run was of another scenario, or of other settings",
                where);
  Earlier earlier{run.info.id, std::move(run.samples), {}};
  for (const study::Sample& sample : earlier.samples)
    earlier.done.insert({sample.repeat, sample.point});
  return earlier;
}

study::RunInfo run_info(const Session& session, const RunOptions& options,
                        const study::ScenarioFile& scenario, const study::Backend& backend) {
  nlohmann::json context = context_json(session.root);
  if (!context.is_object()) context = nlohmann::json::object();
  context["study"] = identity_of(scenario, backend);
  study::RunInfo info = run_beginning(session, "run", context);
  info.area = scenario.base().area->name;
  info.label = options.label;
  info.provenance = backend.provenance();
  return info;
}

// The store, and in it the run that is made or gone on with.
struct Record {
  Recording recording;
  Earlier earlier;
};

Result<Record> open_record(const Session& session, const RunOptions& options,
                           const study::ScenarioFile& scenario, const study::Backend& backend) {
  Record record;
  if (options.no_store) return record;
  auto store = open_store(session);
  if (!options.resume.empty()) {
    if (!store) return fail(std::move(store).error());
    BRIM_TRY(record.earlier, earlier_run(*store, options.resume, scenario, backend));
    BRIM_CHECK(store->reopen(record.earlier.run, run_owner()));
  }
  if (!store && !session.store.empty()) return fail(std::move(store).error());
  record.recording = Recording(std::move(store));
  if (record.earlier.run == 0)
    record.recording.begin(run_info(session, options, scenario, backend));
  else
    record.recording.go_on(record.earlier.run);
  return record;
}

// A study that came to its end, or was stopped.
struct Ended {
  nlohmann::json result;
  std::int64_t run = 0;  // in the store; 0: not recorded
  bool interrupted = false;
};

Result<Ended> finish(Record& record, const study::ScenarioFile& scenario,
                     const study::Backend& backend, std::uint64_t done,
                     const Result<void>& outcome) {
  const bool interrupted = !outcome && outcome.error().code == ErrorCode::interrupted;
  if (!outcome && !interrupted) {
    record.recording.finish(study::RunStatus::failed, nullptr);
    return fail(outcome.error());
  }
  Ended ended;
  ended.interrupted = interrupted;
  ended.result = study::study_json(scenario, {.provenance = backend.provenance(),
                                              .samples = record.earlier.samples,
                                              .tasks_done = done,
                                              .tasks = study::task_count(scenario),
                                              .notes = study::point_notes(scenario, backend)});
  record.recording.finish(interrupted ? study::RunStatus::interrupted : study::RunStatus::complete,
                          ended.result);
  if (record.recording.error()) ended.result["warnings"].push_back(record.recording.warning());
  ended.run = record.recording.run();
  return ended;
}

Result<Ended> run_by(const Session& session, const RunOptions& options,
                     const study::ScenarioFile& scenario, const study::Backend& backend,
                     study::RankTeam* team, const Cancel& cancel) {
  BRIM_TRY(Record record, open_record(session, options, scenario, backend));
  Progress progress(stderr,
                    fmt::format("{} ({})", scenario.base().name, name_of(backend.provenance())), 0);
  std::uint64_t done = record.earlier.done.size();
  const auto take = [&](const study::TaskId&, std::span<const study::Sample> samples) {
    record.recording.add(samples);
    record.earlier.samples.insert(record.earlier.samples.end(), samples.begin(), samples.end());
    ++done;
  };
  const Result<void> outcome = study::run_study(
      scenario, backend, {.threads = options.threads, .done = record.earlier.done, .team = team},
      take, progress, cancel);
  progress.finish();
  return finish(record, scenario, backend, done, outcome);
}

Result<int> show(report::Document document, const std::string& runs, bool interrupted,
                 const Output& output) {
  document.context.emplace_back("brim", version_line());
  if (!runs.empty()) document.context.emplace_back("run", runs);
  BRIM_CHECK(write_document(document, output));
  return interrupted ? 130 : 0;
}

Result<int> run_one(const Session& session, const RunOptions& options,
                    const study::ScenarioFile& scenario, const study::Backend& backend,
                    study::RankTeam* team, const Cancel& cancel) {
  BRIM_CHECK(check_points(scenario, backend));
  BRIM_TRY(const Ended ended, run_by(session, options, scenario, backend, team, cancel));
  BRIM_TRY(report::Document document, study::study_document(ended.result));
  return show(std::move(document), ended.run > 0 ? std::to_string(ended.run) : "",
              ended.interrupted, options.output);
}

// First measured: what is not there for that is said before any work.
Result<int> run_both(const Session& session, const RunOptions& options,
                     const study::ScenarioFile& scenario, const study::Backend& live,
                     const study::Backend& model, const Cancel& cancel) {
  if (scenario.base().study.get<double>("scale") != 1)
    return fail(ErrorCode::bad_input,
                "the model scales its figures up and a measurement can't be: --both needs 1, with "
                "smaller guests where this machine is small",
                "study.scale");
  BRIM_CHECK(check_points(scenario, live));
  BRIM_CHECK(check_points(scenario, model));
  BRIM_TRY(const Ended measured, run_by(session, options, scenario, live, nullptr, cancel));
  if (measured.interrupted) {
    BRIM_TRY(report::Document document, study::study_document(measured.result));
    return show(std::move(document), measured.run > 0 ? std::to_string(measured.run) : "", true,
                options.output);
  }
  BRIM_TRY(const Ended modelled, run_by(session, options, scenario, model, nullptr, cancel));
  BRIM_TRY(report::Document document,
           study::both_document(study::both_json(measured.result, modelled.result)));
  return show(std::move(document),
              measured.run > 0 ? fmt::format("{} and {}", measured.run, modelled.run) : "",
              modelled.interrupted, options.output);
}

// The model, over the images where there are any.
Result<std::unique_ptr<study::Backend>> model_of(const RunOptions& options,
                                                 const study::ScenarioFile& scenario,
                                                 const Cancel& cancel) {
  for (const study::Point& point : scenario.points())
    for (const auto& [path, value] : point.values)
      if (!options.images.empty() && (path.starts_with("guests.") || path.starts_with("loads.")))
        return fail(ErrorCode::bad_input,
                    fmt::format("the sweep varies {}, and images stand for the guests", path),
                    "--images");
  BRIM_TRY(auto images, read_memory_images(options.images, scenario, cancel));
  return make_model(*scenario.base().area, std::move(images));
}

// A rank other than the first: it computes, and leaves all else to that.
Result<int> help_to_run(const RunOptions& options, study::RankTeam& team) {
  BRIM_TRY(const study::ScenarioFile scenario, read_scenario(options));
  const StopOnSignal stop;
  BRIM_TRY(const auto backend, model_of(options, scenario, stop.cancel()));
  Progress silent;
  BRIM_CHECK(study::run_study(
      scenario, *backend, {.threads = options.threads, .done = {}, .team = &team},
      [](const study::TaskId&, std::span<const study::Sample>) {}, silent, stop.cancel()));
  return 0;
}

// Under mpirun all ranks come here.
Result<int> run_model(const Session& session, const RunOptions& options) {
  BRIM_TRY(const std::unique_ptr<study::RankTeam> team, study::RankTeam::join(version_line()));
  if (team && !team->leads()) {
    const Result<int> helped = help_to_run(options, *team);
    if (!helped) team->give_up(helped.error());
    return 0;  // mpirun's status is the first that is not 0: the first rank's
  }
  BRIM_CHECK(check_output(options.output));
  BRIM_TRY(const study::ScenarioFile scenario, read_scenario(options));
  const StopOnSignal stop;
  BRIM_TRY(const auto backend, model_of(options, scenario, stop.cancel()));
  return run_one(session, options, scenario, *backend, team.get(), stop.cancel());
}

Result<int> run_scenario(const Session& session, const RunOptions& options) {
  if (options.model) return run_model(session, options);
  if (!options.images.empty())
    return fail(ErrorCode::bad_input, "images are for --model alone", "--images");
  BRIM_CHECK(check_output(options.output));
  if (options.both && !options.resume.empty())
    return fail(ErrorCode::bad_input, "go on with one run: --live or --model", "--resume");
  BRIM_TRY(const study::ScenarioFile scenario, read_scenario(options));
  const study::Area& area = *scenario.base().area;
  BRIM_TRY(const host::Host host, open_host(session));
  BRIM_TRY(const std::unique_ptr<study::Backend> live,
           make_live(area, host, {.whole_machine = options.whole_machine}));
  const StopOnSignal stop;
  if (options.live) return run_one(session, options, scenario, *live, nullptr, stop.cancel());
  return run_both(session, options, scenario, *live, *make_model(area), stop.cancel());
}

void add_run(CLI::App& program, Session& session) {
  CLI::App* command = program.add_subcommand("run", "Run a study from a scenario file");
  auto options = std::make_shared<RunOptions>();
  command->add_option("scenario", options->scenario, "A TOML file, or one of 'brim list scenarios'")
      ->required()
      ->type_name("SCENARIO");
  CLI::Option_group* how = command->add_option_group("How", "One of");
  how->add_flag("--live", options->live, "On this machine, with real guests (as root)");
  how->add_flag("--model", options->model, "By the area's model");
  how->add_flag("--both", options->both, "On this machine, then by the model, side by side");
  how->require_option(1);
  command->add_flag("--whole-machine", options->whole_machine,
                    "With a live study that says live.where = \"machine\": every program of this "
                    "machine may be swapped out and wait");
  command->add_option("--set", options->sets, "In place of what the file says: study.scale=0.1")
      ->type_name("PATH=VALUE");
  command->add_option("--catalogue", options->catalogues, "Entries of your own, beside brim's")
      ->type_name("FILE");
  command
      ->add_option("--images", options->images,
                   "With --model: VMs' memory in files, one for each guest, in place of the "
                   "scenario's guests and loads")
      ->type_name("FILE");
  command
      ->add_option("--threads", options->threads,
                   "Threads, under mpirun of each rank; 0: all processors")
      ->check(CLI::Range(0U, 1024U))
      ->capture_default_str();
  command->add_option("--resume", options->resume, "Go on with a run that did not come to its end")
      ->type_name("RUN");
  command->add_option("--label", options->label, "A name for the run in the store")
      ->type_name("TEXT");
  command->add_flag("--no-store", options->no_store, "Don't record the run");
  add_output_options(*command, options->output);
  command->footer(
      "Example:\n  brim run share-ksm --model --format html --output study.html\n"
      "  sudo brim run share-live --live");
  command->callback([&session, options] {
    session.shares_work = options->model;
    session.action = [&session, options] { return run_scenario(session, *options); };
  });
}

}  // namespace

void add_study_commands(CLI::App& program, Session& session) { add_run(program, session); }

}  // namespace brim::cli
