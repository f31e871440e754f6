// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a full page index says: distinct contents, who has them, the subject by subject matrix, and
// the contents with the most copies. Sums are of whole numbers, so that they don't depend on how
// the shards were divided among threads.

#include "share/measure/content_sample.h"
#include "share/measure/estimate.h"
#include "share/measure/page_index.h"
#include "share/measure/scan.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::share {

struct IndexFigures {
  ContentSums all;
  // By subject: contents are those it alone has, memberships all it has, shared those others have.
  std::vector<ContentSums> subjects;
  // Row major, over contents that two subjects have; empty with too many subjects.
  std::vector<SampledSum> shared_contents;
  std::vector<SampledSum> pages_of_row;
  // The most copied first, two copies at least; without pattern.
  struct Largest {
    PageHash hash;
    Group group;
  };
  std::vector<Largest> largest;
};

struct FigureOptions {
  unsigned threads = 1;
  std::size_t subjects = 0;
  std::uint32_t groups = 0;
  bool matrix = false;
};

// LIMIT: no matrix for more subjects (it has subjects^2 cells for each thread).
inline constexpr std::size_t kMostMatrixSubjects = 512;

[[nodiscard]] IndexFigures figures_of(const PageIndex& index, const ContentSample& sample,
                                      const FigureOptions& options);

}  // namespace brim::share
