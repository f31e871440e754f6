// SPDX-License-Identifier: Apache-2.0
#pragma once
// Man pages and bash completion, generated from the declared options, so that they can't disagree
// with the program.

#include <map>
#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace brim::cli {

// File name ("brim-share-scan.1") -> troff source (man-pages(7) conventions). One page for the
// program and one for each command. `date` is the day shown in the footer, "2026-11-22".
[[nodiscard]] std::map<std::string, std::string> man_pages(const CLI::App& program,
                                                           const std::string& version,
                                                           const std::string& date);
// A completion for bash-completion's directory: commands, options, and values of options that have
// a fixed list; file names elsewhere.
[[nodiscard]] std::string bash_completion(const CLI::App& program);

}  // namespace brim::cli
