// SPDX-License-Identifier: Apache-2.0
// How working sets grow, age and are trimmed (working_set_manager.h), and the modified list.
#include "thrash/model/memory_manager.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

bool MemoryManager::in_working_set(PageNumber page) const {
  return pages_[page].state == State::mapped || pages_[page].state == State::cached;
}

// Frames, to the high watermark.
std::size_t MemoryManager::short_of() const {
  const std::size_t high = shape_.watermarks.high.count();
  return high - std::min(high, free_frames() + leaving_);
}

// Pages of it that a pass of this age is for, as far as ages tell.
std::size_t MemoryManager::claim(const Space& space, WorkingSetManager::Age age) const {
  if (!space.runs || space.exempt) return 0;
  const std::size_t resident = space.pool->resident();
  const std::size_t above = resident - std::min(resident, working_sets_->least());
  if (age == 0) return above;
  std::size_t pages = 0;
  const PageNumber end = space.first + space.settled.size();
  for (PageNumber page = space.first; page < end; ++page)
    pages += in_working_set(page) && working_sets_->age(page) >= age ? 1 : 0;
  return std::min(pages, above);
}

MemoryManager::Reclaimed MemoryManager::trim(ModelTime now) {
  Reclaimed reclaimed;
  std::size_t looks = 0;
  std::vector<std::size_t> claims(spaces_.size());
  for (const WorkingSetManager::Age age : WorkingSetManager::kTrimAges) {
    const std::size_t needed = short_of();
    if (needed == 0) break;
    std::size_t all = 0;
    for (SpaceNumber number = 0; number < spaces_.size(); ++number) {
      claims[number] = claim(spaces_[number], age);
      all += claims[number];
    }
    for (SpaceNumber number = 0; number < spaces_.size(); ++number) {
      if (claims[number] == 0) continue;
      const std::size_t share = (needed * claims[number] + all - 1) / all;
      spaces_[number].pool->set_time(now);
      const Trimmed trimmed = trim_one(number, std::min(share, short_of()), age);
      reclaimed.taken += trimmed.taken;
      looks += trimmed.looks;
    }
  }
  counts_.scanned += looks;
  reclaimed.system = shape_.costs.scan * looks + submit_writes(now);
  return reclaimed;
}

MemoryManager::Trimmed MemoryManager::trim_one(SpaceNumber number, std::size_t pages,
                                               WorkingSetManager::Age age) {
  Space& space = spaces_[number];
  PagePool& pool = *space.pool;
  const std::uint32_t size = space.settled.size();
  Trimmed trimmed;
  for (std::uint32_t i = 0; i < size && trimmed.taken < pages; ++i) {
    if (pool.resident() <= working_sets_->least()) break;
    const PageNumber page = space.first + working_sets_->next_to_trim(number, size);
    if (!in_working_set(page)) continue;
    ++trimmed.looks;
    if (!working_sets_->may_leave(page, pool.referenced(page), age)) continue;
    pool.remove(page);
    if (leave(page))
      ++trimmed.taken;
    else
      pool.load(page, Access::read);
  }
  look_at_cleared(pool);
  return trimmed;
}

ModelTime MemoryManager::look_at_ages() {
  std::size_t looks = 0;
  for (SpaceNumber number = 0; number < spaces_.size(); ++number) {
    Space& space = spaces_[number];
    if (!space.runs) continue;
    const std::uint32_t size = space.settled.size();
    for (std::uint32_t i = working_sets_->looks_of(size); i > 0; --i) {
      const PageNumber page = space.first + working_sets_->next_to_look_at(number, size);
      if (!in_working_set(page)) continue;
      ++looks;
      const bool referenced = space.pool->referenced(page);
      working_sets_->look(page, referenced);
      if (referenced) space.pool->clear_referenced(page);
    }
    look_at_cleared(*space.pool);
  }
  counts_.scanned += looks;
  return shape_.costs.scan * looks;
}

// The modified page writer lets pages collect while enough are free. It takes clusters from the
// modified list as long as it has few enough under way, and finds slots that lie together for each
// as it comes to it.
ModelTime MemoryManager::write_modified(ModelTime now) {
  ModelTime system{0};
  if (batch_.size() < shape_.modified_most && !below_low()) return system;
  std::size_t taken = 0;
  std::vector<PageNumber> cluster;
  while (taken < batch_.size() && writes_ - (batch_.size() - taken) < shape_.most_writes) {
    cluster.clear();
    for (; taken < batch_.size() && cluster.size() < shape_.longest_request; ++taken) {
      if (pages_[batch_[taken]].state == State::leaving)
        cluster.push_back(batch_[taken]);
      else
        off_the_modified_list(batch_[taken]);
    }
    for (const PageNumber page : cluster) swap_.give_back(pages_[page].slot);
    for (const PageNumber page : cluster) pages_[page].slot = swap_.take(page);
    system += write(cluster, now);
  }
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(taken));
  return system;
}

void MemoryManager::drop_doomed_from_modified_list() {
  std::erase_if(batch_, [this](PageNumber page) {
    const bool doomed = pages_[page].state == State::doomed;
    if (doomed) off_the_modified_list(page);
    return doomed;
  });
}

// It was taken back, or its process ended, before the writer came to it.
void MemoryManager::off_the_modified_list(PageNumber page) {
  --writes_;
  pages_[page].writing = false;
  give_slot_back(page);
  if (pages_[page].state == State::doomed) {
    free_frame(page);
    pages_[page].state = State::gone;
  } else {
    spaces_[space_of(page)].pool->set_modified(page);
  }
}

}  // namespace brim::thrash::model
