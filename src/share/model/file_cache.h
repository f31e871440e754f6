// SPDX-License-Identifier: Apache-2.0
#pragma once
// Guests that share the host's page cache: I. Kim, T. Kim and Y. I. Eom, "Design and Implementation
// of Page Sharing Scheme between Guests in Virtualization Environments" (ICHIT 2009), on lguest.
//
// The host keeps the pages of binaries and libraries that guests have in common. A guest's fault on
// such a page maps the host's, through its shadow page table, read-only; where the host does not
// have it yet, the page read becomes the host's. Other files are not looked at, nor anything that
// did not come from a file. A write gives a private copy.
//
// LIMIT: a page of the cache that no guest maps any more is dropped at once. (The host could keep
// it as long as memory is free.)

#include "share/model/mechanism.h"
#include "share/model/shared_frames.h"

#include <functional>
#include <utility>

namespace brim::share::model {

class FileCache final : public Mechanism {
 public:
  // Whether a block belongs to a file that guests have in common.
  using Common = std::function<bool(Block)>;

  // `memory` must outlive it, and have no other mechanism.
  FileCache(SimulatedMemory& memory, Common common, const Costs& costs)
      : memory_(memory), common_(std::move(common)), costs_(costs), cache_(memory) {}

  void add(SimulatedMemory::Range /*pages*/) override {}
  void run(ModelTime /*until*/) override {}
  [[nodiscard]] const Work& work() const override { return work_; }
  void read_from_disk(Page page, Block block) override;

  [[nodiscard]] CpuTime cpu_time() const { return costs_.of(work_); }

 private:
  SimulatedMemory& memory_;
  Common common_;
  Costs costs_;
  Work work_;
  SharedFrames<Block> cache_;
};

}  // namespace brim::share::model
