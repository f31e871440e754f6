// SPDX-License-Identifier: Apache-2.0
#pragma once
// A chart's numbers as a table, for those who can't see the chart or want the figures: a row per
// category or x, a column per series. A heat map has a row per series (its rows) and a column per
// category.

#include "report/document.h"

#include <cstddef>

namespace brim::report {

// At most `row_limit` rows (0: all), evenly thinned with first and last kept; the note then says
// so.
[[nodiscard]] Table chart_table(const Chart& chart, std::size_t row_limit);

}  // namespace brim::report
