// SPDX-License-Identifier: Apache-2.0
#pragma once
// The command line as it is kept with a run and shown to whoever reads its report.

#include <span>
#include <string>

namespace brim::cli {

// The arguments after the program's name, quoted for a shell where need be; passwords in the
// locations of stores are left out.
[[nodiscard]] std::string typed_command(std::span<const char* const> arguments);

}  // namespace brim::cli
