// SPDX-License-Identifier: Apache-2.0
#pragma once
// A probe of responsiveness: a small process that lives where memory is short, as a program does
// that somebody waits for, and tells how long things take there. Nothing of it is locked in memory.
//
//   touch  on each beat it wakes (how late?), and writes a byte into each page of its working set
//   exec   on each beat it starts a small program and waits for its end
//
// Beats are an interval apart. One that was missed because the probe was at work is left out; one
// that a sleeper slept through counts as late, each for itself (else a long stall would weigh as
// much as a short one: "coordinated omission"). Latencies go into a ring in shared memory; what is
// under way has its time there, too, so that a probe that hangs is seen while it does.
//
// The program that is started is a copy of this one in a file of its own (host/own_program.h), for
// consumers lock the pages of theirs; where such a copy can't be started (a folder mounted noexec)
// it is this one, and ProbePage::own_copy says so.

#include "base/result.h"
#include "base/units.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace brim::lab {

enum class ProbeKind : std::uint8_t { touch, exec };

// kind=touch,memory=4194304B,interval=100ms,folder=/var/tmp
struct ProbeTask {
  ProbeKind kind = ProbeKind::touch;
  Bytes memory = mebibytes(4);
  std::chrono::nanoseconds interval = std::chrono::milliseconds(100);
  std::string folder = "/var/tmp";  // of the copy; without a comma

  bool operator==(const ProbeTask&) const = default;
};
[[nodiscard]] Result<ProbeTask> parse_probe(std::string_view text);
[[nodiscard]] std::string format_probe(const ProbeTask& task);

// One writer, one reader. Times are of CLOCK_MONOTONIC, in nanoseconds.
struct LatencyRing {
  static constexpr std::uint64_t kEntries = 1024;
  struct Entry {
    std::atomic<std::int64_t> asked;
    std::atomic<std::int64_t> took;
  };
  std::atomic<std::uint64_t> written;       // ever; the last kEntries are there
  std::atomic<std::int64_t> pending_since;  // asked for, and not done; 0: none
  std::array<Entry, kEntries> entries;

  void begin(std::int64_t asked) { pending_since = asked; }
  void add(std::int64_t asked, std::int64_t took) {
    Entry& entry = entries[written % kEntries];
    entry.asked = asked;
    entry.took = took;
    ++written;
  }
  void done(std::int64_t asked, std::int64_t took) {
    add(asked, took);
    pending_since = 0;
  }
};

struct ProbePage {
  std::atomic<bool> ready;
  std::atomic<bool> own_copy;
  LatencyRing wake;
  LatencyRing touch;
  LatencyRing exec;
  std::array<char, 200> failed;
  // By brim.
  std::atomic<std::int64_t> first_beat;
  std::atomic<std::uint32_t> told;
};

// Comes back only with an error.
[[nodiscard]] Error run_probe(const ProbeTask& task, ProbePage& page);

// For brim: it may begin.
void tell_probe(ProbePage& page, std::int64_t first_beat);

}  // namespace brim::lab
