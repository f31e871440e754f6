// SPDX-License-Identifier: Apache-2.0
#pragma once
// A document shaped like the scan of a host with four VMs, for tests: every kind of chart, a heat
// map of 4 and one of 30 subjects, a long series, a long table, intervals, missing values, and
// names as a hostile host may give them. Its figures are made up. The same on every call.

#include "report/document.h"

#include <string_view>

namespace brim::report {

// A name that does harm wherever it is taken for markup, script or a terminal's commands; it marks
// the root element (data-harmed) where a script of it runs.
inline constexpr std::string_view kHostileName =
    "</script><img src=x onerror=\"document.documentElement.dataset.harmed=1\">'&\x1b[31m\u2028";

[[nodiscard]] Document sample_document();
// A mixture of the things most likely to break a chart: none of categories, series or points; all
// zero; one value; negative; not finite; no names; all names alike.
[[nodiscard]] Document odd_document();

}  // namespace brim::report
