// SPDX-License-Identifier: Apache-2.0
#pragma once
// A population's contents by shares: so many resemble others, so many get smaller when compressed,
// by so much on average. Which ones, is drawn by content, alike for pages of every kind; sizes lie
// evenly between half and one and a half times the mean, those of patches whatever they are
// against. `brim share scan` measures such shares ("beyond identity").

#include "share/model/content_traits.h"

namespace brim::share::model {

struct ContentShares {
  double similar = 0;
  double similar_contents = 4;  // that resemble one another, on average
  Bytes patch{1024};            // mean, between two of these
  double compressible = 0;
  Bytes compressed{1024};  // mean, of one of these
};

class ContentMix final : public ContentCatalogue {
 public:
  // Of a population of about so many distinct contents.
  ContentMix(const ContentShares& shares, std::uint64_t contents);
  // One key: of all that it resembles.
  [[nodiscard]] SimilarityKeys keys(Content content) const override;
  [[nodiscard]] Bytes patch(Content content, Content reference) const override;
  [[nodiscard]] Bytes compressed(Content content) const override;

 private:
  ContentShares shares_;
  std::uint64_t groups_;
};

}  // namespace brim::share::model
