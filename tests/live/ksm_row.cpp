// SPDX-License-Identifier: Apache-2.0
#include "ksm_row.h"

#include "base/stats.h"
#include "lab/agent/load_process.h"
#include "share/model/ksm.h"
#include "share/model/population.h"
#include "share_child.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <new>

#include <fmt/format.h>

namespace brim::live {
namespace {

using std::chrono::duration;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

const std::string kKsm = "/sys/kernel/mm/ksm/";
constexpr milliseconds kSampling{5};

std::uint64_t counter(const std::string& name) {
  return std::strtoull(read_text(kKsm + name).c_str(), nullptr, 10);
}

// A process under a load, which is killed with the object.
class RunningLoad {
 public:
  explicit RunningLoad(const lab::Load& load) {
    void* const shared = ::mmap(nullptr, sizeof(lab::LoadProgress), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return;
    progress_ = new (shared) lab::LoadProgress();
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    static_cast<void>(lab::run_load(load, lab::Mergeable::yes, *progress_, [] {}));
    ::_exit(3);
  }
  ~RunningLoad() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    if (progress_ != nullptr) ::munmap(progress_, sizeof(lab::LoadProgress));
  }
  RunningLoad(const RunningLoad&) = delete;
  RunningLoad& operator=(const RunningLoad&) = delete;

  [[nodiscard]] bool filled() const { return progress_ != nullptr && progress_->filled; }
  [[nodiscard]] std::uint64_t cycles() const { return progress_->cycles; }

  // Called often: sees when cycles end.
  void watch(double t) {
    const std::uint64_t now = cycles();
    if (now == seen_) return;
    if (first_ == 0) {
      first_ = t;
      of_first_ = now;
    }
    last_ = t;
    seen_ = now;
  }
  // From the first that was seen to the last; `pause` where there were not two.
  [[nodiscard]] KsmCycles watched(double pause) const {
    const auto between = static_cast<double>(seen_ - of_first_);
    return {first_, between > 0 ? (last_ - first_) / between : pause};
  }
  void begin_watch() { seen_ = of_first_ = cycles(); }

 private:
  lab::LoadProgress* progress_ = nullptr;
  pid_t pid_ = 0;
  std::uint64_t seen_ = 0;
  std::uint64_t of_first_ = 0;
  double first_ = 0;
  double last_ = 0;
};

// ksmd forgets what processes that ended had merged only as it comes round.
bool settle_counters() {
  const Setting pages(kKsm + "pages_to_scan", "20000");
  const Setting run(kKsm + "run", "1");
  return eventually([] {
    return counter("pages_shared") + counter("pages_sharing") + counter("pages_unshared") == 0;
  });
}

double seconds_since(steady_clock::time_point start) {
  return duration<double>(steady_clock::now() - start).count();
}

// The kernel's knobs as the row has them; as they were at the end.
struct Knobs {
  explicit Knobs(const KsmRow& row)
      : max_page_sharing(kKsm + "max_page_sharing", std::to_string(row.max_page_sharing)),
        pages(kKsm + "pages_to_scan", std::to_string(row.pages_to_scan)),
        sleep(kKsm + "sleep_millisecs", std::to_string(row.sleep.count())),
        smart_scan(kKsm + "smart_scan", row.smart_scan ? "1" : "0") {}
  Setting max_page_sharing;
  Setting pages;
  Setting sleep;
  Setting smart_scan;
};

std::vector<lab::Load> loads_of(const KsmRow& row) {
  std::vector<lab::Load> loads = row.loads;
  for (lab::Load& load : loads) load.write_rate = row.write_rate;
  return loads;
}

double end_of(const KsmRow& row) {
  const double cycle = duration<double>(row.loads.front().pause).count();
  return static_cast<double>(row.settling.count()) + 1.2 * static_cast<double>(row.periods) * cycle;
}

// A full scan ends with a batch cut short.
double batches_in(const KsmRow& row, double scanned) {
  double pages = 0;
  for (const lab::Load& load : row.loads)
    pages += static_cast<double>(whole_pages(load.bytes).count());
  const auto batch = static_cast<double>(row.pages_to_scan);
  return scanned / pages * (std::floor(pages / batch) + 1);
}

// The contents of a load's page, by identity: equal where lab::LoadedBuffer makes equal bytes.
share::model::Content content_of_page(const lab::Load& load, std::uint64_t page) {
  using share::model::content_of;
  switch (load.content) {
    case lab::LoadContent::study:
      return content_of(1, 0);
    case lab::LoadContent::per_page:
      return content_of(2, page);
    case lab::LoadContent::per_machine:
      return content_of(3, load.machine);
    case lab::LoadContent::unique:
      return content_of(4 + load.machine, page);
    case lab::LoadContent::zero:
      break;
  }
  return share::model::kZeroContent;
}

// The same processes in simulated memory, of which only what they do to pages is simulated.
class SimulatedHost {
 public:
  SimulatedHost(const KsmRow& row, const KsmSeries& live)
      : ksm_(memory_, knobs_of(row, live), share::model::Costs{}) {
    for (const lab::Load& load : loads_of(row)) {
      const auto pages = memory_.add_guest(whole_pages(load.bytes));
      for (Page page = pages.first; page < pages.end; ++page)
        memory_.write(page, content_of_page(load, page - pages.first));
      ksm_.add(pages);
      const KsmCycles& cycles = live.cycles[loads_.size()];
      loads_.push_back({load, pages, lab::write_positions(load), cycles.period, cycles.first});
    }
  }

