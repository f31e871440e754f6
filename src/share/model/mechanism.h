// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every simulated sharing mechanism is: something that looks at guests' pages as its own rules
// allow, lets equal ones share a frame, and counts the work that took.

#include "base/result.h"
#include "share/model/memory.h"

#include <chrono>
#include <cstdint>

namespace brim::share::model {

using ModelTime = std::chrono::nanoseconds;  // since the start
using CpuTime = std::chrono::duration<double, std::nano>;

// A block of a page's size of a disk image: blocks of one number have one content until written.
enum class Block : std::uint64_t {};

// Counted, not timed: what it costs is the hardware's word (Costs). What guests' own accesses cost
// (copies on write, pages restored) SimulatedMemory counts.
struct Work {
  std::uint64_t visits = 0;         // pages the scanner came to
  std::uint64_t checksums = 0;      // pages hashed
  std::uint64_t comparisons = 0;    // of unequal pages: they end at the first byte that differs
  std::uint64_t confirmations = 0;  // of equal pages: all 4 KiB
  std::uint64_t merges = 0;         // pages that came to share a frame
  std::uint64_t skips = 0;          // pages passed over by rule
  std::uint64_t lookups = 0;        // of disk blocks, in the I/O path
  std::uint64_t breaks = 0;         // large pages broken into small ones
  std::uint64_t patches = 0;        // pages diffed against another, whether the patch was kept
  std::uint64_t compressions = 0;   // pages compressed, whether that was kept

  bool operator==(const Work&) const = default;
};

struct Costs {
  CpuTime visit{0};
  CpuTime checksum{0};
  CpuTime comparison{0};
  CpuTime confirmation{0};
  CpuTime merge{0};
  CpuTime lookup{0};
  CpuTime large_break{0};
  CpuTime patch{0};
  CpuTime compression{0};

  [[nodiscard]] CpuTime of(const Work& work) const {
    return visit * static_cast<double>(work.visits) +
           checksum * static_cast<double>(work.checksums) +
           comparison * static_cast<double>(work.comparisons) +
           confirmation * static_cast<double>(work.confirmations) +
           merge * static_cast<double>(work.merges) + lookup * static_cast<double>(work.lookups) +
           large_break * static_cast<double>(work.breaks) +
           patch * static_cast<double>(work.patches) +
           compression * static_cast<double>(work.compressions);
  }
};

class Mechanism {
 public:
  virtual ~Mechanism() = default;
  // One guest's pages, which it may share from now on.
  virtual void add(SimulatedMemory::Range pages) = 0;
  // Works from where it was until `until`.
  virtual void run(ModelTime until) = 0;
  [[nodiscard]] virtual const Work& work() const = 0;
  // What keeps it from going on: it asked for bytes that can't be read any more.
  [[nodiscard]] virtual Result<void> check() const { return {}; }

  // What happens to pages added and to the host, told after the fact. Most mechanisms don't look.
  // The page has just got its first frame (after a release: again), its content in place.
  virtual void allocated(Page /*page*/) {}
  // It has just been filled with block `block` of a disk image.
  virtual void read_from_disk(Page /*page*/, Block /*block*/) {}
  // The host's free memory has come under its threshold, or over it again.
  virtual void set_pressure(bool /*pressure*/) {}
};

}  // namespace brim::share::model
