// SPDX-License-Identifier: Apache-2.0
// How fast traces are replayed:
//   thrash_replay_bench [--check]
// 10 million references, Zipf 1.0 over a million pages, as libCacheSim's oracleGeneral, from a file
// in the page cache; memory of a tenth of the pages. Each row is end to end on one thread: open,
// read, number the pages, check the next accesses, replay. --check: exit 1 when a floor is missed.

#include "base/cancel.h"
#include "base/own_time.h"
#include "base/progress.h"
#include "image/trace.h"
#include "ratios.h"
#include "thrash/model/lru_curve.h"
#include "thrash/model/opt_curve.h"
#include "thrash/model/replay_study.h"
#include "thrash/model/trace_loading.h"
#include "thrash/model/zipf_trace.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string_view>

#include <sys/resource.h>

namespace brim::bench {
namespace {

using thrash::model::PageTrace;

constexpr std::size_t kReferences = 10'000'000;
constexpr std::size_t kPages = 1'000'000;

// As libCacheSim has it: 24 bytes, little endian, next accesses as places counted from 0.
void write_trace(const std::string& path) {
  const PageTrace trace = thrash::model::zipf_trace(kReferences, kPages, 1.0, Rng(1));
  std::vector<std::int64_t> next(kReferences);
  std::vector<std::int64_t> coming(trace.pages, -1);
  for (std::size_t i = kReferences; i-- > 0;)
    next[i] = std::exchange(coming[trace.references[i].page()], static_cast<std::int64_t>(i));
  std::ofstream file(path, std::ios::binary);
  std::array<char, 24> record{};
  for (std::size_t i = 0; i < kReferences; ++i) {
    // Numbers of real traces are not dense.
    const std::uint64_t object = (trace.references[i].page() + 1) * 0x9e3779b97f4a7c15ULL;
    std::memcpy(record.data() + 4, &object, 8);
    std::memcpy(record.data() + 16, &next[i], 8);
    file.write(record.data(), record.size());
  }
}

Result<PageTrace> load(const std::string& path) {
  BRIM_TRY(const auto reader, image::open_trace(path, image::TraceFormat::oracle_general, {}));
  Progress none;
  return thrash::model::load_trace(*reader, none, kNeverCancelled);
}

struct Row {
  std::string_view what;
  double floor;  // million references a second
  std::function<void(const PageTrace&)> replay;
};

std::function<void(const PageTrace&)> policy(std::string_view name) {
  return [name](const PageTrace& trace) {
    const auto chosen = thrash::model::choose_policies(name);
    static_cast<void>(chosen->front().policy->replay({.trace = trace, .frames = trace.pages / 10},
                                                     chosen->front().settings));
  };
}

std::vector<Row> rows() {
  std::vector<Row> rows = {
      {"reading alone", 0, [](const PageTrace&) {}},
      {"fifo", 25, policy("fifo")},
      {"clock", 25, policy("clock")},
      {"lru", 15, policy("lru")},
      {"opt", 5, policy("opt")},
      {"LRU's curve, all sizes", 5,
       [](const PageTrace& trace) { static_cast<void>(thrash::model::lru_faults(trace)); }},
      {"OPT's curve, all sizes", 0,
       [](const PageTrace& trace) { static_cast<void>(thrash::model::opt_faults(trace)); }}};
  for (const auto& other : thrash::model::replacement_policies()) {
    const bool there =
        std::ranges::any_of(rows, [&](const Row& row) { return row.what == other.family.name; });
    if (!there) rows.push_back({other.family.name, 0, policy(other.family.name)});
  }
  return rows;
}

bool measure(const std::string& path) {
  bool held = true;
  for (const Row& row : rows()) {
    double best = 0;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const auto start = thread_time();
      const auto trace = load(path);
      if (!trace) {
        fmt::print("{}\n", error_line(trace.error()));
        return false;
      }
      row.replay(*trace);
      const double seconds = std::chrono::duration<double>(thread_time() - start).count();
      best = std::max(best, kReferences / seconds / 1e6);
    }
    held &=
        show(fmt::format("{}, million references/s", row.what), best, Bound::at_least, row.floor);
  }
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  fmt::print("memory at most: {} MiB, of which the trace takes 4 bytes a reference: {} MiB\n",
             use.ru_maxrss >> 10, kReferences * 4 >> 20);
  return held;
}

}  // namespace
}  // namespace brim::bench

int main(int argc, char** argv) {
  const bool check = argc > 1 && std::string_view(argv[1]) == "--check";
  const std::string path =
      (std::filesystem::temp_directory_path() / "brim-replay-bench.oracleGeneral").string();
  brim::bench::write_trace(path);
  const bool held = brim::bench::measure(path);
  std::filesystem::remove(path);
  return check && !held ? EXIT_FAILURE : EXIT_SUCCESS;
}