  // What the counters say at a time, not earlier than that of the call before.
  KsmSample at(double t) {
    for (;;) {
      const auto next = std::ranges::min_element(loads_, {}, &SimulatedLoad::next);
      if (next->next > t) break;
      run_until(next->next);
      write(*next);
      next->next += next->period;
    }
    run_until(t);
    const auto& counters = ksm_.counters();
    return {t, static_cast<double>(counters.pages_shared),
            static_cast<double>(counters.pages_sharing)};
  }
  [[nodiscard]] double visits() const { return static_cast<double>(ksm_.work().visits); }

 private:
  using Page = share::model::Page;
  struct SimulatedLoad {
    lab::Load load;
    share::model::SimulatedMemory::Range pages;
    std::unique_ptr<lab::WritePositions> positions;
    double period = 0;  // s
    double next = 0;    // s
  };

  // A batch and its sleep take what they took live; so its work costs nothing besides.
  static share::model::KsmKnobs knobs_of(const KsmRow& row, const KsmSeries& live) {
    return {.pages_to_scan = row.pages_to_scan,
            .sleep = std::chrono::nanoseconds(static_cast<std::int64_t>(live.batch_seconds * 1e9)),
            .max_page_sharing = row.max_page_sharing,
            .smart_scan = row.smart_scan,
            .checksum_first = true};
  }
  void run_until(double t) {
    ksm_.run(share::model::ModelTime(static_cast<std::int64_t>(t * 1e9)));
  }
  void write(SimulatedLoad& load) {
    const std::uint64_t bytes = load.load.bytes.count();
    const std::uint64_t pages = load.pages.end - load.pages.first;
    const std::uint64_t writes =
        pages * load.load.write_rate.numerator / load.load.write_rate.denominator;
    for (std::uint64_t i = 0; i < writes; ++i) {
      const std::uint64_t page = load.positions->next(bytes) / kPageSize;
      memory_.write(load.pages.first + static_cast<Page>(page), content_of_page(load.load, page));
    }
  }

  share::model::SimulatedMemory memory_;
  share::model::Ksm ksm_;
  std::vector<SimulatedLoad> loads_;
};

}  // namespace

std::string why_no_live_ksm() {
  if (::access((kKsm + "run").c_str(), W_OK) != 0) return "KSM can't be set here";
  if (counter("run") != 0) return "KSM is running already";
  if (!settle_counters()) return "other processes' pages are registered with KSM";
  return "";
}

namespace {

KsmSeries sample_loads(const KsmRow& row) {
  KsmSeries series;
  std::deque<RunningLoad> loads;
  for (const lab::Load& load : loads_of(row)) {
    const RunningLoad& started = loads.emplace_back(load);
    EXPECT_TRUE(eventually([&] { return started.filled(); }));
  }
  const Setting run(kKsm + "run", "1");
  const auto start = steady_clock::now();
  const std::uint64_t scanned_before = counter("pages_scanned");
  for (RunningLoad& load : loads) load.begin_watch();
  auto next = start;
  const auto end = start + duration_cast<steady_clock::duration>(duration<double>(end_of(row)));
  while (next < end) {
    const double t = seconds_since(start);
    series.samples.push_back({t, static_cast<double>(counter("pages_shared")),
                              static_cast<double>(counter("pages_sharing"))});
    for (RunningLoad& load : loads) load.watch(t);
    next += kSampling;
    std::this_thread::sleep_until(next);
  }
  const double took = seconds_since(start);
  const auto scanned = static_cast<double>(counter("pages_scanned") - scanned_before);
  series.pages_per_s = scanned / took;
  series.batch_seconds = took / batches_in(row, scanned);
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const double pause = duration<double>(row.loads[i].pause).count();
    series.cycles.push_back(loads[i].watched(pause));
    // A load that writes nothing turns more slowly than its pause says.
    if (row.write_rate.numerator == 0) series.cycles.back().period = pause;
  }
  return series;
}

}  // namespace

KsmSeries run_live_ksm(const KsmRow& row) {
  EXPECT_TRUE(settle_counters());
  const Knobs knobs(row);
  KsmSeries series = sample_loads(row);
  // max_page_sharing can only be put back once nothing is merged.
  EXPECT_TRUE(settle_counters());
  return series;
}

KsmSeries run_simulated_ksm(const KsmRow& row, const KsmSeries& live) {
  SimulatedHost host(row, live);
  KsmSeries series;
  for (const KsmSample& sample : live.samples) series.samples.push_back(host.at(sample.t));
  series.batch_seconds = live.batch_seconds;
  series.cycles = live.cycles;
  series.pages_per_s = host.visits() / live.samples.back().t;
  return series;
}

KsmMeans means_of(const KsmRow& row, const KsmSeries& series) {
  KsmMeans means;
  const double period = series.cycles.front().period;
  std::vector<double> shared;
  std::vector<double> sharing;
  double began = series.samples.back().t - static_cast<double>(row.periods) * period;
  for (const KsmSample& sample : series.samples) {
    if (sample.t < began) continue;
    shared.push_back(sample.pages_shared);
    sharing.push_back(sample.pages_sharing);
    if (sample.t < began + period) continue;
    means.shared.push_back(mean(shared));
    means.sharing.push_back(mean(sharing));
    shared.clear();
    sharing.clear();
    began += period;
  }
  const double enough = 0.9 * mean(means.sharing);
  const auto reached = std::ranges::find_if(
      series.samples, [enough](const KsmSample& sample) { return sample.pages_sharing >= enough; });
  means.to_ninety_percent = reached->t;
  return means;
}

}  // namespace brim::live
