// SPDX-License-Identifier: Apache-2.0
#pragma once
// What could be saved beyond identical pages: patches against similar pages, and compression, after
// Gupta et al., "Difference Engine: Harnessing Memory Redundancy in Virtual Machines" (OSDI 2008).
//
// Similar pages are found as by their HashSimilarityDetector(2,1) with one candidate
// (similarity.h). A patch is the page compressed by zstd level 3 with the candidate as prefix; it
// counts if it is at most half a page, and then saves the rest of the page (page_codec.h). A page
// that compresses to at most half (lz4; zstd level 3) counts likewise. Neither counts the
// bookkeeping a hypervisor would need. A page that others are patched against stays whole.
//
// Beyond::sampled: a uniform sample of the contents, chosen by a keyed hash of the content (the
// lowest `beyond_pages`), so that it depends neither on order nor on threads. Memory: the pages of
// the sample (16 MiB for 4,096) and the reference table, 32 bytes an expected content. Time: two
// 64-byte hashes and two cache lines a content, and about 0.2 ms a page of the sample at the end.
// Totals are the mean over the sample times the number of contents, with 95 % intervals (normal or
// t with finite population correction; Wilson's score where few pages save anything). When the scan
// itself keeps a sample of the contents (options.sample), only those that it keeps by their hash
// are taken, heavy ones or not, and patching is not estimated: there are no references to speak of.
// LIMIT: the table forgets (similarity.h): of pages that share one block with just one other page,
// 0.8 % at most are missed.
// LIMIT: whether a page of the sample is itself someone's reference isn't known: it counts as
// compressible, and a reference may itself be counted as patched. `exact` has neither fault.
//
// Beyond::exact: all contents. Compression is done in offer() (about 40 us a content, by each
// worker); patches in finish(), one thread, in the order of the keyed hash: a page is patched
// against a page that is still whole, or else becomes a reference for those after it, as in the
// paper. Memory: 40 bytes a content while scanning, about 100 more at the end.
//
// Threads: offer() may be called by several threads, each with its own worker number; finish()
// once, after all of them. `reread` is called from the thread that calls finish() only.

#include "base/cancel.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/units.h"
#include "share/measure/page_hash.h"
#include "share/measure/scan.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace brim::share {

class BeyondExaminer {
 public:
  using Reread = std::function<Result<void>(std::uint32_t subject, std::uint64_t page,
                                            std::span<std::byte, kPageSize> out)>;

  // Not to be built when options.beyond is none. `expected_contents` is an upper bound or a good
  // guess; it sizes the table only. `workers`: worker numbers are below it.
  BeyondExaminer(const ScanOptions& options, const Rng& rng, std::uint64_t expected_contents,
                 unsigned workers);
  ~BeyondExaminer();
  BeyondExaminer(const BeyondExaminer&) = delete;
  BeyondExaminer& operator=(const BeyondExaminer&) = delete;

  // Once for each non-zero content, when it is new in the index; under options.sample, for those
  // that ContentSample::drawn().
  void offer(unsigned worker, const PageHash& hash, std::uint32_t subject, std::uint64_t page,
             std::span<const std::byte, kPageSize> bytes);

  // `contents`: how many there are (minimum_pages; may be more than were offered when the index
  // itself sampled). A candidate that can't be read again, or has changed, is no candidate.
  // Cancelled in the middle: what was examined by then is a smaller sample of the same kind;
  // nothing is returned where that is none, or where `exact` was asked for.
  [[nodiscard]] std::optional<BeyondIdentity> finish(const Reread& reread, std::uint64_t contents,
                                                     const Cancel& cancel);

  // Memory held now, for the report.
  [[nodiscard]] std::uint64_t memory_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace brim::share
