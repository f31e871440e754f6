// SPDX-License-Identifier: Apache-2.0
// How pages leave: reclaim, writing, orders for whole processes, the loss of the device.
#include "base/result.h"
#include "thrash/model/memory_manager.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

constexpr std::size_t kMostIncoming = 256;  // pages ordered in that are under way at a time
constexpr std::size_t kMostPassedOver = 4096;
constexpr std::size_t kAheadOfCleared = 8;  // pages that are fetched before they are looked at
constexpr std::uint32_t kAllowancesPerSecond = 4;  // Solaris' SCHEDPAGING_HZ

}  // namespace

PagePool& MemoryManager::fullest_pool() {
  const auto fullness = [](const std::unique_ptr<PagePool>& pool) {
    return static_cast<double>(pool->resident()) / static_cast<double>(pool->frames());
  };
  return **std::ranges::max_element(pools_, {}, fullness);
}

MemoryManager::Reclaimed MemoryManager::reclaim(ModelTime now) {
  if (priority_passes_) return kernel_pass(now);
  if (shape_.passes == Passes::freebsd_daemon) {
    const Reclaimed passed = daemon_pass(now);
    in_vain_ = passed.taken == 0 && swap_.full();
    return passed;
  }
  const Reclaimed reclaimed =
      working_sets_ ? trim(now) : take_out(fullest_pool(), shape_.batch, Spare::exempt, now);
  in_vain_ = reclaimed.taken == 0;
  return reclaimed;
}

MemoryManager::Reclaimed MemoryManager::take_out(PagePool& pool, std::size_t pages, Spare spare,
                                                 ModelTime now) {
  pool.set_time(now);
  std::size_t passed = 0;
  std::size_t looked_at = 0;
  Reclaimed reclaimed;
  while (reclaimed.taken < pages && pool.resident() > 0 &&
         passed < std::max(kMostPassedOver, pool.resident())) {
    const std::uint64_t clears = pool.clears();
    const PageNumber page = pool.victim();
    fetch_coming(pool);
    looked_at += 1 + (pool.clears() - clears) + pool.take_looks();
    const bool spared = spare == Spare::exempt && spaces_[space_of(page)].exempt;
    reclaimed.gave_up = pool.take_gave_up();
    if (!reclaimed.gave_up && !spared && leave(page)) {
      pool.gone();
      ++reclaimed.taken;
    } else {
      pool.pass_over(page);
      ++passed;
    }
    if (!pool.cleared().empty()) look_at_cleared(pool);
    if (reclaimed.gave_up) break;
  }
  counts_.scanned += looked_at;
  reclaimed.system = shape_.costs.scan * looked_at + submit_writes(now);
  return reclaimed;
}

bool MemoryManager::leave(PageNumber page) {
  Space& space = spaces_[space_of(page)];
  const bool modified = space.pool->modified(page);
  // What is on its way is older than the page: that first.
  if (modified && pages_[page].writing) return false;
  if ((modified || must_be_written(page)) && !queue_write(page)) return false;
  if (space.settled.unsettle(page - space.first)) listener_->unsettled(space_of(page));
  if (pages_[page].writing) {
    pages_[page].state = State::leaving;
    ++leaving_;
    return true;
  }
  pages_[page].state = pages_[page].slot != kNoSlot ? State::swapped : State::untouched;
  space.swapped += pages_[page].slot != kNoSlot ? 1 : 0;
  free_frame(page);
  keep_freed(page);
  return true;
}

bool MemoryManager::queue_write(PageNumber page) {
  const bool has_slot = pages_[page].slot != kNoSlot;
  BRIM_ASSERT(!has_slot || has_swap_cache());
  if (!has_slot && swap_.full()) return false;
  if (!has_slot) pages_[page].slot = swap_.take(page);
  pages_[page].writing = true;
  ++writes_;
  batch_.push_back(page);
  spaces_[space_of(page)].pool->write_back(page);
  return true;
}

void MemoryManager::leave_early(PagePool& pool) {
  for (PageNumber page = pool.leaving(); page != kNoPage; page = pool.leaving())
    if (!leave(page)) pool.load(page, Access::read);
  look_at_cleared(pool);
}

// Settled pages whose bits the policy has cleared need a look at their next access; those that it
// has had written back ahead of time are to be written.
void MemoryManager::look_at_cleared(PagePool& pool) {
  const std::vector<PageNumber>& cleared = pool.cleared();
  const std::size_t count = cleared.size();  // those that are written here come on top
  const auto fetch_at = [&](std::size_t i) {
    if (i < count && !pool.stands_for_none(cleared[i])) fetch(cleared[i] + pool.first());
  };
  for (std::size_t i = 1; i < kAheadOfCleared && i < count; ++i) fetch_at(i);
  for (std::size_t i = 0; i < count; ++i) {
    fetch_at(i + kAheadOfCleared);
    if (pool.stands_for_none(cleared[i])) continue;
    const PageNumber page = cleared[i] + pool.first();
    if (pages_[page].state != State::mapped && pages_[page].state != State::cached) continue;
    Space& space = spaces_[space_of(page)];
    if (space.settled.unsettle(page - space.first)) listener_->unsettled(space_of(page));
    if (!pool.modified(page) && must_be_written(page) && !queue_write(page))
      pool.set_modified(page);  // no room: it stays as it was
  }
  pool.cleared().clear();
}

