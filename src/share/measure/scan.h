// SPDX-License-Identifier: Apache-2.0
#pragma once
// One look over subjects: what identical pages could save (potential), do save (real), and where
// the rest goes. Counts are of 4 KiB pages unless the result's page_size_bytes says otherwise.
//
// Potential follows Veiga 2015 (UTFPR), Table 5.1, over non-zero pages that could be read:
//   minimum = distinct contents over all subjects
//   intra   = sum over subjects of (pages - distinct contents within the subject)
//   inter   = sum over subjects of distinct contents - minimum
//   used    = minimum + intra + inter, always.
// A frame mapped by two subjects is one page of each, and real sharing.
//
// Real: `saved_pages` = non-zero pages seen - frames behind them. Unrealized = intra + inter -
// saved_pages; each unrealized page is a frame that duplicates another frame's content and is put
// under that frame's Cause (the frame kept is the one with the least obstacle: a KSM frame first).
//
// Identity is decided by 128-bit XXH3 with a secret drawn per run (chance of any false match among
// 2^32 pages below 2^-64), or also byte by byte with `confirm`.
//
// Beside images (subjects without facts), real sharing, causes and efficiency are over the pages
// with facts alone: saved + unrealized = their number - their distinct contents.
//
// For 2 MiB pages, `unread.absent` counts aligned blocks of which only some pages were read, and
// `padded_pages` last blocks of images filled up with zeros; there are no facts.
//
// Sampled: every page is read and hashed; used and zero pages are exact, and so are the contents
// nominated as heavy (content_sample.h); the rest is estimated (estimate.h). To nominate, up to
// 2^18 pages are read before the scan, and so twice; of a small scan an eighth. Causes are shared
// out as in the sample.

#include "base/cancel.h"
#include "base/progress.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/stats.h"
#include "base/units.h"
#include "share/measure/subject.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace brim::share {

enum class Beyond : std::uint8_t { none, sampled, exact };

struct ScanOptions {
  bool page_4k = true;
  bool page_2m = false;
  unsigned threads = 0;               // 0: all processors
  bool confirm = false;               // compare equal pages byte by byte
  std::optional<double> sample;       // share of contents kept in the index; heavy ones always are
  Beyond beyond = Beyond::sampled;    // patching and compression
  std::uint32_t beyond_pages = 4096;  // contents examined when sampled
  std::optional<std::chrono::nanoseconds> second_look;  // wait, read again, find changing pages
  bool stable_hash = false;     // a fixed secret, so that hashes of two runs can be compared
  std::uint32_t groups = 20;    // largest groups listed
  bool remember_pages = false;  // keep a 64-bit hash a page, for churn against the next look
};

// A number with its 95 % interval; exact numbers have none.
struct Estimate {
  double value = 0;
  std::optional<Interval> interval;
};

struct Potential {
  Estimate zero_pages;
  Estimate used_pages;
  Estimate minimum_pages;
  Estimate intra_saving_pages;
  Estimate inter_saving_pages;
};

struct RealSharing {
  std::uint64_t merged_pages = 0;           // non-zero pages whose frame is a KSM frame
  std::uint64_t ksm_frames = 0;             // distinct KSM frames behind them
  std::uint64_t saved_pages = 0;            // non-zero pages - frames, any way of sharing
  std::uint64_t ksm_saved_pages = 0;        // of these, by KSM: merged_pages - ksm_frames
  std::uint64_t mergeable_saved_pages = 0;  // saved among pages in memory registered with KSM
  std::uint64_t zero_merged_pages = 0;      // zero pages on the kernel's zero frame or a KSM frame
  std::uint64_t outside_pages = 0;          // pages whose frame others, not scanned, map too
};

struct SubjectResult {
  std::string name;
  SubjectKind kind = SubjectKind::image;
  std::string identified_by;
  std::optional<int> pid;
  std::uint64_t pages = 0;  // read, zero pages included
  Estimate zero_pages;
  Estimate used_pages;
  Estimate distinct_pages;
  Estimate intra_saving_pages;
  Estimate inter_saving_pages;  // of its distinct contents, those also in another subject
  UnreadPages unread;
  std::uint64_t padded_pages = 0;
  std::uint64_t huge_pages_4k = 0;  // 4 KiB pages that are part of a huge page
  // Only with facts:
  std::uint64_t merged_pages = 0;
  std::uint64_t shared_pages = 0;       // frame mapped more than once, by anyone
  double proportional_saved_pages = 0;  // sum of 1 - 1/map_count
  std::array<std::uint64_t, kCauseCount> unrealized_by_cause{};
  std::optional<ProcessMemory> memory;
  std::optional<Error> error;  // the subject went away part way: figures cover what was read
};

