// SPDX-License-Identifier: Apache-2.0
#pragma once
// Difference Engine: D. Gupta et al., "Difference Engine: Harnessing Memory Redundancy in Virtual
// Machines" (OSDI 2008; CACM 2010), on Xen.
//
// A clock goes over all pages, and reads and clears their accessed and written bits. By how long
// nothing has happened to it a page is
//   written to since the last visit        left alone
//   only read since                        shared with an equal page; a reference for patches
//   not accessed since patch_after visits  patched against a page that resembles it, too
//   nor since compress_after visits        compressed, too, where it is neither
// A patch or compressed page is kept if it takes at most half a page. Any access restores it. The
// page a patch stands on is write-protected: its frame stays until the last patch on it is gone.
//
// Pages are found similar as by the paper's HashSimilarityDetector(2,1) with one candidate: each is
// indexed by the hashes of two blocks at fixed random places, and for each hash one page is kept.
// So a page has at most two references to choose from, and takes the one with the smaller patch.
// The hashes and what a patch or a compressed page takes, the catalogue of contents tells.
//
// LIMIT: the paper's hash table held a fifth of the pages at a time; here it holds all. No swapping
// of pages. What work costs is counted but does not slow the clock.

#include "share/model/content_traits.h"
#include "share/model/equal_pages.h"
#include "share/model/mechanism.h"
#include "share/model/page_cycle.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace brim::share::model {

struct DifferenceEngineKnobs {
  double pages_per_s = 1000;
  // In visits without an access. At 2 all pages have been looked up for equal ones before.
  std::uint8_t patch_after = 2;
  std::uint8_t compress_after = 4;
  Bytes kept_up_to{kPageSize / 2};
};

class DifferenceEngine final : public Mechanism {
 public:
  // `memory` must outlive it, and have no other mechanism.
  DifferenceEngine(SimulatedMemory& memory, std::shared_ptr<const ContentCatalogue> catalogue,
                   const DifferenceEngineKnobs& knobs, const Costs& costs)
      : memory_(memory),
        catalogue_(std::move(catalogue)),
        knobs_(knobs),
        costs_(costs),
        cycle_(knobs.pages_per_s),
        equal_(memory) {}

  void add(SimulatedMemory::Range pages) override;
  void run(ModelTime until) override;
  [[nodiscard]] const Work& work() const override { return work_; }
  [[nodiscard]] Result<void> check() const override { return catalogue_->check(); }
  [[nodiscard]] CpuTime cpu_time() const { return costs_.of(work_); }

 private:
  void visit(Page page);
  // False for a page that was written to. Ages it.
  bool unwritten(Page page);
  // What stands for its keys, where nothing else does.
  void offer_reference(Page page);
  bool patch(Page page);
  // What a patch of the page could stand on: a shared frame, or a page that would become one.
  struct Reference {
    Content content = kZeroContent;
    std::optional<Page> page;
  };
  std::optional<Reference> find_reference(Page page, SimilarityKey key);
  std::optional<Page> find_candidate(Page page, SimilarityKey key);
  Frame share(const Reference& reference);
  void compress(Page page);
  [[nodiscard]] bool worth_keeping(Bytes size) const;

  SimulatedMemory& memory_;
  std::shared_ptr<const ContentCatalogue> catalogue_;
  DifferenceEngineKnobs knobs_;
  Costs costs_;
  Work work_;
  PageCycle cycle_;
  EqualPages equal_;
  std::vector<std::uint8_t> idle_;  // by page: visits without an access, up to 255
  // What stands for a key: protected, or a page that may have changed since.
  boost::unordered_flat_map<SimilarityKey, Content> references_;
  boost::unordered_flat_map<SimilarityKey, Page> candidates_;
};

}  // namespace brim::share::model
