// SPDX-License-Identifier: Apache-2.0
// What the disk under a folder takes, as the model's flash has it.
#include "base/fd.h"
#include "base/own_time.h"
#include "base/rng.h"
#include "base/stats.h"
#include "base/threads.h"
#include "host/swap_file.h"
#include "thrash/live/calibrate.h"
#include "thrash/live/direct_io.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include <fcntl.h>

namespace brim::thrash::live {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::array<unsigned, 6> kDepths = {1, 2, 4, 8, 16, 32};
constexpr std::array<unsigned, 2> kRequestPages = {1, 32};
constexpr std::array<IoKind, 2> kKinds = {IoKind::write, IoKind::read};
constexpr Bytes kSequentialRequest = mebibytes(1);
constexpr std::uint64_t kLeastRequests = 16;  // of kSequentialRequest that the file has room for
constexpr auto kPatienceToFill = std::chrono::seconds(2);
constexpr Bytes kLeftToOthers = mebibytes(256);

double nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

// Of a request, each time.
struct RequestTimes {
  std::vector<double> ns;
  std::vector<double> processor_ns;
};

// Of one kind of request, each time.
struct KindTimes {
  IoKind kind;
  std::vector<double> bytes_per_s;  // in order
  std::array<RequestTimes, kRequestPages.size()> alone;
};

struct DiskTimes {
  std::array<KindTimes, kKinds.size()> kinds{KindTimes{kKinds[0], {}, {}},
                                             KindTimes{kKinds[1], {}, {}}};
  std::array<std::vector<double>, kDepths.size()> pages_per_s;  // each round

  [[nodiscard]] const KindTimes& of(IoKind kind) const {
    return kinds[kind == IoKind::write ? 0 : 1];
  }
};

// The file, and one kind of request after the other on it.
class TimedFile {
 public:
  TimedFile(Fd file, const Cancel& cancel) : file_(std::move(file)), cancel_(&cancel) {
    for (std::size_t at = 0; at < noise_.bytes().size(); at += sizeof(std::uint64_t)) {
      const std::uint64_t word = rng_.next();
      std::memcpy(noise_.bytes().data() + at, &word, sizeof word);
    }
  }

  // What was never written is read without the disk.
  Result<void> fill(Bytes size) {
    const auto end = Clock::now() + kPatienceToFill;
    while (filled_ < size.count() && (Clock::now() < end || requests() < kLeastRequests)) {
      BRIM_CHECK(not_stopped());
      BRIM_CHECK(transfer(file_.get(), IoKind::write, fresh_noise(noise_.bytes().size()), filled_));
      filled_ += noise_.bytes().size();
    }
    return {};
  }

  // From a random place on, request after request.
  Result<void> in_order(IoKind kind, milliseconds slice, std::vector<double>& bytes_per_s) {
    std::uint64_t number = rng_.below(requests());
    return repeat(slice, [&]() -> Result<void> {
      const std::size_t size = noise_.bytes().size();
      const std::span<std::byte> bytes = kind == IoKind::write ? fresh_noise(size) : read_.bytes();
      number = (number + 1) % requests();
      const auto start = Clock::now();
      BRIM_CHECK(transfer(file_.get(), kind, bytes, number * size));
      bytes_per_s.push_back(static_cast<double>(size) / nanoseconds_since(start) * 1e9);
      return {};
    });
  }

  Result<void> alone(IoKind kind, unsigned pages, milliseconds slice, RequestTimes& times) {
    const std::size_t size = pages * kPageSize;
    return repeat(slice, [&]() -> Result<void> {
      const std::span<std::byte> bytes =
          kind == IoKind::write ? fresh_noise(size) : read_.bytes().first(size);
      const std::uint64_t place = rng_.below(filled_ / size) * size;
      const auto start = Clock::now();
      const auto processor = thread_time();
      BRIM_CHECK(transfer(file_.get(), kind, bytes, place));
      times.processor_ns.push_back(
          std::chrono::duration<double, std::nano>(thread_time() - processor).count());
      times.ns.push_back(nanoseconds_since(start));
      return {};
    });
  }

