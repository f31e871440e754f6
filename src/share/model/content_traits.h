// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a content is like, for mechanisms that use more than equality: which others it resembles,
// and what it takes as a patch or compressed. A population of contents implements it, from measured
// shares (brim share scan --beyond).

#include "base/units.h"
#include "share/model/content.h"

#include <cstdint>

namespace brim::share::model {

// Contents of one group resemble each other; those of kNoGroup none.
enum class SimilarityGroup : std::uint64_t {};
inline constexpr SimilarityGroup kNoGroup{0};

struct ContentTraits {
  SimilarityGroup group = kNoGroup;
  Bytes patch{kPageSize};       // against another content of its group
  Bytes compressed{kPageSize};  // alone
};

class ContentCatalogue {
 public:
  virtual ~ContentCatalogue() = default;
  // The same for a content whenever it is asked.
  [[nodiscard]] virtual ContentTraits traits(Content content) const = 0;
};

}  // namespace brim::share::model
