// SPDX-License-Identifier: Apache-2.0
// Reclaim in passes (scan_pass.h), and Linux's swap cache.
#include "thrash/model/memory_manager.h"

#include <algorithm>
#include <cstddef>

namespace brim::thrash::model {

// Until the pass is over, or the device has no room for more.
void MemoryManager::sweep(ScanPass& pass, Reclaimed& reclaimed, ModelTime now) {
  PagePool& pool = *pools_.front();
  pool.set_time(now);
  std::size_t looks = 0;
  while (!pass.over && !writes_enough()) {
    looks += free_written(pass, reclaimed);
    const std::uint64_t clears = pool.clears();
    pass.room = shape_.most_writes - writes_;
    const PageNumber page = pool.next_of_pass(pass);
    fetch_coming(pool);
    looks += (pool.clears() - clears) + pool.take_looks() + (page != kNoPage ? 1 : 0);
    if (page != kNoPage) {
      if (spaces_[space_of(page)].exempt || !leave(page))
        pool.put_back(page);
      else if (pages_[page].state != State::leaving)
        ++reclaimed.taken;
    }
    if (!pool.cleared().empty()) look_at_cleared(pool);
  }
  counts_.scanned += looks;
  reclaimed.system += shape_.costs.scan * looks + submit_writes(now);
}

// Written pages are where the inactive list is looked at first (rotate_reclaimable_page()).
std::size_t MemoryManager::free_written(ScanPass& pass, Reclaimed& reclaimed) {
  std::size_t looks = 0;
  for (; pass.inactive > 0 && written_.size() > 0; --pass.inactive, ++looks) {
    const PageNumber page = written_.take_first();
    --leaving_;
    ++spaces_[space_of(page)].swapped;
    pages_[page].state = State::swapped;
    free_frame(page);
    ++reclaimed.taken;
  }
  pass.inactive_batch = std::min(pass.inactive_batch, pass.inactive);
  return looks;
}

MemoryManager::Progress MemoryManager::make_pass(PriorityRound& round, Reclaimed& reclaimed,
                                                 ModelTime now) {
  round.under_way = true;
  if (round.pass.over) {
    ListSizes sizes = pools_.front()->list_sizes();
    sizes.inactive += leaving_;
    round.pass = priority_passes_->begin(round.priority, sizes, pools_.front()->resident());
  }
  const bool looks = round.pass.active + round.pass.inactive > 0 || round.pass.inactive_batch > 0;
  const std::size_t before = reclaimed.taken;
  sweep(round.pass, reclaimed, now);
  round.freed += reclaimed.taken - before;
  if (!round.pass.over) return Progress::no_room;
  const bool enough = round.freed >= PriorityPasses::kEnough;
  if (enough || round.priority == 0) {
    priority_passes_->end_round(round.priority);
    round = {};
    return enough ? Progress::enough : Progress::all_made;
  }
  const bool naps = looks && PriorityPasses::naps_after(round.priority);
  --round.priority;
  return naps ? Progress::naps : Progress::next;
}

// Whether it has come to an end with a frame. If not, `touch` says what is waited for; where that
// is nothing, no pass found anything.
bool MemoryManager::make_passes_for(Space& space, Touch& touch, ModelTime now) {
  Reclaimed reclaimed;
  Progress progress = Progress::next;
  while (progress == Progress::next) progress = make_pass(space.round, reclaimed, now);
  touch.system += reclaimed.system;
  if (progress == Progress::naps) touch.nap = PriorityPasses::kNap;
  if (progress == Progress::all_made) touch.nap = PriorityPasses::kNapAfterAll;
  const bool may_end = progress == Progress::enough || progress == Progress::all_made;
  return may_end && may_have_frame();
}

MemoryManager::Reclaimed MemoryManager::kernel_pass(ModelTime now) {
  Reclaimed reclaimed;
  const Progress progress = make_pass(kernel_round_, reclaimed, now);
  if (progress != Progress::no_room && kernel_round_.under_way && up_to_high()) {
    priority_passes_->end_round(kernel_round_.priority);
    kernel_round_ = {};
  }
  reclaimed.goes_on = true;
  reclaimed.naps = progress == Progress::naps || progress == Progress::all_made;
  if (reclaimed.naps) reclaimed.rest = PriorityPasses::kNap;
  return reclaimed;
}

MemoryManager::Reclaimed MemoryManager::daemon_pass(ModelTime now) {
  Reclaimed reclaimed;
  reclaimed.goes_on = true;
  if (daemon_pass_.over) {
    const std::size_t high = shape_.watermarks.high.count();
    const std::size_t shortage = high - std::min(high, free_frames());
    daemon_pass_ = daemon_passes_.begin(pools_.front()->list_sizes(), shortage);
  }
  sweep(daemon_pass_, reclaimed, now);
  if (!daemon_pass_.over) return reclaimed;
  const std::optional<ModelTime> sleep = daemon_passes_.end(below_low());
  reclaimed.naps = sleep && *sleep > ModelTime(0);
  if (!sleep || reclaimed.naps) reclaimed.rest = sleep.value_or(ModelTime(0));
  return reclaimed;
}

}  // namespace brim::thrash::model
