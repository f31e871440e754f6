// SPDX-License-Identifier: Apache-2.0
// What an access to memory takes, and the first touch of a page.
#include "base/own_time.h"
#include "base/rng.h"
#include "base/text.h"
#include "host/child.h"
#include "lab/agent/consumer.h"
#include "lab/agent/monotonic_time.h"
#include "thrash/live/calibrate.h"

#include <cerrno>
#include <charconv>
#include <memory>
#include <numeric>
#include <span>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace brim::thrash::live {
namespace {

using namespace std::chrono_literals;

// As brim's own live scenarios have it: a burst finds caches and TLB as the pause left them.
constexpr Bytes kConsumed(40'000'000);
constexpr std::uint64_t kAccesses = 2000;
constexpr auto kPause = 10ms;
constexpr std::size_t kTouchedPages = 8192;
constexpr std::size_t kTouchedTogether = 256;  // for the clock's sake
constexpr int kTouchRounds = 4;

constexpr auto kWarmUp = 800ms;  // until all of it is resident: some 14 accesses a page
constexpr auto kBetweenLooks = 50ms;
constexpr int kAccessLooks = 15;
constexpr auto kPatienceForChild = 10s;

// The consumer as live runs have it: of pages of 4 KiB, on a thread whose processor time is told.
// Nanoseconds an access between looks, as text. To be run in a child: it locks memory.
std::string time_consumer() {
  ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  lab::ConsumerLoad load;
  load.memory = kConsumed;
  load.accesses = kAccesses;
  load.pause = kPause;
  const auto page = std::make_unique<lab::ConsumerPage>();
  std::jthread consumer([&] { static_cast<void>(lab::run_consumer(load, *page)); });
  clockid_t clock = 0;
  if (::pthread_getcpuclockid(consumer.native_handle(), &clock) != 0) ::_exit(1);
  const std::int64_t now = lab::monotonic_now();
  const auto all = kWarmUp + (kAccessLooks + 4) * kBetweenLooks;
  lab::tell_consumer(*page, now, now + std::chrono::nanoseconds(all).count());
  std::this_thread::sleep_for(kWarmUp);
  std::string text;
  auto time = time_of_clock(clock);
  std::uint64_t accesses = page->accesses;
  for (int look = 0; look < kAccessLooks; ++look) {
    std::this_thread::sleep_for(kBetweenLooks);
    // It may have ended: late looks of a busy machine.
    if (page->ended != 0) break;
    const auto time_then = std::exchange(time, time_of_clock(clock));
    const std::uint64_t accesses_then = std::exchange(accesses, page->accesses.load());
    if (accesses == accesses_then || time <= time_then) continue;
    text += fmt::format("{:.3f} ", static_cast<double>((time - time_then).count()) /
                                       static_cast<double>(accesses - accesses_then));
  }
  return text;
}

Result<std::vector<double>> time_accesses() {
  BRIM_TRY(const std::string text, host::run_in_child(time_consumer, kPatienceForChild));
  std::vector<double> ns;
  for (const std::string_view word : split(trim(text), ' ')) {
    double value = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
    if (read.ec == std::errc()) ns.push_back(value);
  }
  if (ns.empty()) return fail(ErrorCode::io, "the consumer got no processor time");
  return ns;
}

// Memory of 4 KiB pages that nobody has touched yet.
class UntouchedMemory {
 public:
  UntouchedMemory()
      : bytes_(::mmap(nullptr, kTouchedPages * kPageSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (there()) ::madvise(bytes_, kTouchedPages * kPageSize, MADV_NOHUGEPAGE);
  }
  ~UntouchedMemory() {
    if (there()) ::munmap(bytes_, kTouchedPages * kPageSize);
  }
  UntouchedMemory(const UntouchedMemory&) = delete;
  UntouchedMemory& operator=(const UntouchedMemory&) = delete;
  [[nodiscard]] bool there() const { return bytes_ != MAP_FAILED; }
  void touch(std::size_t page) const {
    static_cast<volatile std::byte*>(bytes_)[page * kPageSize] = std::byte{1};
  }

 private:
  void* bytes_;
};

// In random order, as a consumer's pages come.
Result<void> time_first_touches(Rng& rng, std::vector<double>& ns) {
  const UntouchedMemory memory;
  if (!memory.there()) return fail(errno_error(errno, "take memory to touch", ""));
  std::vector<std::size_t> order(kTouchedPages);
  std::iota(order.begin(), order.end(), 0);
  rng.shuffle(std::span(order));
  for (std::size_t at = 0; at < order.size(); at += kTouchedTogether) {
    const auto start = thread_time();
    for (std::size_t i = at; i < at + kTouchedTogether; ++i) memory.touch(order[i]);
    const std::chrono::duration<double, std::nano> took = thread_time() - start;
    ns.push_back(took.count() / static_cast<double>(kTouchedTogether));
  }
  return {};
}

}  // namespace

Result<std::vector<MeasuredFigure>> measure_memory(Progress& progress, const Cancel& cancel) {
  std::vector<MeasuredFigure> figures{
      {.key = "access", .how = "a consumer's write to a random byte of 40 MB"},
      {.key = "minor_fault", .how = "the first touch of a page of 4 KiB"}};
  auto accesses = time_accesses();
  if (accesses)
    figures[0].values = std::move(*accesses);
  else
    figures[0].reason = error_line(accesses.error());
  progress.advance(kMemorySteps - kTouchRounds);
  Rng rng(1);
  for (int round = 0; round < kTouchRounds && figures[1].reason.empty(); ++round) {
    if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
    const auto touched = time_first_touches(rng, figures[1].values);
    if (!touched) figures[1].reason = error_line(touched.error());
    progress.advance(1);
  }
  if (!figures[1].reason.empty()) figures[1].values.clear();
  return figures;
}

}  // namespace brim::thrash::live
