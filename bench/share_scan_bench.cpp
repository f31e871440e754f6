// SPDX-License-Identifier: Apache-2.0
// How near `brim share scan` comes to the memory's own speed, and how much memory it takes itself:
//   share_scan_bench [--check] [--only images|live|memory] [--mib N] [--live-mib N]
//                    [--memory-gib N] [--folder DIR] [--ksm] [--brim PROGRAM]
// --check: exit 1 when a floor is missed. Images are written to DIR (/dev/shm by default, which
// needs 16 GiB for `memory`, or --memory-gib, and twice --mib for `images`) and removed. --ksm also
// measures merged memory (root): ksmd runs for that time, and is set back. PROGRAM: the brim beside
// this program.

#include "base/text.h"
#include "ratios.h"

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>

namespace {

using brim::bench::BenchOptions;

std::optional<BenchOptions> parse(int argc, char** argv) {
  BenchOptions options;
  options.program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "brim";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    const auto size = [&](std::size_t least) {
      return std::max<std::size_t>(least, brim::parse_number(value()).value_or(0));
    };
    if (argument == "--check")
      options.check = true;
    else if (argument == "--ksm")
      options.ksm = true;
    else if (argument == "--only")
      options.only = value();
    else if (argument == "--mib")
      options.mib = size(64);
    else if (argument == "--live-mib")
      options.live_mib = size(64);
    else if (argument == "--memory-gib")
      options.memory_gib = size(1);
    else if (argument == "--folder")
      options.folder = value();
    else if (argument == "--brim")
      options.program = value();
    else
      return std::nullopt;
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto options = parse(argc, argv);
  if (!options) {
    fmt::print(stderr, "unknown option; see the head of bench/share_scan_bench.cpp\n");
    return 2;
  }
  const auto wanted = [&](std::string_view part) {
    return options->only.empty() || options->only == part;
  };
  bool held = true;
  // Live first: its child is forked while this process is small.
  if (wanted("live")) held &= brim::bench::measure_live(*options);
  if (wanted("images")) held &= brim::bench::measure_images(*options);
  if (wanted("memory")) held &= brim::bench::measure_command_memory(*options);
  return options->check && !held ? 1 : 0;
}
