// SPDX-License-Identifier: Apache-2.0
#pragma once
// What contents are like, for mechanisms that use more than equality: which resemble each other,
// and what they take as a patch or compressed. A population of contents answers from stated shares
// (content_mix.h), real memory from its bytes.

#include "base/result.h"
#include "base/units.h"
#include "share/model/content.h"

#include <array>
#include <cstdint>

namespace brim::share::model {

// What a content is found by in a table of references: contents that have a key in common may
// resemble each other. A key stands for its place in the page, too: the first key of one content
// and the second of another are never equal.
enum class SimilarityKey : std::uint64_t {};
inline constexpr SimilarityKey kNoKey{0};
using SimilarityKeys = std::array<SimilarityKey, 2>;  // kNoKey: none, or one less

// Answers are the same for a content whenever they are asked, unless check() fails. Any thread.
class ContentCatalogue {
 public:
  virtual ~ContentCatalogue() = default;
  [[nodiscard]] virtual SimilarityKeys keys(Content content) const = 0;
  // Of the content, against another; kPageSize where that saves nothing.
  [[nodiscard]] virtual Bytes patch(Content content, Content reference) const = 0;
  // Of the content alone; kPageSize where that saves nothing.
  [[nodiscard]] virtual Bytes compressed(Content content) const = 0;
  // What kept an answer from being true (a file that changed), from then on.
  [[nodiscard]] virtual Result<void> check() const { return {}; }
};

}  // namespace brim::share::model
