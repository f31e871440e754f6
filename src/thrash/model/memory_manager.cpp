// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/memory_manager.h"

#include "base/result.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace brim::thrash::model {

Watermarks linux_watermarks(Pages frames) {
  const double kib = static_cast<double>(bytes_of(frames).count()) / 1024;
  const auto min = static_cast<std::uint64_t>(4 * std::sqrt(kib) / (kPageSize / 1024.0));
  return {.min = Pages(min), .low = Pages(min + min / 4), .high = Pages(min + min / 2)};
}

MemoryManager::MemoryManager(const MemoryShape& shape, std::span<const SpacePlan> spaces,
                             MemoryListener& listener, const Rng& rng)
    : shape_(shape),
      listener_(&listener),
      swap_(shape.swap.slots, shape.next_cluster),
      device_(make_device(shape.swap)) {
  const Watermarks& marks = shape.watermarks;
  BRIM_ASSERT(marks.min <= marks.low && marks.low <= marks.high && marks.high <= shape.frames);
  BRIM_ASSERT(shape.local || !shape.working_sets);
  BRIM_ASSERT(shape.reclaimer == Reclaimer::who_misses ||
              (marks.min < marks.low && shape.wake_at <= marks.low));
  PageNumber pages = 0;
  for (const SpacePlan& plan : spaces) pages += plan.pages;
  const std::size_t frames = shape.frames.count();
  if (!shape.local)
    pools_.push_back(std::make_unique<PagePool>(0, pages, frames, shape.replacement.make, rng));
  spaces_.reserve(spaces.size());
  pages_.reserve(pages);
  settled_order_.resize(pages);
  settled_place_.resize(pages);
  for (const SpacePlan& plan : spaces) {
    const auto first = static_cast<PageNumber>(pages_.size());
    if (shape.local) {
      // Of those without a quota what share_out() gives them is not known yet.
      const std::size_t most = plan.quota > Pages(0) ? plan.quota.count() : frames;
      pools_.push_back(std::make_unique<PagePool>(
          first, plan.pages, std::max<std::size_t>(1, std::min<std::size_t>(most, plan.pages)),
          shape.replacement.make, rng.split("space", spaces_.size())));
    }
    pages_.resize(first + plan.pages, {.owner = static_cast<SpaceNumber>(spaces_.size())});
    spaces_.push_back({.first = first,
                       .writes = plan.writes,
                       .exempt = false,
                       .shares = shape.local && plan.quota == Pages(0),
                       .pool = pools_.back().get(),
                       .settled = {std::span(settled_order_).subspan(first, plan.pages),
                                   std::span(settled_place_).subspan(first, plan.pages)}});
  }
  for (const auto& pool : pools_) pool->set_swap_cached(!is_read_at_once(shape.swap));
  if (shape.working_sets) working_sets_.emplace(*shape.working_sets, pages, spaces_.size());
  if (shape.freed != Freed::gone) standby_ = StandbyList(pages);
  BRIM_ASSERT(shape.passes == Passes::none || !shape.local);
  if (has_swap_cache()) {
    written_ = StandbyList(pages);
    priority_passes_.emplace(shape.memory);
  }
  allow_writes(ModelTime(0));
}

void MemoryManager::begin(SpaceNumber space) {
  spaces_[space].runs = true;
  if (shape_.local) share_out();
}

void MemoryManager::share_out() {
  if (working_sets_) return;
  std::size_t left = shape_.frames.count();
  std::size_t sharing = 0;
  for (const Space& space : spaces_) {
    if (!space.runs) continue;
    if (space.shares)
      ++sharing;
    else
      left -= std::min(left, space.pool->frames());
  }
  for (const Space& space : spaces_)
    if (space.runs && space.shares)
      space.pool->set_frames(std::max<std::size_t>(1, left / sharing));
}

std::size_t MemoryManager::free_frames() const {
  const std::size_t pool = device_ != nullptr ? device_->pool().count() : 0;
  const std::size_t used = used_ + pool;
  return shape_.frames.count() - std::min<std::size_t>(used, shape_.frames.count());
}
bool MemoryManager::below_low() const { return free_frames() < shape_.watermarks.low.count(); }
bool MemoryManager::up_to_high() const {
  if (!daemon_pass_.over) return false;
  if (shape_.passes != Passes::none) return free_frames() >= shape_.watermarks.high.count();
  return free_frames() + leaving_ >= shape_.watermarks.high.count();
}
bool MemoryManager::may_have_frame() const { return free_frames() > shape_.watermarks.min.count(); }

