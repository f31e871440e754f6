// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text as a field of CSV (RFC 4180).

#include <string>
#include <string_view>

namespace brim::report {

// Quoted where need be; an empty text is "". What could steer a terminal or deceive its reader is
// escaped as printable() does; line ends (LF, CR LF) stay, within quotes.
[[nodiscard]] std::string csv_field(std::string_view text);

}  // namespace brim::report