void MemoryManager::fetch_coming(PagePool& pool) const {
  for (const PageNumber coming : pool.take_coming())
    if (!pool.stands_for_none(coming)) fetch(coming + pool.first());
}

// What is left of one is not the next one's.
void MemoryManager::allow_writes(ModelTime now) {
  if (now < allowed_at_) return;
  allowance_ = std::max(1U, shape_.writes_per_s / kAllowancesPerSecond);
  allowed_at_ = now + ModelTime(std::chrono::seconds(1)) / kAllowancesPerSecond;
}

ModelTime MemoryManager::submit_writes(ModelTime now) {
  if (batch_.empty()) return ModelTime(0);
  if (working_sets_) return write_modified(now);
  const ModelTime system = write(batch_, now);
  batch_.clear();
  return system;
}

ModelTime MemoryManager::write(std::span<const PageNumber> pages, ModelTime now) {
  ModelTime system = shape_.costs.swap_page * pages.size();
  for (std::size_t i = 0; i < pages.size();) {
    SwapRequest request{Transfer::out, pages_[pages[i]].slot, 1};
    while (i + request.count < pages.size() && request.count < shape_.longest_request &&
           pages_[pages[i + request.count]].slot == request.first + request.count)
      ++request.count;
    const SwapDevice::Submitted submitted = device_->submit(request, now);
    system += cost_of(submitted);
    allowance_ -= std::min(allowance_, 1U);
    for (const std::size_t end = i + request.count; i < end; ++i)
      if (submitted.done) written(pages[i]);
  }
  shrink_standby();  // compressed memory may have grown
  return system;
}

void MemoryManager::written(PageNumber page) {
  --writes_;
  pages_[page].writing = false;
  ++counts_.pages_out;
  Space& space = spaces_[space_of(page)];
  switch (pages_[page].state) {
    case State::leaving:
      if (has_swap_cache()) return written_.add(page);
      --leaving_;
      ++space.swapped;
      pages_[page].state = State::swapped;
      free_frame(page);
      keep_freed(page);
      break;
    case State::doomed:
      give_slot_back(page);
      free_frame(page);
      pages_[page].state = State::gone;
      break;
    default:
      // Taken back, or written ahead of time: the slot is good unless it was written to since.
      if (space.pool->modified(page) && !keeps_slots()) give_slot_back(page);
  }
}

void MemoryManager::order_out(SpaceNumber number, ModelTime now) {
  Space& space = spaces_[number];
  std::erase_if(incoming_, [&](PageNumber page) { return space_of(page) == number; });
  space.pool->set_time(now);
  const PageNumber end = space.first + space.settled.size();
  for (PageNumber page = space.first; page < end; ++page) {
    if (pages_[page].state != State::mapped && pages_[page].state != State::cached) continue;
    space.pool->remove(page);
    if (leave(page))
      ++counts_.ordered_out;
    else
      space.pool->load(page, Access::read);
  }
  look_at_cleared(*space.pool);
  debt_ += submit_writes(now);
}

void MemoryManager::order_in(SpaceNumber number, ModelTime now) {
  const Space& space = spaces_[number];
  std::vector<PageNumber> pages;
  const PageNumber end = space.first + space.settled.size();
  for (PageNumber page = space.first; page < end; ++page)
    if (pages_[page].state == State::swapped || pages_[page].state == State::leaving)
      pages.push_back(page);
  std::ranges::sort(pages, {}, [this](PageNumber page) { return pages_[page].slot; });
  incoming_.insert(incoming_.end(), pages.begin(), pages.end());
  pump_incoming(now);
}

bool MemoryManager::room_for_incoming(ModelTime now) {
  const std::size_t low = shape_.watermarks.low.count();
  if (free_frames() > low) return true;
  if (shape_.watermarks.high > Pages(0) || writes_enough()) return false;
  debt_ += reclaim(now).system;
  return free_frames() > low;
}

void MemoryManager::pump_incoming(ModelTime now) {
  while (!incoming_.empty() && reads_ < kMostIncoming && room_for_incoming(now)) {
    const std::size_t spare = free_frames() - shape_.watermarks.low.count();
    std::vector<PageNumber> pages;
    while (!incoming_.empty() &&
           pages.size() < std::min<std::size_t>(spare, shape_.longest_request)) {
      const PageNumber page = incoming_.front();
      incoming_.pop_front();
      if (written_.remove(page)) {
        --leaving_;
        pages_[page].state = State::cached;
        spaces_[space_of(page)].pool->load_unused(page);
      }
      if (pages_[page].state == State::leaving) incoming_.push_back(page);
      if (pages_[page].state == State::leaving) break;  // it has to go before it can come
      if (pages_[page].state == State::swapped) pages.push_back(page);
    }
    if (pages.empty()) return;
    for (const PageNumber page : pages) take_frame(page);
    counts_.ordered_in += pages.size();
    debt_ += read(pages, now);
  }
}