  // Pages a second of random reads, so many at a time: the sum of the threads' own rates.
  Result<double> together(unsigned requests, milliseconds slice) {
    const Rng rng(rng_.next());
    std::vector<double> rates(requests, 0);
    std::vector<Result<void>> outcomes(requests);
    run_on_threads(requests, [&](unsigned thread) {
      outcomes[thread] = read_pages(rng.split("thread", thread), slice, rates[thread]);
    });
    double sum = 0;
    for (unsigned thread = 0; thread < requests; ++thread) {
      BRIM_CHECK(std::move(outcomes[thread]));
      sum += rates[thread];
    }
    return sum;
  }

 private:
  [[nodiscard]] Result<void> not_stopped() const {
    if (cancel_->requested()) return fail(ErrorCode::interrupted, "stopped");
    return {};
  }
  [[nodiscard]] std::uint64_t requests() const { return filled_ / noise_.bytes().size(); }

  // As long as the slice lasts, and at least once.
  template <class Request>
  Result<void> repeat(milliseconds slice, const Request& request) const {
    const auto end = Clock::now() + slice;
    do {
      BRIM_CHECK(not_stopped());
      BRIM_CHECK(request());
    } while (Clock::now() < end);
    return {};
  }

  Result<void> read_pages(Rng rng, milliseconds slice, double& pages_per_s) const {
    const IoBuffer page{Bytes(kPageSize)};
    std::uint64_t pages = 0;
    const auto start = Clock::now();
    BRIM_CHECK(repeat(slice, [&]() -> Result<void> {
      ++pages;
      return transfer(file_.get(), IoKind::read, page.bytes(),
                      rng.below(filled_ / kPageSize) * kPageSize);
    }));
    pages_per_s = static_cast<double>(pages) / nanoseconds_since(start) * 1e9;
    return {};
  }

  // Another beginning each time, for drives that keep equal blocks once.
  std::span<std::byte> fresh_noise(std::size_t size) {
    for (std::size_t at = 0; at < size; at += kPageSize) {
      const std::uint64_t word = rng_.next();
      std::memcpy(noise_.bytes().data() + at, &word, sizeof word);
    }
    return noise_.bytes().first(size);
  }

