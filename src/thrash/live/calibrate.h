// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this machine's disk, compressed memory and memory take for a page, as hardware entries of
// the area "thrash" state it for the model: by micro-benchmarks of each alone. Nothing that
// thrashes is run, so that what the model says of thrashing here stays a prediction.
//
// The disk: a file without a name, as a swap file would be made (host/swap_file.h), read and
// written past the page cache (O_DIRECT), with noise in it. Rounds of all kinds of requests take
// turns. Times are those of the calls. The processor time of a request of a page is told for
// itself (mechanism.swap_request): the calling thread's, with the call's way through the file
// system, which swap does not have, and without interrupts that others' time is taken for.
//
// Compressed memory: single pages written to and read from a zram device of brim's own, by this
// thread's processor time (zram works in its caller's). Of each the time of a page of zeros is
// taken off, which zram stores and gives without its compressor: the call's and the block layer's
// way, which a page on its way to swap does not have, or has in mechanism.swap_page. Pages hold
// what consumers that fill nothing (lab/agent/consumer.h) leave there: zeros, and bytes at random
// places, so many that the same place is seldom hit twice.
//
// Memory: the consumer itself, in a child, counts its accesses to 40 MB, in bursts of 2,000 with
// pauses of 10 ms; a first touch is of a page of 4 KiB. By processor time, so that others' work
// here is not in them.
//
// LIMIT: what is compressed and given back was just touched, and is in the processor's caches.
// LIMIT: a first touch is outside of any cgroup with a limit; where the kernel charges it to one it
// takes longer.
// mechanism.major_fault and swap_page are not measured: they can't be timed without swapping.

#include "base/cancel.h"
#include "base/progress.h"
#include "base/result.h"
#include "base/units.h"
#include "host/host.h"
#include "thrash/live/flash_fit.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace brim::thrash::live {

enum class FigureUnit : std::uint8_t { nanoseconds, bytes_per_s, requests, share };

struct MeasuredFigure {
  std::string_view key;  // as in a hardware entry, or of a mechanism: "minor_fault"
  std::string_view how;  // one phrase
  FigureUnit unit = FigureUnit::nanoseconds;
  std::vector<double> values{};  // each time; none where it was not measured
  std::string reason{};          // then: why not
};

// A request that was timed alone, and what the model takes for it.
struct RequestCheck {
  bool write = false;
  unsigned pages = 1;
  std::vector<double> ns;
  double modelled_ns = 0;
};

struct DepthCheck {
  unsigned requests = 1;            // random reads of a page at a time
  std::vector<double> pages_per_s;  // each round
  double modelled_pages_per_s = 0;
};

struct DiskFigures {
  std::vector<MeasuredFigure> figures;
  std::vector<RequestCheck> requests;  // these two: empty where nothing was measured
  std::vector<DepthCheck> depths;
};

struct DiskEffort {
  Bytes file = mebibytes(256);          // less where it can't be filled in two seconds
  std::chrono::milliseconds slice{80};  // of each kind of request in a round
  unsigned rounds = 3;
};
// Each measure_...() advances `progress` by its number of steps. `interrupted` where it was asked
// to stop is its only error: what can't be measured has its reason among the figures.
[[nodiscard]] std::uint64_t disk_steps(const DiskEffort& effort);
[[nodiscard]] Result<DiskFigures> measure_disk(const std::string& folder, const DiskEffort& effort,
                                               Progress& progress, const Cancel& cancel);

// Pages after so many bytes written to each, on average.
struct ContentFigures {
  unsigned writes = 1;
  std::vector<double> compress_ns;
  std::vector<double> decompress_ns;
  double compressed_share = 0;  // memory taken from the host, of the pages' own
};

struct ZramFigures {
  std::vector<MeasuredFigure> figures;   // of pages with kWritesOfEntry
  std::vector<ContentFigures> contents;  // by ascending writes
};

// Assumed: consumers write to a page some times before it leaves.
inline constexpr unsigned kWritesOfEntry = 16;
inline constexpr std::uint64_t kZramSteps = 4;
// `records`: the folder of records of swap areas.
[[nodiscard]] Result<ZramFigures> measure_zram(const host::Host& host, const std::string& records,
                                               Progress& progress, const Cancel& cancel);
// The same, where it is not to be.
[[nodiscard]] ZramFigures without_zram(std::string_view reason);

inline constexpr std::uint64_t kMemorySteps = 8;
[[nodiscard]] Result<std::vector<MeasuredFigure>> measure_memory(Progress& progress,
                                                                 const Cancel& cancel);

}  // namespace brim::thrash::live
