// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a live study records at a moment: memory and processor time of each guest and of all, how
// far their loads are, KSM's counters and its thread's time, and what reading the guests' memory
// tells (scan.h): the potential, what of it is real, and churn, the pages whose contents changed
// since the last reading.
//
// Processor times are since the sample before. Of the host's, brim's own is taken off: it reads
// memory that would not be read without it.

#include "base/cancel.h"
#include "base/result.h"
#include "base/rng.h"
#include "host/host.h"
#include "host/process.h"
#include "host/processor_times.h"
#include "share/live/live_guest.h"
#include "share/measure/scan_json.h"
#include "study/backend.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace brim::share::live {

using Guests = std::span<const std::unique_ptr<LiveGuest>>;

struct GuestsMemory {
  Bytes pss{0};
  Bytes rss{0};
};
// Of all guests together, now.
[[nodiscard]] Result<GuestsMemory> memory_of(const host::Host& host, Guests guests);

class LiveSampler {
 public:
  // `host` must outlive it. `rng` keys the hashes of pages: the same for a whole run.
  LiveSampler(const host::Host& host, const Rng& rng) : host_(host), rng_(rng) {}

  // Processor times count from here.
  [[nodiscard]] Result<void> begin(Guests guests);
  [[nodiscard]] Result<void> sample(Guests guests, double t_seconds, const study::SampleSink& sink);
  [[nodiscard]] Result<void> scan(Guests guests, double t_seconds, const study::SampleSink& sink,
                                  const Cancel& cancel);

 private:
  // At the sample before.
  struct Times {
    std::chrono::steady_clock::time_point at;
    host::ProcessorTimes host;
    std::chrono::nanoseconds own{0};
    std::optional<host::ProcessorTime> ksmd;
    std::map<std::string, host::ProcessorTime> guests;
  };
  [[nodiscard]] Result<Times> times_now(Guests guests);
  void tell_times(const Times& now, double t_seconds, const study::SampleSink& sink) const;
  void tell_ksm(double t_seconds, const study::SampleSink& sink);
  // `io` for a load that failed.
  [[nodiscard]] static Result<void> tell_loads(Guests guests, double t_seconds,
                                               const study::SampleSink& sink);

  const host::Host& host_;
  Rng rng_;
  std::optional<host::Process> ksmd_;
  Times before_;
  std::optional<std::uint64_t> first_copies_on_write_;
  std::optional<std::uint64_t> first_pages_scanned_;
  std::map<std::string, PageHashes::value_type> hashes_;  // by guest
};

}  // namespace brim::share::live
