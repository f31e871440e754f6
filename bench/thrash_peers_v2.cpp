// SPDX-License-Identifier: Apache-2.0
// systemd-oomd beside brim's guard and nobody, in turns, on a machine with cgroups of version 2
// alone: the emulated guest of the live tests (tests/live/v2_guest.h).
//   thrash_peers_v2 [--repeats N] [--output FILE]
// Four writers of 32 MB in 52 MB, 30 s a run, N times each control (5). Told is brim's own report;
// FILE gets the study's result as JSON. As root, with what `brim lab prepare` makes
// (BRIM_LAB_CACHE) and systemd-oomd on PATH or installed. A run takes some 40 s; after three
// minutes a run the study is ended with what it has.

#include "base/text.h"
#include "thrash_scenario.h"
#include "v2_guest.h"

#include <cstdio>
#include <fstream>
#include <thread>

#include <fmt/format.h>

namespace brim::bench {
namespace {

using live::V2Guest;
using std::chrono::seconds;
using std::chrono::steady_clock;

struct PeersOptions {
  std::uint64_t repeats = 5;
  std::string output;  // empty: none
};

std::optional<PeersOptions> parse(int argc, char** argv) {
  PeersOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--repeats" && parse_number(value).value_or(0) > 0)
      options.repeats = *parse_number(value);
    else if (name == "--output")
      options.output = value;
    else
      return std::nullopt;
  }
  return argc % 2 == 1 ? std::optional(options) : std::nullopt;
}

constexpr std::size_t kControls = 3;

// The live test's, for longer: all four run from 9 to 27 s, none from 33 s on.
std::string scenario(std::uint64_t repeats) {
  return fmt::format(R"toml({}run_for = "24s"
[study]
repeats = {}
against = "mechanism.control=none"
compare = ["thrash.accesses", "thrash.fairness", "thrash.wake_p99_ms", "thrash.touch_p99_ms",
  "thrash.exec_p99_ms", "thrash.consumers_killed"]
[sweep]
how = "cartesian"
[sweep.over]
"mechanism.control" = ["none", "systemd-oomd(pressure=5,duration=2s)", "brim"]
)toml",
                     live::kThrashScenario, repeats);
}

// How it ended; where it takes longer than `most`, it is asked to end with what it has.
Result<int> wait_for_study(V2Guest& guest, seconds most) {
  constexpr auto kBetweenLooks = seconds(10);  // each costs the guest some of its time
  constexpr auto kToEnd = seconds(120);
  const auto begin = steady_clock::now();
  bool asked = false;
  for (;;) {
    std::this_thread::sleep_for(kBetweenLooks);
    BRIM_TRY(const std::optional<int> status, guest.status_of("peers"));
    if (status) return *status;
    const auto passed = std::chrono::duration_cast<seconds>(steady_clock::now() - begin);
    fmt::print(stderr, "{} s of {} s at most\n", passed.count(), most.count());
    if (passed >= most + kToEnd) return fail(ErrorCode::io, "the study does not end");
    if (passed < most || asked) continue;
    BRIM_CHECK(guest.kill("peers", "INT"));
    asked = true;
  }
}

// A run that fails costs nothing but itself: the others are in the guest's store.
Result<int> run_study(V2Guest& guest, seconds most) {
  constexpr int kTries = 3;
  std::string command = "./brim run study.toml --live --set live.swap_folder=/w/swap";
  for (int tries = 1;; ++tries) {
    BRIM_CHECK(guest.start_program("peers", command));
    BRIM_TRY(const int status, wait_for_study(guest, most));
    BRIM_TRY(const std::string errors, guest.file("peers.errors"));
    fmt::print(stderr, "{}", errors);
    if (status == 0 || status == exit_status(ErrorCode::interrupted) || tries == kTries)
      return status;
    command += tries == 1 ? " --resume 1" : "";
  }
}

Result<void> copy_out(V2Guest& guest, const std::string& to) {
  BRIM_CHECK(guest.run("./brim report 1 --format json --output result.json", seconds(300)));
  BRIM_TRY(const std::string result, guest.file("result.json"));
  if (!(std::ofstream(to) << result).flush())
    return fail(ErrorCode::io, "could not be written", to);
  return {};
}

// How the study ended: brim's exit status.
Result<int> compare(const PeersOptions& options, const std::filesystem::path& brim) {
  constexpr auto kMostPerRun = seconds(180);
  const std::string text = scenario(options.repeats);
  BRIM_TRY(V2Guest guest, V2Guest::start({.brim = brim, .scenario = text}));
  if (!guest.has_oomd()) return fail(ErrorCode::missing, "systemd-oomd is not installed");
  BRIM_TRY(const int status, run_study(guest, kMostPerRun * options.repeats * kControls));
  BRIM_TRY(const std::string report, guest.file("peers.output"));
  fmt::print("{}", report);
  if (!options.output.empty()) BRIM_CHECK(copy_out(guest, options.output));
  return status;
}

}  // namespace
}  // namespace brim::bench

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto options = brim::bench::parse(argc, argv);
  if (!options) {
    fmt::print(stderr, "unknown option; see the head of bench/thrash_peers_v2.cpp\n");
    return 2;
  }
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  const auto status = brim::bench::compare(*options, self.parent_path() / "brim");
  if (status) return *status;
  fmt::print(stderr, "{}\n", error_line(status.error()));
  return brim::exit_status(status.error().code);
}
