// SPDX-License-Identifier: Apache-2.0
// Costs of KSM, from ksmd's processor time while it merges memory of this process.
#include "base/rng.h"
#include "base/stats.h"
#include "base/units.h"
#include "host/ksm.h"
#include "host/process.h"
#include "share/measure/calibrate.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <sys/mman.h>
#include <xxhash.h>

namespace brim::share {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMergedPages = 8'192;
constexpr int kRepetitions = 5;
constexpr std::uint64_t kVisitsTimed = 200'000;
constexpr auto kPatience = std::chrono::seconds(10);
constexpr std::size_t kFaultsTogether = 256;
constexpr std::string_view kRun = "/sys/kernel/mm/ksm/run";

// Memory of one content, registered with KSM; unmerged and given back with the object.
class MergeableMemory {
 public:
  static Result<MergeableMemory> take() {
    void* const bytes = ::mmap(nullptr, kMergedPages * kPageSize, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) return fail(errno_error(errno, "take memory to merge", ""));
    MergeableMemory memory(static_cast<std::byte*>(bytes));
    ::madvise(bytes, kMergedPages * kPageSize, MADV_NOHUGEPAGE);
    std::memset(bytes, 0x5a, kMergedPages * kPageSize);
    if (::madvise(bytes, kMergedPages * kPageSize, MADV_MERGEABLE) != 0)
      return fail(errno_error(errno, "register memory with KSM", ""));
    return memory;
  }
  ~MergeableMemory() {
    if (bytes_ == nullptr) return;
    ::madvise(bytes_, kMergedPages * kPageSize, MADV_UNMERGEABLE);
    ::munmap(bytes_, kMergedPages * kPageSize);
  }
  MergeableMemory(MergeableMemory&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)) {}
  MergeableMemory& operator=(MergeableMemory&&) = delete;

  [[nodiscard]] std::byte* page(std::size_t number) const { return bytes_ + number * kPageSize; }

 private:
  explicit MergeableMemory(std::byte* bytes) : bytes_(bytes) {}
  std::byte* bytes_;
};

// What ksmd has done and taken so far.
struct KsmdProgress {
  double cpu_ns = 0;
  std::uint64_t scanned = 0;
  std::uint64_t merged = 0;
  std::uint64_t known = 0;  // registered pages that it has come to
};