std::size_t MemoryManager::frames_for_waiting() const {
  const std::size_t free = free_frames();
  const std::size_t least = shape_.watermarks.min.count();
  return free > least && free >= shape_.wake_at.count() ? free - least : 0;
}
std::size_t MemoryManager::retries_at_tick() const {
  const bool all = shape_.reclaimer == Reclaimer::who_misses || in_vain_;
  return all ? SIZE_MAX : frames_for_waiting();
}

bool MemoryManager::has_frame(State state) const {
  return state == State::mapped || state == State::cached || state == State::leaving ||
         state == State::reading || state == State::doomed;
}

bool MemoryManager::must_be_written(PageNumber page) const {
  return pages_[page].data && !pages_[page].writing && pages_[page].slot == kNoSlot;
}

Touch MemoryManager::touch(SpaceNumber number, PageAccess what, ModelTime now) {
  Space& space = spaces_[number];
  const PageNumber page = space.first + what.page;
  space.pool->set_time(now);
  Touch touch;
  if (pages_[page].state == State::mapped) {
    hit(space, page, what.access);
    return touch;
  }
  touch.fault = Fault::minor;
  touch.system = shape_.costs.minor_fault;
  leave_early(*space.pool);
  switch (pages_[page].state) {
    case State::cached:
      pages_[page].state = State::mapped;
      count_read_ahead(space, page);
      hit(space, page, what.access);
      break;
    case State::leaving:
      take_back(space, page, what.access, touch, now);
      break;
    case State::untouched:
      fill_with_zeros(space, page, what.access, touch, now);
      break;
    case State::swapped:
      if (standby_.has(page))
        bring_back(space, page, what.access, touch, now);
      else
        page_in(space, page, what, touch, now);
      break;
    case State::reading:
      space.wanted = what;
      count_read_ahead(space, page);
      touch.outcome = Outcome::waits_for_page;
      break;
    case State::mapped:
    case State::doomed:
    case State::gone:
      BRIM_ASSERT(false && "an access of a process that ended");
  }
  // A fault that must wait for a frame is made again, and counted then.
  if (touch.outcome == Outcome::made || touch.outcome == Outcome::waits_for_page)
    ++(touch.fault == Fault::major ? counts_.major_faults : counts_.minor_faults);
  if (touch.outcome == Outcome::made) space.round = {};
  touch.system += submit_writes(now);
  return touch;
}

void MemoryManager::hit(Space& space, PageNumber page, Access access) {
  space.pool->hit(page, access);
  if (access == Access::write) written_to(page);
  look_at_cleared(*space.pool);
  settle(space, page);
}

void MemoryManager::load(Space& space, PageNumber page, Access access) {
  space.pool->load(page, access);
  if (access == Access::write) written_to(page);
  look_at_cleared(*space.pool);
  settle(space, page);
}

void MemoryManager::settle(Space& space, PageNumber page) {
  if (shape_.replacement.every_hit || pages_[page].state != State::mapped ||
      !space.pool->referenced(page))
    return;
  if (space.writes && !space.pool->modified(page)) return;
  space.settled.settle(page - space.first);
  space.pool->watch(page);
}

void MemoryManager::written_to(PageNumber page) {
  pages_[page].data = true;
  if (pages_[page].slot != kNoSlot && !pages_[page].writing && !keeps_slots()) give_slot_back(page);
}

void MemoryManager::give_slot_back(PageNumber page) {
  device_->discard(pages_[page].slot);
  swap_.give_back(pages_[page].slot);
  pages_[page].slot = kNoSlot;
}

void MemoryManager::keep_quota(Space& space, Touch& touch, ModelTime now) {
  PagePool& pool = *space.pool;
  const std::size_t pages = pool.resident() + space.reading;
  const bool may_grow = working_sets_ ? working_sets_->may_grow(pages, below_low())
                                      : !shape_.local || pages < pool.frames();
  if (may_grow) return;
  touch.system += take_out(pool, 1, Spare::exempt, now).system;
}

