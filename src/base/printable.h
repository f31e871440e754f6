// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text that is safe to show: on a terminal (a VM's name must not send it escape sequences) and on a
// page (nor turn the direction of what follows, or hide). Widths are those of a terminal's cells
// (Unicode East Asian Width, utf8proc's tables), whatever the locale.

#include <string>
#include <string_view>

namespace brim {

// One line of valid UTF-8: control characters (C0, DEL, C1), line and paragraph separators and
// invisible formatting characters (Cf: bidirectional controls, tags; not the joiners U+200C, U+200D
// that scripts and emoji need) become \n, \t, \x1b or \u202e; bytes that are not UTF-8 become \xff.
// A backslash stays as it is: the result is for reading, not for parsing back.
[[nodiscard]] std::string printable(std::string_view text);

// Cells that printable text takes: wide characters 2, combining ones 0.
// LIMIT: a sequence joined by U+200D counts as its parts, as most terminals draw it.
[[nodiscard]] int display_width(std::string_view printable_text);

}  // namespace brim
