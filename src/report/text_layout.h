// SPDX-License-Identifier: Apache-2.0
#pragma once
// Lines of a given width. All text given is printable (printable.h) or is made so by the caller;
// widths are terminal cells.

#include "report/document.h"

#include <string>
#include <string_view>
#include <vector>

namespace brim::report {

// Breaks at white space (any run of it is one gap). The first line begins with `first`, the others
// with spaces of `indent` cells. No line is wider than `width`, except that a single word that is
// wider stands alone. Always at least one line.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, int width,
                                            std::string_view first, int indent);

// Width of the widest word, as wrap() breaks.
[[nodiscard]] int widest_word(std::string_view text);

// The rows of a table, indented by 2: columns side by side where they fit (headings, then texts,
// are wrapped as needed), else one record a row, "heading: value" a line.
[[nodiscard]] std::vector<std::string> table_lines(const Table& table, int width);

}  // namespace brim::report
