// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pieces of the HTML report. All strings of the document are escaped here.

#include "report/document.h"

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace brim::report {

// A <figure> with caption, scrolling container and sortable <table>. Cells that sort otherwise than
// they read carry data-v.
[[nodiscard]] std::string html_table(const Table& table, std::string_view id);

// A <figure> with the place where the script draws chart number `index`, and its numbers as a table
// in <details>.
[[nodiscard]] std::string html_chart(const Chart& chart, std::string_view id, std::size_t index);

// What assets/report.js draws from.
[[nodiscard]] nlohmann::json chart_data(const Chart& chart);

}  // namespace brim::report
