// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a process touches: bursts of single accesses to its pages, with a sleep after each.
//
// Most accesses of a process that runs well change nothing: the page is resident, and its
// referenced and modified bits are set. A pattern makes all of these up to the next access that may
// change something in one step. That this has the distribution of single steps: let u of P pages be
// other than settled, and accesses be uniform and independent. Each is to an other page with p = u
// / P; so the number of accesses before the first such is geometric, P(n) = (1 - p)^n p; and given
// that it is to an other page, which one is uniform among the u and independent of n. The accesses
// skipped are all to settled pages, and which ones has no effect. Where the pages change hands
// before the step is over, the part not yet made is drawn anew: of a geometric number of which n
// are past without success, the rest is geometric again, with the new p.
//
// Other patterns are stepped through one by one; what they propose is drawn anew in the same way,
// which is exact for independent draws, and a sequence keeps its place.

#include "base/rng.h"
#include "thrash/model/model_time.h"
#include "thrash/model/page_table.h"
#include "thrash/model/settled_pages.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

namespace brim::thrash::model {

// Of every pattern. write_share of the accesses are writes, drawn for each.
struct BurstShape {
  std::uint32_t pages = 0;
  std::uint64_t accesses = 0;  // of one burst
  ModelTime sleep{0};
  double write_share = 1;
  bool fill = false;  // before the first burst each page is written once, in order; not counted
};

// Any page, as likely as any other.
struct UniformBursts {
  BurstShape burst;
};
// One page after the other, and again from the first.
struct SequentialBursts {
  BurstShape burst;
};
// The page of rank k with a probability in proportion to k^-exponent (Zipf); ranks are dealt at
// random.
struct ZipfBursts {
  BurstShape burst;
  double exponent = 1;
};
// Any page of a working set, a run of pages that begins anywhere; after each phase of time another
// one (Denning, "The working set model for program behavior", CACM 11(5), 1968: locality).
struct PhasedBursts {
  BurstShape burst;
  std::uint32_t working_set = 1;
  ModelTime phase = std::chrono::seconds(10);
};
using PatternShape = std::variant<UniformBursts, SequentialBursts, ZipfBursts, PhasedBursts>;

[[nodiscard]] const BurstShape& burst_of(const PatternShape& shape);

// `page` is the process's own number of it.
struct PageAccess {
  std::uint32_t page;
  Access access;

  bool operator==(const PageAccess&) const = default;
};

// Accesses to settled pages, and the one after them; none where the limit was reached first.
struct Stretch {
  std::uint64_t quiet = 0;
  std::optional<PageAccess> then;
};

class AccessPattern {
 public:
  AccessPattern(const BurstShape& burst, const Rng& rng)
      : burst_(burst), to_fill_(burst.fill ? burst.pages : 0), left_(burst.accesses), rng_(rng) {}
  virtual ~AccessPattern() = default;

  [[nodiscard]] const BurstShape& burst() const { return burst_; }
  [[nodiscard]] bool writes() const { return burst_.write_share > 0; }
  // Until the next sleep.
  [[nodiscard]] std::uint64_t left() const { return to_fill_ > 0 ? to_fill_ : left_; }
  void begin_burst() { left_ = burst_.accesses; }

  // What would come now, of at most `limit` quiet accesses. It is not made yet.
  [[nodiscard]] Stretch propose(const SettledPages& pages, std::uint64_t limit, ModelTime now) {
    if (to_fill_ > 0) return {0, PageAccess{burst_.pages - to_fill_, Access::write}};
    return propose_burst(pages, limit, now);
  }
  // For speed alone: the page that will probably be proposed next (1), or after that (2).
  [[nodiscard]] virtual std::optional<std::uint32_t> coming(const SettledPages& /*pages*/,
                                                            std::uint32_t /*proposals*/) const {
    return std::nullopt;
  }
  // So many have been made, at most left(). How many of them count as work.
  std::uint64_t made(std::uint64_t accesses) {
    if (to_fill_ > 0) {
      to_fill_ -= static_cast<std::uint32_t>(accesses);
      return 0;
    }
    left_ -= accesses;
    moved(accesses);
    return accesses;
  }

 protected:
  [[nodiscard]] virtual Stretch propose_burst(const SettledPages& pages, std::uint64_t limit,
                                              ModelTime now) = 0;
  virtual void moved(std::uint64_t /*accesses*/) {}
  [[nodiscard]] PageAccess access_to(std::uint32_t page);
  [[nodiscard]] Rng& rng() { return rng_; }

 private:
  BurstShape burst_;
  std::uint32_t to_fill_;  // pages
  std::uint64_t left_;
  Rng rng_;
};

[[nodiscard]] std::unique_ptr<AccessPattern> make_pattern(const PatternShape& shape,
                                                          const Rng& rng);

}  // namespace brim::thrash::model
