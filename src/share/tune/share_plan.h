// SPDX-License-Identifier: Apache-2.0
#pragma once
// The tuner of page sharing: when ksmd should scan and how fast, and which VMs should not be
// merged. Pure: the same snapshot, history, policy and time give the same plan; who applies it is
// another's business.
//
// The idea. A stopped ksmd (run=0) keeps what is merged, and costs nothing. What it misses
// meanwhile announces itself: memory that grew (resident sizes), and merged pages that guests wrote
// to (cow_ksm). While ksmd rests, the saving missed adds up, in bytes times seconds; once it is
// worth what scanning costs, at the policy's price of a processor second, ksmd scans at full
// budget: two full scans where memory is new (the first only notes checksums), one where merged
// pages were broken (their checksums are known). Then it rests again. Where memory is broken at a
// steady rate r and a scan costs C, that scans every sqrt(2 price C / r) seconds: the period of
// least total cost (the square root rule of ordering in lots, Harris 1913); and against any other
// course of events the price paid is at most twice the least possible, as in renting against
// buying. Where scans have returned more than the policy's price asks, the next is to return a
// third of their average, at most ten times the price: what a little more saving costs is held
// against what saving has cost so far (the marginal value theorem, Charnov 1976). What share of the
// missed memory really merges is learnt from what each time of scanning gained. What nothing
// announces (pages that become equal in place) is looked for at long intervals.

#include "share/tune/share_policy.h"
#include "share/tune/share_snapshot.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::share::tune {

enum class Phase : std::uint8_t { resting, scanning };
[[nodiscard]] std::string_view name_of(Phase phase);

// What was seen so far; begins empty, and goes from one plan to the next.
struct ShareHistory {
  struct Known {  // a subject, as it was when it had last been scanned
    int pid = 0;
    std::uint64_t start_ticks = 0;
    Bytes settled;  // resident
  };
  bool begun = false;
  Time looked_at{0};
  KsmProgress progress;  // at the look before
  std::vector<Known> subjects;
  std::optional<Time> short_at;  // memory was last short then

  Phase phase = Phase::resting;
  Time since{0};  // of the phase
  double missed_byte_s = 0;
  Bytes missed;                         // at the look before
  std::optional<Pages> broken_settled;  // progress.broken when all was last scanned
  double cost_ns = 0;                   // of ksmd, a page, of late; 0: not measured yet
  double visit_cost_ns = 0;             // the same where hardly any page merged
  double new_yield = 1;                 // share of new memory that merges
  double broken_yield = 1;              // of broken memory that merges again
  double saved_byte_s = 0;              // since brim looked first, and what ksmd took for it:
  Time spent{0};
  std::uint32_t fruitless_probes = 0;
  bool stopped_within = false;  // a full scan: what is left of it does not count

  // While scanning:
  KsmProgress at_start;
  std::uint64_t done_at_full_scans = 0;
  bool one_scan = false;  // is enough
  Bytes new_at_start;
  Bytes broken_at_start;
  Bytes merged_at_start;
  bool probe = false;
};

struct KnobChange {
  std::string knob;  // its file below /sys/kernel/mm/ksm
  std::string value;
  std::string reason;
};

// A VM that should not be merged.
struct Advice {
  int pid = 0;
  std::string name;
  std::string reason;
  std::string how;
};

struct Reserve {
  Bytes wanted;     // headroom, and what guests may take back at once
  Bytes available;  // memory
  // What may be given to further guests.
  [[nodiscard]] Bytes to_give() const { return available > wanted ? available - wanted : Bytes(0); }
  [[nodiscard]] bool short_of() const { return available < wanted; }
};

// What the decision was made from.
struct Reckoning {
  Bytes new_memory;  // since it was last scanned
  Bytes broken;      // merged pages written to since
  Bytes gain;        // what of both is expected to merge
  Time cost{0};      // of ksmd, for looking at all pages as often as that takes; without the
                     // merging itself, which costs the same whenever it is done
  double missed_gib_s = 0;
  double price_gib_s = 0;  // of that cost
  double cost_ns_per_page = 0;
  bool memory_short = false;
  Bytes saved;
};

struct SharePlan {
  Phase phase = Phase::resting;
  std::string reason;               // of the phase
  std::vector<KnobChange> changes;  // in the order they must be made
  std::vector<Advice> advice;       // by pid
  Reserve reserve;
  Reckoning reckoning;
  Time next_look{0};  // from now
  ShareHistory history;
};

[[nodiscard]] SharePlan plan(const ShareSnapshot& snapshot, const ShareHistory& history,
                             const SharePolicy& policy, Time now);

}  // namespace brim::share::tune
