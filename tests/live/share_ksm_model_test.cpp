// SPDX-License-Identifier: Apache-2.0
// Simulated KSM against the kernel's, on the same loads with the same knobs.
#include "base/stats.h"
#include "ksm_row.h"
#include "share_child.h"

#include <cstdio>

#include <fmt/format.h>

namespace brim::live {
namespace {

using lab::Load;
using lab::LoadContent;

Load load_of(LoadContent content, std::uint64_t mebibytes_of_it, std::uint64_t number) {
  Load load;
  load.bytes = mebibytes(mebibytes_of_it);
  load.pause = std::chrono::seconds(1);
  load.content = content;
  load.seed = number;
  load.machine = number;
  return load;
}

// Pages that are all equal, pages that each have one equal in another process, and single ones.
std::vector<Load> loads() {
  return {load_of(LoadContent::study, 32, 1), load_of(LoadContent::per_page, 12, 2),
          load_of(LoadContent::study, 32, 3), load_of(LoadContent::per_page, 12, 4),
          load_of(LoadContent::unique, 8, 5)};
}

std::vector<KsmRow> whole_table() {
  std::vector<KsmRow> rows;
  for (const auto& [pages, settling] :
       {std::pair<std::uint64_t, int>{200, 12}, std::pair<std::uint64_t, int>{2000, 4}})
    for (const lab::WriteRate rate : {lab::WriteRate{0, 1}, {1, 32}, {1, 8}, {1, 1}})
      rows.push_back({.write_rate = rate,
                      .pages_to_scan = pages,
                      .loads = loads(),
                      .settling = std::chrono::seconds(settling)});
  return rows;
}

std::string with_interval(const std::vector<double>& values) {
  const auto interval = student_t_interval(values);
  return fmt::format("{:9.1f} +-{:6.1f}", mean(values),
                     interval ? (interval->high - interval->low) / 2 : 0.0);
}

TEST(KsmModel, DISABLED_Whole_table) {
  const std::string why = why_no_live_ksm();
  BRIM_NEEDS(why.empty(), why);
  for (const KsmRow& row : whole_table()) {
    const KsmSeries live = run_live_ksm(row);
    const KsmSeries simulated = run_simulated_ksm(row, live);
    const KsmMeans a = means_of(row, live);
    const KsmMeans b = means_of(row, simulated);
    fmt::print(
        "{}/{} {:5} pages: batch {:.2f} ms, cycle {:.3f} s, {:.0f} and {:.0f} pages/s\n"
        "  shared  {} | {} ({:+.1f} %)\n  sharing {} | {} ({:+.1f} %)\n  t90 {:.2f} | {:.2f}\n",
        row.write_rate.numerator, row.write_rate.denominator, row.pages_to_scan,
        live.batch_seconds * 1000, live.cycle_seconds, live.pages_per_s, simulated.pages_per_s,
        with_interval(a.shared), with_interval(b.shared),
        100 * (mean(b.shared) / mean(a.shared) - 1), with_interval(a.sharing),
        with_interval(b.sharing), 100 * (mean(b.sharing) / mean(a.sharing) - 1),
        a.to_ninety_percent, b.to_ninety_percent);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace brim::live
