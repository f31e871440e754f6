// SPDX-License-Identifier: Apache-2.0
#pragma once
// Transparent Page Sharing, as VMware ESX has it: C. A. Waldspurger, "Memory Resource Management in
// VMware ESX Server" (OSDI 2002), section 4; the knobs after VMware's "vSphere Resource
// Management" (Mem.ShareScanTime, Mem.ShareScanGHz, Mem.AllocGuestLargePage).
//
// Pages are scanned at random at a bounded rate. A page scanned is hashed and looked up in one
// table of shared frames and hints. A shared frame of that hash, compared byte by byte: the page
// joins it. A hint (the hash another page had when it was scanned, which nothing protects): that
// page is hashed again; if it has not changed, the two are compared and share a frame; if it has,
// its hint is dropped. Else the page becomes a hint itself.
//
// Each guest is scanned once within share_scan_time, in an order drawn anew each time, in which
// pages the guest has not touched pass their turn. If that asks for more than ShareScanGHz allows
// over all guests, all are slowed down alike. What scanning costs is counted but does not slow it.
//
// With share_at_allocation a page that has got its first frame waits for a look of its own, in the
// order in which pages came, at the rate that scanning leaves of ShareScanGHz (where it leaves
// none, all wait for the scan). The look finds what the guest has made of the page by then: at the
// allocation itself, a write fault, there was nothing in it yet.
//
// Large pages (2 MiB) are never shared. Their 4 KiB parts are scanned and leave hints, so that
// what they have in common is shared at once when they are broken up under pressure.
//
// LIMIT: that ESX looks at new pages is published, in which order and how fast is not; a large page
// counts only the pages the guest has touched; a broken one is not put together again; all are
// broken at once. No salting: guests share with each other as before ESX 6.0's.

#include "base/rng.h"
#include "share/model/mechanism.h"
#include "share/model/shared_frames.h"

#include <cstdint>
#include <deque>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace brim::share::model {

// Which pages come first in each scan of a guest; within these, and within the others, at random.
enum class TpsOrder : std::uint8_t {
  random,
  read_only_first,  // pages the guest holds read-only, code among them
  code_first,
  unchanged_first,  // not written since the last scan began
};

struct TpsKnobs {
  std::chrono::nanoseconds share_scan_time = std::chrono::minutes(60);
  double share_scan_ghz = 4;  // MiB a second for each GHz of the host; 0: no limit
  double host_ghz = 10;       // over all cores
  bool share_at_allocation = true;
  TpsOrder order = TpsOrder::random;
  bool guest_large_pages = false;
};

// esxtop's PSHARE, in pages.
struct PShare {
  std::uint64_t shared = 0;  // guests' pages on shared frames
  std::uint64_t common = 0;  // these frames
  std::uint64_t saving = 0;
};

class Tps final : public Mechanism {
 public:
  // `memory` must outlive it, and have no other mechanism.
  Tps(SimulatedMemory& memory, const TpsKnobs& knobs, const Costs& costs, const Rng& rng);

  void add(SimulatedMemory::Range pages) override;
  void run(ModelTime until) override;
  [[nodiscard]] const Work& work() const override { return work_; }
  void allocated(Page page) override;

  void set_pressure(bool pressure) override;

  [[nodiscard]] PShare pshare() const;
  [[nodiscard]] CpuTime cpu_time() const { return costs_.of(work_); }

 private:
  static constexpr std::size_t kLargePage = kPagesPerHuge;

  struct Guest {
    SimulatedMemory::Range pages;
    Rng rng;
    std::vector<Page> order{};  // of this scan
    std::size_t next = 0;       // in it
    double turn = 0;            // when, in ns
    double period = 0;          // between two pages, in ns
    std::vector<bool> small{};  // of each whole large page: broken up
  };

  // All at the rate asked for, or slowed down alike; what is left is for new pages.
  void set_rates();
  void look_at_new_page();
  void draw_order(Guest& guest);
  [[nodiscard]] bool preferred(Page page) const;
  // Null for a page not added.
  [[nodiscard]] Guest* guest_of(Page page);
  [[nodiscard]] static bool large(const Guest& guest, Page page);
  void break_up(Guest& guest, std::size_t number);

  void visit(const Guest& guest, Page page);
  ContentHash hash(Page page);
  bool join_shared(Page page, ContentHash hash);
  // The page that left a hint, if it is still what it was then.
  bool join_hint(Page page, ContentHash hash);
  void drop_hint(Page page);

  SimulatedMemory& memory_;
  TpsKnobs knobs_;
  Costs costs_;
  Rng rng_;
  Work work_;

  std::vector<Guest> guests_;
  std::deque<Page> new_pages_;  // whose first look is to come
  double new_turn_ = 0;         // when, in ns
  double new_period_ = 0;       // between two, in ns
  bool new_looks_ = false;      // whether there is time for any
  SharedFrames<ContentHash> shared_;
  boost::unordered_flat_map<ContentHash, Page> hints_;
  std::vector<ContentHash> hashes_;  // by page: when last scanned
  std::vector<bool> scanned_;        // by page: whether it has been
  ModelTime time_{0};
  bool pressure_ = false;
};

}  // namespace brim::share::model
