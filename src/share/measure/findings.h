// SPDX-License-Identifier: Apache-2.0
#pragma once
// Puts a ScanResult together from what the threads tallied and what the index says.

#include "share/measure/index_figures.h"
#include "share/measure/look.h"
#include "share/measure/part_runner.h"
#include "share/measure/scan.h"

#include <memory>
#include <span>

namespace brim::share {

struct Findings {
  std::span<const std::unique_ptr<Subject>> subjects;
  const ContentSample& sample;
  const LookTally& tally;
  const ReadState& read;
  const IndexFigures& figures;
};

// Gives subjects of one name their pid (or, without one, their number among them): names are keys
// in the store, the matrix and the groups.
void name_apart(std::vector<SubjectResult>& subjects);

[[nodiscard]] SizeResult small_page_result(const Findings& findings);
// `figures`: of the index of 2 MiB pages, which is never sampled.
[[nodiscard]] SizeResult huge_page_result(const Findings& findings);
// Real sharing, causes (in result.results.front().subjects too) and efficiency.
void fill_real_sharing(const Findings& findings, ScanResult& result);
void fill_matrix(const Findings& findings, ScanResult& result);

}  // namespace brim::share
