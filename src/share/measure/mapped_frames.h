// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which of the frames that several pages map are mapped by pages that a scan did not see.
//
// 16 bytes a sighting, appended, and one for sightings in a row; now and then those of one frame
// are put together, and frames with all their pages seen forgotten, so that there are never more
// than about twice as many entries as frames to remember. Memory merged with other processes'
// brings a sighting with every page: a hash table cost a cache miss or two for each, which was 5 %
// of a scan.
//
// LIMIT: a frame that is forgotten and then seen once more (its mappings changed meanwhile) is
// taken for a new one.

#include <cstdint>
#include <vector>

namespace brim::share {

class MappedFrames {
 public:
  // One more page of a frame that `map_count` pages map.
  void add(std::uint64_t frame, std::uint32_t map_count);
  MappedFrames& operator+=(const MappedFrames& other);
  // Pages seen of frames that pages not seen map, too.
  [[nodiscard]] std::uint64_t outside_pages();

 private:
  struct Sighting {
    std::uint64_t frame = 0;
    std::uint32_t seen = 0;
    std::uint32_t map_count = 0;  // the most
  };
  void fold();

  static constexpr std::size_t kFoldAt = 1 << 19;  // entries: 8 MiB
  std::vector<Sighting> sightings_;
  std::size_t fold_at_ = kFoldAt;
};

}  // namespace brim::share