// In a working set the page that leaves does so as the other comes: who waits for a frame keeps it.
bool MemoryManager::find_frame(Space& space, Touch& touch, ModelTime now) {
  if (!working_sets_) keep_quota(space, touch, now);
  if ((!may_have_frame() || space.round.under_way) && !reclaim_for_one(space, touch, now))
    return false;
  if (working_sets_) keep_quota(space, touch, now);
  return true;
}

bool MemoryManager::reclaim_for_one(Space& space, Touch& touch, ModelTime now) {
  bool coming = shape_.reclaimer == Reclaimer::daemon && !in_vain_;
  if (priority_passes_) {
    if (make_passes_for(space, touch, now)) return true;
    coming = space.round.under_way || touch.nap == ModelTime(0);
  } else if (shape_.reclaimer == Reclaimer::who_misses && !writes_enough()) {
    const Reclaimed reclaimed = reclaim(now);
    touch.system += reclaimed.system;
    coming = reclaimed.taken > 0;
    if (may_have_frame()) return true;
    // What is on its way out is waited for.
    if (reclaimed.gave_up && writes_ == 0) {
      touch.outcome = Outcome::out_of_memory;
      return false;
    }
  }
  coming = coming || writes_ > 0 || reads_ > 0 || writes_enough();
  if (!coming) {
    const Reclaimed last = take_out(fullest_pool(), shape_.batch, Spare::none, now);
    touch.system += last.system;
    coming = last.taken > 0 || writes_ > 0;
    if (may_have_frame()) return true;
  }
  touch.outcome = coming ? Outcome::waits_for_frame : Outcome::out_of_memory;
  return false;
}

void MemoryManager::take_frame(PageNumber page) {
  standby_.remove(page);
  ++used_;
  ++spaces_[space_of(page)].held;
  if (working_sets_) working_sets_->came(page);
  shrink_standby();
}

void MemoryManager::free_frame(PageNumber page) {
  --used_;
  --spaces_[space_of(page)].held;
  in_vain_ = false;
  listener_->frame_freed();
}

void MemoryManager::keep_freed(PageNumber page) {
  if (shape_.freed == Freed::gone || pages_[page].state != State::swapped) return;
  standby_.add(page);
  shrink_standby();
}
// Its frames are free ones.
void MemoryManager::shrink_standby() {
  if (standby_.size() > 0) standby_.shrink_to(free_frames());
}

void MemoryManager::take_back(Space& space, PageNumber page, Access access, Touch& touch,
                              ModelTime now) {
  ++counts_.rescued;
  --leaving_;
  written_.remove(page);
  if (working_sets_) working_sets_->came(page);
  pages_[page].state = State::mapped;
  keep_quota(space, touch, now);
  load(space, page, access);
}

void MemoryManager::bring_back(Space& space, PageNumber page, Access access, Touch& touch,
                               ModelTime now) {
  const bool needs_frame = shape_.freed == Freed::kept_above_min && !may_have_frame();
  if (needs_frame && !reclaim_for_one(space, touch, now)) return;
  ++counts_.unread;
  take_frame(page);
  --space.swapped;
  pages_[page].state = State::mapped;
  pages_[page].ahead = false;
  keep_quota(space, touch, now);
  load(space, page, access);
}

void MemoryManager::fill_with_zeros(Space& space, PageNumber page, Access access, Touch& touch,
                                    ModelTime now) {
  if (!find_frame(space, touch, now)) return;
  take_frame(page);
  pages_[page].state = State::mapped;
  load(space, page, access);
}

void MemoryManager::page_in(Space& space, PageNumber page, PageAccess what, Touch& touch,
                            ModelTime now) {
  if (!find_frame(space, touch, now)) return;
  touch.fault = Fault::major;
  touch.system += shape_.costs.major_fault - shape_.costs.minor_fault;
  space.wanted = what;
  std::vector<PageNumber>& pages = coming_in_;
  pages.assign(1, page);
  take_frame(page);
  add_read_ahead(page, pages);
  for (std::size_t i = 1; i < pages.size(); ++i) take_frame(pages[i]);
  touch.system += read(pages, now);
  for (const PageNumber came : pages) pages_[came].ahead = came != page;
  if (pages_[page].state == State::reading) touch.outcome = Outcome::waits_for_page;
}

