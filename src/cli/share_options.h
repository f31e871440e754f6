// SPDX-License-Identifier: Apache-2.0
#pragma once
// The options of `brim share scan`: as typed, and checked.

#include "base/result.h"
#include "cli/session.h"
#include "share/measure/scan.h"
#include "share/measure/select.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace CLI {
class App;
}  // namespace CLI

namespace brim::cli {

struct ShareScanText {
  share::Selection selection;
  std::string page_size = "4K";
  unsigned threads = 0;
  bool confirm = false;
  std::string sample;
  std::string beyond;
  std::string second_look;
  std::string every;
  std::string duration;
  bool stable_hash = false;
  std::uint32_t groups = 20;
  std::string seed;
  std::string label;
  std::string html;
  bool no_store = false;
  Output output;
};

struct ShareScanOptions {
  share::ScanOptions scan;
  std::optional<std::chrono::nanoseconds> every;
  std::optional<std::chrono::nanoseconds> duration;
  std::uint64_t seed = 0;
};

// `typed` must outlive the app.
void declare_share_scan(CLI::App& command, ShareScanText& typed);
// bad_input names the option.
[[nodiscard]] Result<ShareScanOptions> checked(const ShareScanText& typed);
// What the run's record and the report show of them.
[[nodiscard]] nlohmann::json options_json(const ShareScanText& typed,
                                          const ShareScanOptions& options);

}  // namespace brim::cli
