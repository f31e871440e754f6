// SPDX-License-Identifier: Apache-2.0
#pragma once
// Satori: G. Milos et al., "Satori: Enlightened Page Sharing" (USENIX ATC 2009), on Xen.
//
// Nothing is scanned. Guests are paravirtual, and the host's block device knows which page each
// block is read into: a block that another page holds already, unwritten since, is shared at once.
// So sharing that lasts shortly is found, and none that did not come from a disk.
//
// What sharing frees belongs to the guests that share: of the n - 1 frames that n pages on one
// frame save, each page earns its guest (n - 1) / n, to be claimed through its balloon. When
// sharing ends the guest owes it back.
//
// LIMIT: no copies on the disk of other blocks' contents (copy-on-write images share the blocks
// they have in common; blocks of other numbers are other blocks). Guests' lists of pages to repay
// with, and what they do with what they earn, are not modelled.

#include "share/model/mechanism.h"
#include "share/model/shared_frames.h"

#include <cstdint>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace brim::share::model {

class Satori final : public Mechanism {
 public:
  // `memory` must outlive it, and have no other mechanism.
  Satori(SimulatedMemory& memory, const Costs& costs)
      : memory_(memory), costs_(costs), shared_(memory) {}

  void add(SimulatedMemory::Range pages) override;
  void run(ModelTime /*until*/) override {}
  [[nodiscard]] const Work& work() const override { return work_; }
  void read_from_disk(Page page, Block block) override;

  // Frames' worth that the guest added as number `guest` (from 0) may claim now. Over all guests as
  // much as is saved.
  [[nodiscard]] double entitlement(std::size_t guest) const;
  [[nodiscard]] CpuTime cpu_time() const { return costs_.of(work_); }

 private:
  bool join_shared(Page page, Block block);
  // With the page that was read from this block before.
  bool join_first(Page page, Block block);

  SimulatedMemory& memory_;
  Costs costs_;
  Work work_;
  std::vector<SimulatedMemory::Range> guests_;
  SharedFrames<Block> shared_;
  boost::unordered_flat_map<Block, Page> first_;
  std::vector<Block> blocks_;  // by page: read into it last
};

}  // namespace brim::share::model