struct Group {
  std::string hash;          // 32 hex digits, keyed per run unless stable_hash
  std::uint64_t copies = 0;  // pages
  std::vector<std::pair<std::uint32_t, std::uint64_t>> in;  // subject index, copies there
  std::string pattern;  // "every byte 0xff", "bytes count up (i mod 256)" ...; empty: none known
};

// Symmetric; the diagonal is distinct(v). shared[i][j]: contents found in both.
struct Matrix {
  std::size_t subjects = 0;
  std::vector<double> shared_contents;         // row major
  std::vector<double> pages_of_row_in_column;  // pages of i whose content j has too
  [[nodiscard]] double at(std::size_t row, std::size_t column) const {
    return shared_contents[row * subjects + column];
  }
};

// As in Gupta et al. 2008 (Difference Engine), figures of saving: sharing, + patching, +
// compression.
struct BeyondIdentity {
  bool sampled = true;
  std::uint64_t examined = 0;         // contents looked at
  std::uint64_t contents = 0;         // contents there are (minimum_pages)
  std::uint64_t references_gone = 0;  // similar pages that could not be read again: no candidates
  Estimate lz4_saving_pages;          // after sharing, pages compressing to at most half
  Estimate zstd_saving_pages;
  // In pages, fractional. Absent when the scan kept only a sample of the contents: a page's similar
  // page is then seldom among them.
  struct Patching {
    Estimate contents;      // that have a patch of at most half a page against a similar page
    Estimate saving_pages;  // by those patches
    Estimate then_lz4_saving_pages;  // patch, and compress what can't be patched
    Estimate then_zstd_saving_pages;
  };
  std::optional<Patching> patching;
};

struct SizeResult {
  std::uint64_t page_size_bytes = kPageSize;
  Potential potential;
  std::vector<SubjectResult> subjects;  // in the order given
};

struct ScanResult {
  bool partial = false;  // interrupted, or a subject went away
  std::vector<SizeResult> results;
  // What follows is for 4 KiB pages, and not there when only 2 MiB pages were asked for.
  bool has_facts = false;  // real sharing and causes known for all subjects that could have them
  std::string why_no_facts;
  RealSharing real;
  std::optional<double> efficiency_percent;
  std::uint64_t unrealized_pages = 0;
  std::array<std::uint64_t, kCauseCount> unrealized_by_cause{};
  Matrix matrix;
  std::vector<Group> groups;
  std::optional<BeyondIdentity> beyond;
  // With both sizes: what the 2 MiB size hides of the 4 KiB potential.
  std::optional<double> hidden_by_huge_pages;
  std::optional<double> sample;      // as asked
  std::uint64_t heavy_contents = 0;  // counted exactly under sampling
  // Confirmation.
  std::uint64_t confirmed_pages = 0;
  std::uint64_t collisions = 0;  // equal hash, different bytes, neither changed
  std::uint64_t changed_while_confirming = 0;
  std::uint64_t unconfirmed_pages = 0;  // could not be read again
  // Second look.
  std::optional<std::uint64_t> changing_pages;
  double first_look_seconds = 0;
  double second_look_seconds = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t bytes_read = 0;
  double seconds = 0;
  // With remember_pages: per subject, (page number, 64-bit hash), sorted by page number.
  std::vector<std::vector<std::pair<std::uint64_t, std::uint64_t>>> page_hashes;
};

// `subjects` must outlive the call. Errors only when nothing could be done at all; a subject that
// fails part way is marked in its SubjectResult and the whole is partial.
// Cancelled: what was read by then, partial, be it nothing.
[[nodiscard]] Result<ScanResult> scan(std::span<const std::unique_ptr<Subject>> subjects,
                                      const ScanOptions& options, const Rng& rng,
                                      Progress& progress, const Cancel& cancel);

}  // namespace brim::share