void MemoryManager::tick(ModelTime now) {
  allow_writes(now);
  for (const auto& pool : pools_) {
    pool->set_time(now);
    leave_early(*pool);
  }
  if (working_sets_ && working_sets_->is_due(now)) debt_ += look_at_ages();
  pump_incoming(now);
  debt_ += submit_writes(now);
}

std::vector<SpaceNumber> MemoryManager::lose_device() {
  std::vector<SpaceNumber> losers;
  device_.reset();
  swap_.close();
  incoming_.clear();
  batch_.clear();
  standby_.shrink_to(0);
  written_.shrink_to(0);
  for (PageNumber page = 0; page < pages_.size(); ++page) {
    Space& space = spaces_[space_of(page)];
    pages_[page].slot = kNoSlot;
    pages_[page].writing = false;
    const State state = pages_[page].state;
    if (state == State::swapped || state == State::reading) {
      if (losers.empty() || losers.back() != space_of(page)) losers.push_back(space_of(page));
      if (state == State::swapped) --space.swapped;
      if (state == State::reading) free_frame(page);
      space.reading = 0;
      pages_[page].state = State::untouched;
    } else if (state == State::doomed) {
      free_frame(page);
      pages_[page].state = State::gone;
    } else if (state == State::leaving) {
      pages_[page].state = State::mapped;
      space.pool->load(page, Access::write);
    } else if (pages_[page].data && (state == State::mapped || state == State::cached)) {
      space.pool->set_modified(page);
    }
  }
  for (const auto& pool : pools_) look_at_cleared(*pool);
  leaving_ = writes_ = reads_ = 0;
  return losers;
}

std::string MemoryManager::inconsistency() const {
  std::size_t used = 0;
  std::size_t leaving = 0;
  std::size_t writing = 0;
  std::size_t reading = 0;
  std::size_t slots = 0;
  std::size_t in_policy = 0;
  for (PageNumber page = 0; page < pages_.size(); ++page) {
    const Space& space = spaces_[space_of(page)];
    const State state = pages_[page].state;
    used += has_frame(state) ? 1 : 0;
    leaving += state == State::leaving ? 1 : 0;
    writing += pages_[page].writing ? 1 : 0;
    reading += state == State::reading || (state == State::doomed && !pages_[page].writing) ? 1 : 0;
    in_policy += state == State::mapped || state == State::cached ? 1 : 0;
    if (standby_.has(page) && state != State::swapped)
      return fmt::format("page {}: stands by", page);
    if (has_swap_cache() &&
        written_.has(page) != (state == State::leaving && !pages_[page].writing))
      return fmt::format("page {}: written", page);
    const Slot slot = pages_[page].slot;
    slots += slot != kNoSlot ? 1 : 0;
    if (slot != kNoSlot && swap_.owner(slot) != page) return fmt::format("page {}: slot", page);
    const bool needs_slot = state == State::swapped || state == State::reading ||
                            state == State::leaving || state == State::doomed;
    if (needs_slot && slot == kNoSlot) return fmt::format("page {}: no slot", page);
    if (state == State::untouched && slot != kNoSlot) return fmt::format("page {}: a slot", page);
    if (space.settled.is_settled(page - space.first) &&
        (state != State::mapped || !space.pool->referenced(page) ||
         (space.writes && !space.pool->modified(page))))
      return fmt::format("page {}: settled", page);
    if (state == State::mapped && pages_[page].data && slot == kNoSlot &&
        !space.pool->modified(page))
      return fmt::format("page {}: neither modified nor in a slot", page);
  }
  std::size_t resident = 0;
  for (const auto& pool : pools_) {
    resident += pool->resident();
    if (pool->resident() > shape_.frames.count())
      return fmt::format("{} in a pool", pool->resident());
  }
  std::size_t held = 0;
  for (const Space& space : spaces_) held += space.held;
  if (used != used_ || held != used_) return fmt::format("{} frames, counted {}", used_, used);
  if (leaving != leaving_) return fmt::format("{} leaving, counted {}", leaving_, leaving);
  if (writing != writes_) return fmt::format("{} writes, counted {}", writes_, writing);
  if (reading != reads_) return fmt::format("{} reads, counted {}", reads_, reading);
  if (slots != swap_.used()) return fmt::format("{} slots, counted {}", swap_.used(), slots);
  if (resident != in_policy) return fmt::format("{} resident, counted {}", resident, in_policy);
  if (standby_.size() > free_frames())
    return fmt::format("{} stand by in {} frames", standby_.size(), free_frames());
  if (used > shape_.frames.count())
    return fmt::format("{} frames of {}", used, shape_.frames.count());
  return {};
}

}  // namespace brim::thrash::model
