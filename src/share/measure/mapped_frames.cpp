// SPDX-License-Identifier: Apache-2.0
#include "share/measure/mapped_frames.h"

#include <algorithm>

#include <boost/sort/spreadsort/integer_sort.hpp>

namespace brim::share {

void MappedFrames::add(std::uint64_t frame, std::uint32_t map_count) {
  if (!sightings_.empty()) {
    Sighting& last = sightings_.back();
    if (last.frame == frame) {
      ++last.seen;
      last.map_count = std::max(last.map_count, map_count);
      return;
    }
    if (last.seen >= last.map_count) {
      last = {.frame = frame, .seen = 1, .map_count = map_count};
      return;
    }
  }
  if (sightings_.size() >= fold_at_) fold();
  sightings_.push_back({.frame = frame, .seen = 1, .map_count = map_count});
}

MappedFrames& MappedFrames::operator+=(const MappedFrames& other) {
  sightings_.insert(sightings_.end(), other.sightings_.begin(), other.sightings_.end());
  return *this;
}

void MappedFrames::fold() {
  boost::sort::spreadsort::integer_sort(
      sightings_.begin(), sightings_.end(),
      [](const Sighting& sighting, unsigned shift) { return sighting.frame >> shift; },
      [](const Sighting& a, const Sighting& b) { return a.frame < b.frame; });
  auto kept = sightings_.begin();
  for (auto at = sightings_.begin(); at != sightings_.end();) {
    Sighting sum = *at;
    for (++at; at != sightings_.end() && at->frame == sum.frame; ++at) {
      sum.seen += at->seen;
      sum.map_count = std::max(sum.map_count, at->map_count);
    }
    if (sum.seen < sum.map_count) *kept++ = sum;
  }
  sightings_.erase(kept, sightings_.end());
  fold_at_ = std::max(kFoldAt, 2 * sightings_.size());
}

std::uint64_t MappedFrames::outside_pages() {
  fold();
  std::uint64_t pages = 0;
  for (const Sighting& sighting : sightings_) pages += sighting.seen;
  return pages;
}

}  // namespace brim::share