  Fd file_;
  const Cancel* cancel_;
  Rng rng_{1};
  IoBuffer noise_{kSequentialRequest};
  IoBuffer read_{kSequentialRequest};
  std::uint64_t filled_ = 0;
};

Result<TimedFile> make_timed_file(const std::string& folder, Bytes size, const Cancel& cancel) {
  BRIM_TRY(Fd file, host::make_nameless_swap_file(folder, size, kLeftToOthers));
  const int flags = ::fcntl(file.get(), F_GETFL);
  if (flags < 0 || ::fcntl(file.get(), F_SETFL, flags | O_DIRECT) != 0)
    return fail(ErrorCode::missing, "its file system refuses direct I/O (O_DIRECT)", folder);
  return TimedFile(std::move(file), cancel);
}

Result<void> time_round(TimedFile& file, milliseconds slice, Progress& progress, DiskTimes& times) {
  for (KindTimes& kind : times.kinds) {
    BRIM_CHECK(file.in_order(kind.kind, 2 * slice, kind.bytes_per_s));
    progress.advance(1);
    for (std::size_t i = 0; i < kRequestPages.size(); ++i) {
      BRIM_CHECK(file.alone(kind.kind, kRequestPages[i], 2 * slice, kind.alone[i]));
      progress.advance(1);
    }
  }
  for (std::size_t i = 0; i < kDepths.size(); ++i) {
    BRIM_TRY(const double rate, file.together(kDepths[i], slice));
    times.pages_per_s[i].push_back(rate);
    progress.advance(1);
  }
  return {};
}

Result<DiskTimes> time_disk(const std::string& folder, const DiskEffort& effort, Progress& progress,
                            const Cancel& cancel) {
  BRIM_TRY(TimedFile file, make_timed_file(folder, effort.file, cancel));
  BRIM_CHECK(file.fill(effort.file));
  progress.advance(1);
  DiskTimes times;
  for (unsigned round = 0; round < effort.rounds; ++round)
    BRIM_CHECK(time_round(file, effort.slice, progress, times));
  return times;
}

std::vector<MeasuredFigure> unmeasured_disk(const std::string& reason) {
  using enum FigureUnit;
  return {{"flash_channels",
           "random reads of 4 KiB a second, where more at a time bring little more, by one's time "
           "alone",
           requests,
           {},
           reason},
          {"flash_read_latency",
           "a random read of 4 KiB alone, less its share of the bandwidth",
           nanoseconds,
           {},
           reason},
          {"flash_write_latency",
           "a random write of 4 KiB alone, less its share of the bandwidth",
           nanoseconds,
           {},
           reason},
          {"flash_read_rate", "reads of 1 MiB in order", bytes_per_s, {}, reason},
          {"flash_write_rate", "writes of 1 MiB in order", bytes_per_s, {}, reason},
          {"swap_request",
           "processor time of a read or write of 4 KiB alone",
           nanoseconds,
           {},
           reason}};
}

// Of each round; the entry takes their median.
std::vector<double> channels_of_rounds(const DiskTimes& times) {
  const double alone_ns = percentile(times.of(IoKind::read).alone[0].ns, 50);
  std::vector<double> channels;
  for (std::size_t round = 0; round < times.pages_per_s.front().size(); ++round) {
    std::array<Throughput, kDepths.size()> tried;
    for (std::size_t i = 0; i < kDepths.size(); ++i)
      tried[i] = {kDepths[i], times.pages_per_s[i][round]};
    channels.push_back(channels_of(where_more_bring_little(tried), alone_ns));
  }
  return channels;
}

FlashFit fit_of(const KindTimes& times, double channels) {
  const double rate = percentile(times.bytes_per_s, 50);
  return {.channels = channels,
          .latency_ns = latency_without_transfer(percentile(times.alone[0].ns, 50), channels, rate),
          .bytes_per_s = rate};
}

std::vector<double> latencies(const KindTimes& times, const FlashFit& fit) {
  std::vector<double> ns;
  for (const double took : times.alone[0].ns)
    ns.push_back(latency_without_transfer(took, fit.channels, fit.bytes_per_s));
  return ns;
}

DiskFigures figures_of(const DiskTimes& times) {
  DiskFigures found{.figures = unmeasured_disk(""), .requests = {}, .depths = {}};
  found.figures[0].values = channels_of_rounds(times);
  const double channels = std::round(percentile(found.figures[0].values, 50));
  const FlashFit reads = fit_of(times.of(IoKind::read), channels);
  const FlashFit writes = fit_of(times.of(IoKind::write), channels);
  found.figures[1].values = latencies(times.of(IoKind::read), reads);
  found.figures[2].values = latencies(times.of(IoKind::write), writes);
  found.figures[3].values = times.of(IoKind::read).bytes_per_s;
  found.figures[4].values = times.of(IoKind::write).bytes_per_s;
  for (const KindTimes& kind : times.kinds)
    found.figures[5].values.insert(found.figures[5].values.end(),
                                   kind.alone[0].processor_ns.begin(),
                                   kind.alone[0].processor_ns.end());
  for (const IoKind kind : {IoKind::read, IoKind::write})
    for (std::size_t i = 0; i < kRequestPages.size(); ++i)
      found.requests.push_back(
          {kind == IoKind::write, kRequestPages[i], times.of(kind).alone[i].ns,
           (kind == IoKind::write ? writes : reads).request_ns(kRequestPages[i])});
  for (std::size_t i = 0; i < kDepths.size(); ++i)
    found.depths.push_back({kDepths[i], times.pages_per_s[i], reads.pages_per_s(kDepths[i])});
  return found;
}

}  // namespace

std::uint64_t disk_steps(const DiskEffort& effort) {
  return 1 + effort.rounds * (kKinds.size() * (1 + kRequestPages.size()) + kDepths.size());
}

Result<DiskFigures> measure_disk(const std::string& folder, const DiskEffort& effort,
                                 Progress& progress, const Cancel& cancel) {
  auto times = time_disk(folder, effort, progress, cancel);
  if (times) return figures_of(*times);
  if (times.error().code == ErrorCode::interrupted) return fail(std::move(times).error());
  if (times.error().where.empty()) times.error().where = folder;
  return DiskFigures{
      .figures = unmeasured_disk(error_line(times.error())), .requests = {}, .depths = {}};
}

}  // namespace brim::thrash::live
