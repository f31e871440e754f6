// SPDX-License-Identifier: Apache-2.0
#include "cli/thrash_replay.h"

#include "base/progress.h"
#include "cli/interrupt.h"
#include "cli/session.h"
#include "image/trace.h"
#include "thrash/model/miss_ratio_curves.h"
#include "thrash/model/replay_document.h"
#include "thrash/model/replay_study.h"
#include "thrash/model/trace_loading.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

namespace model = thrash::model;

struct ReplayText {
  std::string trace;
  std::string format = "pages";
  std::string policies = "all";
  std::string frames;
  bool curve = false;
  double sample = 0.01;
  bool instructions = false;
  std::uint64_t page_size = kPageSize;
  std::uint64_t seed = 1;
  unsigned threads = 0;
  Output output;
};

struct Replay {
  image::TraceFormat format;
  std::vector<model::ChosenPolicy> policies;
  std::vector<model::FrameCount> frames;
  unsigned threads;
};

Result<Replay> checked(const ReplayText& typed) {
  const auto format = image::trace_format(typed.format);
  if (!format)
    return fail(
        ErrorCode::bad_input,
        fmt::format("'{}': expected pages, lackey, csv, oracleGeneral or champsim", typed.format),
        "--trace-format");
  if (!std::has_single_bit(typed.page_size))
    return fail(ErrorCode::bad_input, "expected a power of two", "--page-size");
  if (!(typed.sample > 0 && typed.sample <= 1))
    return fail(ErrorCode::bad_input, "expected a share above 0 and up to 1", "--sample");
  if (typed.frames.empty() && !typed.curve)
    return fail(ErrorCode::bad_input, "expected --frames LIST, --curve or both", "thrash replay");
  const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
  Replay replay{*format, {}, {}, typed.threads > 0 ? typed.threads : processors};
  BRIM_TRY(replay.policies, model::choose_policies(typed.policies));
  if (!typed.frames.empty()) {
    BRIM_TRY(replay.frames, model::parse_frames(typed.frames));
  }
  return replay;
}

Result<model::PageTrace> load(const ReplayText& typed, const Replay& replay, const Cancel& cancel) {
  BRIM_TRY(const auto reader,
           image::open_trace(typed.trace, replay.format,
                             {.instructions = typed.instructions, .page_size = typed.page_size}));
  Progress bar(stderr, "Reading", 0);
  auto loaded = model::load_trace(*reader, bar, cancel);
  if (!loaded) {
    if (loaded.error().where.empty()) loaded.error().where = typed.trace;
    return fail(std::move(loaded).error());
  }
  if (loaded->references.empty())
    return fail(ErrorCode::bad_input, "no reference in it", typed.trace);
  return loaded;
}

Result<int> thrash_replay(const ReplayText& typed) {
  BRIM_CHECK(check_output(typed.output));
  BRIM_TRY(const Replay replay, checked(typed));
  const StopOnSignal stop;
  BRIM_TRY(const model::PageTrace trace, load(typed, replay, stop.cancel()));
  model::ReplayFindings findings{.file = typed.trace,
                                 .format = std::string(name_of(replay.format)),
                                 .trace = trace,
                                 .seed = typed.seed,
                                 .policies = replay.policies,
                                 .results = {},
                                 .curves = {}};
  {
    Progress bar(stderr, "Replaying", replay.policies.size() * replay.frames.size());
    BRIM_TRY(findings.results, model::replay_all({.trace = trace,
                                                  .policies = replay.policies,
                                                  .frames = replay.frames,
                                                  .seed = typed.seed,
                                                  .threads = replay.threads},
                                                 bar, stop.cancel()));
  }
  if (typed.curve) {
    Progress bar(stderr, "Curves", replay.policies.size());
    BRIM_TRY(findings.curves, model::miss_ratio_curves({.trace = trace,
                                                        .policies = replay.policies,
                                                        .frames = replay.frames,
                                                        .sample = typed.sample,
                                                        .seed = typed.seed,
                                                        .threads = replay.threads},
                                                       bar, stop.cancel()));
  }
  BRIM_CHECK(write_document(model::replay_document(findings), typed.output));
  return 0;
}

void declare(CLI::App& command, ReplayText& typed) {
  command
      .add_option("--trace", typed.trace,
                  "The trace; compressed with gz, xz or zstd if you like; -: standard input")
      ->required()
      ->type_name("FILE");
  command
      .add_option("--trace-format", typed.format,
                  "pages (a number a line), lackey (valgrind), csv, oracleGeneral (libCacheSim) or "
                  "champsim")
      ->type_name("FORMAT")
      ->capture_default_str();
  command
      .add_option(
          "--policy", typed.policies,
          "Policies, as in lru,clock(reference_on_load=true); 'brim list policies' has them")
      ->type_name("LIST|all")
      ->capture_default_str();
  command
      .add_option("--frames", typed.frames,
                  "Frames of memory, as in 1000,1%; a percentage is of the distinct pages, rounded "
                  "down, at least 1")
      ->type_name("LIST");
  command.add_flag("--curve", typed.curve,
                   "Miss ratios by frames: exact for lru and opt, sampled for all others");
  command.add_option("--sample", typed.sample, "Of sampled curves: the share of pages looked at")
      ->type_name("SHARE")
      ->capture_default_str();
  command.add_flag("--instructions", typed.instructions,
                   "lackey, champsim: instruction fetches, too");
  command.add_option("--page-size", typed.page_size, "Of addresses, in bytes: a power of two")
      ->type_name("BYTES")
      ->capture_default_str();
  command.add_option("--seed", typed.seed, "Of policies that draw, and of samples")
      ->type_name("NUMBER")
      ->capture_default_str();
  command.add_option("--threads", typed.threads, "Threads; 0: all processors")
      ->type_name("N")
      ->capture_default_str();
  add_output_options(command, typed.output);
}

}  // namespace

void add_thrash_replay(CLI::App& area, Session& session) {
  CLI::App* command = area.add_subcommand(
      "replay", "How many page faults a trace has under each replacement policy");
  auto typed = std::make_shared<ReplayText>();
  declare(*command, *typed);
  command->footer(
      "Example:\n"
      "  valgrind --tool=lackey --trace-mem=yes --log-file=ls.lackey ls\n"
      "  brim thrash replay --trace ls.lackey --trace-format lackey --policy all --frames 1%,10%");
  command->callback(
      [&session, typed] { session.action = [typed] { return thrash_replay(*typed); }; });
}

}  // namespace brim::cli