ModelTime MemoryManager::read(std::vector<PageNumber>& pages, ModelTime now) {
  std::ranges::sort(pages, {}, [this](PageNumber page) { return pages_[page].slot; });
  for (const PageNumber page : pages) {
    pages_[page].state = State::reading;
    pages_[page].ahead = false;
    --spaces_[space_of(page)].swapped;
    ++spaces_[space_of(page)].reading;
    ++reads_;
  }
  ModelTime system = shape_.costs.swap_page * pages.size();
  for (std::size_t i = 0; i < pages.size();) {
    SwapRequest request{Transfer::in, pages_[pages[i]].slot, 1};
    while (i + request.count < pages.size() && request.count < shape_.longest_request &&
           pages_[pages[i + request.count]].slot == request.first + request.count)
      ++request.count;
    const SwapDevice::Submitted submitted = device_->submit(request, now);
    system += cost_of(submitted);
    for (const std::size_t end = i + request.count; i < end; ++i)
      if (submitted.done) arrived(pages[i]);
  }
  return system;
}

ModelTime MemoryManager::cost_of(const SwapDevice::Submitted& submitted) {
  if (submitted.done) return submitted.processor;
  request_time_ += shape_.costs.request;
  return submitted.processor + shape_.costs.request;
}

bool MemoryManager::arrived(PageNumber page) {
  --reads_;
  --spaces_[space_of(page)].reading;
  if (pages_[page].state == State::doomed) {
    give_slot_back(page);
    free_frame(page);
    pages_[page].state = State::gone;
    return false;
  }
  ++counts_.pages_in;
  Space& space = spaces_[space_of(page)];
  const bool wanted = space.wanted && space.first + space.wanted->page == page;
  pages_[page].state = wanted ? State::mapped : State::cached;
  if (wanted) {
    load(space, page, space.wanted->access);
    space.wanted.reset();
  } else if (working_sets_ && shape_.freed != Freed::gone) {
    pages_[page].state = State::swapped;  // with its frame
    ++space.swapped;
    free_frame(page);
    keep_freed(page);
  } else {
    space.pool->load_unused(page);
    look_at_cleared(*space.pool);
  }
  return wanted;
}

void MemoryManager::release(SpaceNumber number) {
  Space& space = spaces_[number];
  space.wanted.reset();
  const PageNumber end = space.first + space.settled.size();
  for (PageNumber page = space.first; page < end; ++page) {
    const State state = pages_[page].state;
    space.settled.unsettle(page - space.first);
    if (state == State::mapped || state == State::cached) space.pool->remove(page);
    if (state == State::swapped) --space.swapped;
    if (state == State::leaving) --leaving_;
    standby_.remove(page);
    written_.remove(page);
    const bool busy = pages_[page].writing || state == State::reading;
    if (busy) {
      pages_[page].state = State::doomed;
      continue;
    }
    if (pages_[page].slot != kNoSlot) give_slot_back(page);
    if (has_frame(state)) free_frame(page);
    pages_[page].state = State::gone;
  }
  if (working_sets_) drop_doomed_from_modified_list();
  space.runs = false;
  if (shape_.local) share_out();
}

ModelTime MemoryManager::next_completion() const {
  return device_ != nullptr ? device_->next_completion() : kNever;
}
ModelTime MemoryManager::device_busy(ModelTime now) const {
  return device_ != nullptr ? device_->busy(now) : ModelTime(0);
}
ModelTime MemoryManager::device_fails_at() const {
  return device_ != nullptr ? device_->fails_at() : kNever;
}

void MemoryManager::complete(ModelTime now) {
  const SwapRequest request = device_->complete();
  for (Slot slot = request.first; slot < request.first + request.count; ++slot) {
    const PageNumber page = swap_.owner(slot);
    spaces_[space_of(page)].pool->set_time(now);
    if (request.transfer == Transfer::out)
      written(page);
    else if (arrived(page))
      listener_->page_arrived(space_of(page));
  }
  pump_incoming(now);
  debt_ += submit_writes(now);
}

ModelTime MemoryManager::take_debt() { return std::exchange(debt_, ModelTime(0)); }
ModelTime MemoryManager::take_request_time() { return std::exchange(request_time_, ModelTime(0)); }

}  // namespace brim::thrash::model
