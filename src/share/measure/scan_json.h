// SPDX-License-Identifier: Apache-2.0
#pragma once
// The machine's form of a scan (docs/json.md, data/schemas/share-scan.schema.json). The human
// report is drawn from this JSON (scan_document.h), so that a stored run and a fresh one look the
// same.
//
// Counts are of pages of `page_size_bytes`; estimates carry `<key>_interval: [low, high]`. What is
// not known is null, with the reason beside it, never 0.

#include "base/result.h"
#include "host/host.h"
#include "host/ksm.h"
#include "share/measure/scan.h"

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace brim::share {

// One look of a scan over time (--every).
struct LookFigures {
  double t_seconds = 0;
  Potential potential;
  RealSharing real;
  std::uint64_t unrealized_pages = 0;
  bool has_facts = false;
  std::uint64_t compared_pages = 0;  // pages read in this look and the one before
  std::uint64_t churned_pages = 0;   // of these, with other contents now
  bool first = true;                 // nothing to compare with
};

struct ScanContext {
  nlohmann::json host;                     // study's context object, or null
  nlohmann::json options;                  // as given
  const Result<host::Ksm>* ksm = nullptr;  // null: no live subject
  std::vector<std::string> warnings;
  std::vector<LookFigures> looks;  // empty for a single look
};

[[nodiscard]] nlohmann::json scan_json(const ScanResult& result, const ScanContext& context);

// Pages in both looks with different hashes, and pages in both; lists sorted by page number, one
// list a subject (same subjects, same order).
struct Churn {
  std::uint64_t compared = 0;
  std::uint64_t changed = 0;
};
using PageHashes = std::vector<std::vector<std::pair<std::uint64_t, std::uint64_t>>>;
[[nodiscard]] Churn churn_between(const PageHashes& before, const PageHashes& after);

}  // namespace brim::share
