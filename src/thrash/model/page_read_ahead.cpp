// SPDX-License-Identifier: Apache-2.0
// Which pages are read beside a missing one.
#include "thrash/model/memory_manager.h"

#include <algorithm>
#include <cstddef>

namespace brim::thrash::model {

// Frames that pages beside a missing one may take, and that one's.
std::size_t MemoryManager::spare_for_read_ahead(const Space& space) const {
  const auto above = [](std::size_t all, std::size_t some) { return all > some ? all - some : 0; };
  const std::size_t spare = above(free_frames(), shape_.watermarks.min.count());
  if (!shape_.local) return spare;
  const PagePool& pool = *space.pool;
  return std::min(spare, above(pool.frames(), pool.resident() + space.reading + 1));
}

// Downwards and upwards as far as both its process and the device go on.
void MemoryManager::add_adjacent(PageNumber page, std::vector<PageNumber>& pages) const {
  const Space& space = spaces_[space_of(page)];
  const std::size_t spare = spare_for_read_ahead(space);
  const PageNumber place = page - space.first;
  const PageNumber from = page - place % shape_.read_ahead_pages;
  const PageNumber end =
      std::min(from + shape_.read_ahead_pages, space.first + space.settled.size());
  const auto goes_on = [&](PageNumber near) {
    return pages.size() <= spare && pages_[near].state == State::swapped && !standby_.has(near) &&
           pages_[near].slot - pages_[page].slot == near - page;
  };
  for (PageNumber near = page; near > from && goes_on(near - 1); --near) pages.push_back(near - 1);
  for (PageNumber near = page + 1; near < end && goes_on(near); ++near) pages.push_back(near);
}

MemoryManager::Places MemoryManager::places_beside(Space& space, std::size_t place,
                                                   std::size_t end) {
  const auto aligned = [&](std::size_t pages) {
    const std::size_t from = place - place % pages;
    return Places{from, std::min(end, from + pages)};
  };
  if (shape_.read_ahead == ReadAhead::slots_by_hits)
    return aligned(window_.next(place, shape_.read_ahead_pages));
  if (shape_.read_ahead != ReadAhead::pages_by_hits) return aligned(shape_.read_ahead_pages);
  const std::uint64_t last = space.window.last_place();
  const std::size_t pages = space.window.next(place, shape_.read_ahead_pages);
  // On in the direction it goes, else to both sides.
  std::size_t before = (pages - 1) / 2;
  if (place == last + 1) before = 0;
  if (place + 1 == last) before = pages - 1;
  const std::size_t from = place - std::min(place, before);
  return {from, std::min(end, place + pages - before)};
}

void MemoryManager::count_read_ahead(Space& space, PageNumber page) {
  if (!pages_[page].ahead) return;
  pages_[page].ahead = false;
  (shape_.read_ahead == ReadAhead::slots_by_hits ? window_ : space.window).used();
}

void MemoryManager::add_read_ahead(PageNumber page, std::vector<PageNumber>& pages) {
  if (shape_.read_ahead == ReadAhead::none) return;
  if (shape_.read_ahead == ReadAhead::adjacent) return add_adjacent(page, pages);
  const bool by_hits = shape_.read_ahead == ReadAhead::slots_by_hits ||
                       shape_.read_ahead == ReadAhead::pages_by_hits;
  if (by_hits && is_read_at_once(shape_.swap)) return;
  Space& space = spaces_[space_of(page)];
  const bool by_slot =
      shape_.read_ahead == ReadAhead::slots || shape_.read_ahead == ReadAhead::slots_by_hits;
  const std::size_t place = by_slot ? pages_[page].slot : page - space.first;
  const std::size_t end = by_slot ? swap_.size() : space.settled.size();
  const auto [from, to] = places_beside(space, place, end);
  const std::size_t spare = spare_for_read_ahead(space);
  const auto page_at = [&](std::size_t i) {
    return by_slot ? swap_.owner(static_cast<Slot>(i)) : space.first + static_cast<PageNumber>(i);
  };
  for (std::size_t i = from; by_slot && i < to; ++i)  // for speed alone
    if (page_at(i) != kNoPage) fetch(page_at(i));
  for (std::size_t i = from; i < to; ++i) {
    const PageNumber near = page_at(i);
    if (pages.size() > spare) return;
    if (near == kNoPage || near == page || pages_[near].state != State::swapped) continue;
    if (standby_.has(near)) continue;
    if (shape_.local && space_of(near) != space_of(page)) continue;
    spaces_[space_of(near)].pool->prefetch(near);
    pages.push_back(near);
  }
}

}  // namespace brim::thrash::model
