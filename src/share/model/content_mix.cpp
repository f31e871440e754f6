// SPDX-License-Identifier: Apache-2.0
#include "share/model/content_mix.h"

#include <algorithm>
#include <cmath>

namespace brim::share::model {
namespace {

// The draw number `number` of a content, evenly in [0, 1).
double draw(Content content, std::uint64_t number) {
  const std::uint64_t bits = spread(static_cast<std::uint64_t>(content) + spread(number));
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

Bytes around(Bytes mean, double drawn) {
  const double size = static_cast<double>(mean.count()) * (0.5 + drawn);
  return Bytes(static_cast<std::uint64_t>(std::min(size, static_cast<double>(kPageSize))));
}

}  // namespace

ContentMix::ContentMix(const ContentShares& shares, std::uint64_t contents)
    : shares_(shares),
      groups_(static_cast<std::uint64_t>(
          std::max(1.0, std::round(static_cast<double>(contents) * shares.similar /
                                   std::max(1.0, shares.similar_contents))))) {}

SimilarityKeys ContentMix::keys(Content content) const {
  if (content == kZeroContent || draw(content, 1) >= shares_.similar) return {};
  const double place = draw(content, 2) * static_cast<double>(groups_);
  return {SimilarityKey{1 + static_cast<std::uint64_t>(place)}, kNoKey};
}

Bytes ContentMix::patch(Content content, Content /*reference*/) const {
  return around(shares_.patch, draw(content, 3));
}

Bytes ContentMix::compressed(Content content) const {
  if (content == kZeroContent) return Bytes(kPageSize);  // one frame, shared
  if (draw(content, 4) >= shares_.compressible) return Bytes(kPageSize);
  return around(shares_.compressed, draw(content, 5));
}

}  // namespace brim::share::model