class KsmWorker {
 public:
  static Result<KsmWorker> find(const host::Host& host) {
    BRIM_TRY(const std::vector<int> pids, host::list_pids(host));
    for (const int pid : pids) {
      const auto name = host.read_value(fmt::format("/proc/{}/comm", pid));
      if (name && *name == "ksmd") return KsmWorker(host, fmt::format("/proc/{}/schedstat", pid));
    }
    return fail(ErrorCode::missing, "there is no ksmd");
  }
  [[nodiscard]] Result<KsmdProgress> progress() const {
    BRIM_TRY(const std::string text, host_.read_value(schedstat_));
    BRIM_TRY(const host::Ksm ksm, host::read_ksm(host_));
    if (!ksm.pages_scanned)
      return fail(ErrorCode::missing, "this kernel does not count pages_scanned (Linux 6.6)");
    const std::uint64_t merged = ksm.pages_shared + ksm.pages_sharing;
    return KsmdProgress{std::strtod(text.c_str(), nullptr), *ksm.pages_scanned, merged,
                        merged + ksm.pages_unshared + ksm.pages_volatile};
  }
  template <class Holds>
  [[nodiscard]] Result<KsmdProgress> wait_until(Holds&& holds) const {
    const auto end = steady_clock::now() + kPatience;
    for (;;) {
      BRIM_TRY(const KsmdProgress now, progress());
      if (holds(now)) return now;
      if (steady_clock::now() > end) return fail(ErrorCode::missing, "ksmd does not get on");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

 private:
  KsmWorker(const host::Host& host, std::string schedstat)
      : host_(host), schedstat_(std::move(schedstat)) {}
  const host::Host& host_;
  std::string schedstat_;  // its first number is the time on a processor, in ns
};

// The answer is used, or the compiler would leave its making out.
volatile std::uint64_t hashed_answers;

struct KsmTimes {
  std::vector<double> visit;
  std::vector<double> merge;
  std::vector<double> write_fault;
};

Result<void> check_alone(const host::Host& host) {
  BRIM_TRY(const host::Ksm ksm, host::read_ksm(host));
  if (ksm.run != 0) return fail(ErrorCode::missing, "KSM is running, on pages of others perhaps");
  BRIM_TRY(const std::optional<int> other, host::find_mergeable_process(host));
  if (other)
    return fail(ErrorCode::missing,
                fmt::format("memory of process {} is registered with KSM, too", *other));
  return {};
}

// Until nothing that ended is counted any more. What is counted all the same is others'.
Result<void> clear_counters(host::Journal& journal, const KsmWorker& worker) {
  BRIM_CHECK(journal.change(kRun, "1"));
  const auto cleared = worker.wait_until([](const KsmdProgress& now) { return now.known == 0; });
  BRIM_CHECK(journal.change(kRun, "0"));
  if (!cleared) return fail(ErrorCode::missing, "memory of other processes is registered with KSM");
  return {};
}

// One page after the other in random order, some together for the clock's sake.
void time_write_faults(const MergeableMemory& memory, Rng& rng, std::vector<double>& ns) {
  std::vector<std::size_t> order(kMergedPages);
  std::iota(order.begin(), order.end(), 0);
  rng.shuffle(std::span(order));
  for (std::size_t at = 0; at < order.size(); at += kFaultsTogether) {
    const auto start = steady_clock::now();
    for (std::size_t i = at; i < at + kFaultsTogether; ++i)
      *static_cast<volatile std::byte*>(memory.page(order[i])) = std::byte{0x5a};
    const std::chrono::duration<double, std::nano> took = steady_clock::now() - start;
    ns.push_back(took.count() / static_cast<double>(kFaultsTogether));
  }
}

// What a comparison of equal pages takes where ksmd makes it: of one just hashed with one that many
// pages are compared with.
double hot_comparison_ns(const MergeableMemory& memory) {
  const auto time = [&memory](bool compare) {
    const auto start = steady_clock::now();
    std::uint64_t answers = 0;
    for (std::size_t i = 0; i < kMergedPages; ++i) {
      answers += XXH64(memory.page(i), kPageSize, 0);
      if (compare && std::memcmp(memory.page(i), memory.page(0), kPageSize) != 0) ++answers;
    }
    hashed_answers = answers;
    return std::chrono::duration<double, std::nano>(steady_clock::now() - start).count();
  };
  static_cast<void>(time(true));
  const double hashed = time(false);
  return std::max(0.0, time(true) - hashed) / static_cast<double>(kMergedPages);
}

// ksmd hashes each page in the first scan; in the second it hashes, compares twice and merges.
Result<void> merge_once(host::Journal& journal, const KsmWorker& worker, Rng& rng,
                        KsmTimes& times) {
  BRIM_TRY(const MergeableMemory pages, MergeableMemory::take());
  const double comparison = hot_comparison_ns(pages);
  BRIM_TRY(const KsmdProgress start, worker.progress());
  BRIM_CHECK(journal.change(kRun, "1"));
  BRIM_TRY(const KsmdProgress hashed, worker.wait_until([&](const KsmdProgress& now) {
    return now.scanned >= start.scanned + kMergedPages;
  }));
  BRIM_TRY(const KsmdProgress merged,
           worker.wait_until([](const KsmdProgress& now) { return now.merged >= kMergedPages; }));
  BRIM_TRY(const KsmdProgress visited, worker.wait_until([&](const KsmdProgress& now) {
    return now.scanned >= merged.scanned + kVisitsTimed;
  }));
  BRIM_CHECK(journal.change(kRun, "0"));
  const auto a_page = [](const KsmdProgress& from, const KsmdProgress& to) {
    return (to.cpu_ns - from.cpu_ns) / static_cast<double>(to.scanned - from.scanned);
  };
  times.visit.push_back(a_page(merged, visited));
  times.merge.push_back(a_page(hashed, merged) - a_page(start, hashed) - 2 * comparison);
  time_write_faults(pages, rng, times.write_fault);
  return {};
}

Result<KsmTimes> time_ksm(const host::Host& host, host::Journal& journal) {
  BRIM_CHECK(check_alone(host));
  BRIM_TRY(const KsmWorker worker, KsmWorker::find(host));
  BRIM_CHECK(journal.change("/sys/kernel/mm/ksm/pages_to_scan", "2000"));
  BRIM_CHECK(journal.change("/sys/kernel/mm/ksm/sleep_millisecs", "1"));
  if (host.exists("/sys/kernel/mm/ksm/smart_scan"))
    BRIM_CHECK(journal.change("/sys/kernel/mm/ksm/smart_scan", "0"));
  BRIM_CHECK(clear_counters(journal, worker));
  KsmTimes times;
  Rng rng(3);
  for (int i = 0; i < kRepetitions; ++i) {
    BRIM_CHECK(merge_once(journal, worker, rng, times));
    BRIM_CHECK(clear_counters(journal, worker));
  }
  return times;
}

}  // namespace

std::vector<MeasuredCost> measure_ksm_costs(const host::Host& host, host::Journal& journal) {
  std::vector<MeasuredCost> costs{
      {.key = "visit_ns", .how = "ksmd's time a visit of merged pages"},
      {.key = "merge_ns", .how = "ksmd's time a page merged, less visit, checksum and comparisons"},
      {.key = "copy_on_write_ns", .how = "a write fault on a merged page"}};
  auto times = time_ksm(host, journal);
  static_cast<void>(journal.restore_own());
  if (times) {
    costs[0].ns = std::move(times->visit);
    costs[1].ns = std::move(times->merge);
    costs[2].ns = std::move(times->write_fault);
    for (MeasuredCost& cost : costs) {
      if (percentile(cost.ns, 50) > 0) continue;
      cost.ns.clear();
      cost.reason = "it is lost in the spread of what is taken from it";
    }
  } else {
    for (MeasuredCost& cost : costs) cost.reason = error_line(times.error());
  }
  return costs;
}

}  // namespace brim::share
