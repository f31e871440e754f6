// SPDX-License-Identifier: Apache-2.0
// Simulated KSM against the kernel's: the same loads, the same knobs, means over write periods of
// what the counters say. A few rows by default; the whole table of docs/models.md, in about four
// minutes and with its bounds:
//   brim_live_share_ksm_model_test --gtest_also_run_disabled_tests --gtest_filter='*whole_table*'
#include "base/stats.h"
#include "ksm_row.h"
#include "share/model/cbps.h"
#include "share/model/loads.h"
#include "share_child.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include <fmt/format.h>

namespace brim::live {
namespace {

using lab::Load;
using lab::LoadContent;
using lab::WriteRate;
using std::chrono::milliseconds;
using std::chrono::seconds;

Load load_of(LoadContent content, std::uint64_t size_mib, std::uint64_t number,
             milliseconds pause) {
  Load load;
  load.bytes = mebibytes(size_mib);
  load.pause = pause;
  load.content = content;
  load.seed = number;
  load.machine = number;
  return load;
}

// Pages that are all equal, pages that have one equal each in another process, and single ones.
// Their pauses differ: what is broken at once depends on when one writes beside another and where
// ksmd is then; were these in step, a run would be of one such case.
std::vector<Load> five_processes(milliseconds pause) {
  return {load_of(LoadContent::study, 32, 1, pause),
          load_of(LoadContent::per_page, 12, 2, pause * 107 / 100),
          load_of(LoadContent::study, 32, 3, pause * 113 / 100),
          load_of(LoadContent::per_page, 12, 4, pause * 96 / 100),
          load_of(LoadContent::unique, 8, 5, pause * 91 / 100)};
}

struct Compared {
  KsmRow row;
  KsmSeries live_series;
  KsmMeans live;
  KsmMeans model;
};

Compared compare(const KsmRow& row) {
  Compared compared{.row = row, .live_series = run_live_ksm(row), .live = {}, .model = {}};
  compared.live = means_of(row, compared.live_series);
  compared.model = means_of(row, run_simulated_ksm(row, compared.live_series));
  return compared;
}

double half_width(const std::vector<double>& values) {
  const auto interval = student_t_interval(values);
  return interval ? (interval->high - interval->low) / 2 : 0;
}

// The model's mean within this share of the kernel's, or within the interval of that.
void expect_near(const std::vector<double>& live, const std::vector<double>& model, double share,
                 const char* what) {
  EXPECT_NEAR(mean(model), mean(live), std::max(share * mean(live), half_width(live))) << what;
}

void expect_near(const Compared& compared, double share, double time_share) {
  EXPECT_GE(compared.live.sharing.size(), 10U) << "write periods";
  expect_near(compared.live.shared, compared.model.shared, share, "pages_shared");
  expect_near(compared.live.sharing, compared.model.sharing, share, "pages_sharing");
  const double live = compared.live.to_ninety_percent;
  EXPECT_GE(compared.model.to_ninety_percent, live * (1 - time_share));
  EXPECT_LE(compared.model.to_ninety_percent, live * (1 + time_share));
}

TEST(KsmModel, What_is_merged_in_the_end_is_what_the_kernel_merges) {
  const std::string why = why_no_live_ksm();
  BRIM_NEEDS(why.empty(), why);
  const Compared compared = compare(
      {.pages_to_scan = 2000, .loads = five_processes(milliseconds(500)), .settling = seconds(4)});
  expect_near(compared, 0.002, 0.7);
  // 64 frames of 256 pages, and a frame for each pair.
  EXPECT_NEAR(mean(compared.model.shared), 64 + 3072, 1e-6);
}

TEST(KsmModel, What_writes_break_and_scans_mend_is_as_much_as_in_the_kernel) {
  const std::string why = why_no_live_ksm();
  BRIM_NEEDS(why.empty(), why);
  const Compared still = compare({.write_rate = {1, 32},
                                  .pages_to_scan = 500,
                                  .loads = five_processes(milliseconds(500)),
                                  .settling = seconds(5)});
  const Compared busy = compare({.write_rate = {1, 1},
                                 .pages_to_scan = 500,
                                 .loads = five_processes(milliseconds(500)),
                                 .settling = seconds(5)});
  expect_near(still, 0.1, 0.7);
  expect_near(busy, 0.25, 0.7);
  EXPECT_LT(mean(busy.live.sharing), mean(still.live.sharing));
  EXPECT_LT(mean(busy.model.sharing), mean(still.model.sharing));
}

// Of a load whose places are not drawn from a seed, the agent that runs and the model that is
// simulated write to the same pages.
TEST(KsmModel, Loads_of_the_study_write_to_the_same_pages_live_and_simulated) {
  using share::model::SyntheticShape;
  constexpr std::uint64_t kPages = 3000;
  for (const auto& [live, simulated] :
       {std::pair(lab::LoadWrites::linux_program, SyntheticShape::Positions::linux_program),
        std::pair(lab::LoadWrites::windows_program, SyntheticShape::Positions::windows_program)}) {
    Load load;
    load.writes = live;
    const auto positions = lab::write_positions(load);
    std::set<std::uint64_t> expected;
    for (std::uint64_t i = 0; i < kPages / 8; ++i)
      expected.insert(positions->next(kPages * kPageSize) / kPageSize);

    share::model::SimulatedMemory memory;
    share::model::Cbps nothing(memory, 0, {});
    share::model::GuestWriter writer(memory, nothing);
    share::model::GuestShape shape;
    shape.memory = Pages(kPages);
    const auto pages = memory.add_guest(shape.memory);
    const share::model::Guest guest(shape, pages, 0, writer, Rng(1));
    const auto running = make_synthetic_load({.pages = Pages(kPages),
                                              .write_rate = 1.0 / 8,
                                              .positions = simulated,
                                              .fill_pages_per_s = 1e6},
                                             guest, writer, std::chrono::nanoseconds(0), Rng(1));
    running->run(milliseconds(2));  // most of the fill
    ASSERT_FALSE(memory.written(pages.end - 1));
    running->run(milliseconds(3));
    std::set<std::uint64_t> written;
    for (share::model::Page page = pages.first; page < pages.end; ++page)
      memory.clear_written(page);
    running->run(seconds(10));  // one cycle
    for (share::model::Page page = pages.first; page < pages.end; ++page)
      if (memory.written(page)) written.insert(page - pages.first);
    EXPECT_EQ(written, expected);
  }
}

std::vector<KsmRow> half_table(std::uint64_t pages_to_scan, seconds settling) {
  std::vector<KsmRow> rows;
  for (const WriteRate rate : {WriteRate{0, 1}, {1, 32}, {1, 8}, {1, 1}})
    rows.push_back({.write_rate = rate,
                    .pages_to_scan = pages_to_scan,
                    .loads = five_processes(seconds(1)),
                    .settling = settling});
  rows.push_back(rows[2]);  // 1/8
  return rows;
}

void print(const Compared& compared) {
  const KsmRow& row = compared.row;
  const auto both = [](const std::vector<double>& live, const std::vector<double>& model) {
    return fmt::format("{:.0f} ± {:.0f} | {:.0f} | {:+.1f} %", mean(live), half_width(live),
                       mean(model), 100 * (mean(model) / mean(live) - 1));
  };
  fmt::print("| {}/{} | {} | {} | {} | {:.0f} | {} | {} | {:.2f} | {:.2f} |\n",
             row.write_rate.numerator, row.write_rate.denominator, row.pages_to_scan,
             row.max_page_sharing, row.smart_scan ? "on" : "off", compared.live_series.pages_per_s,
             both(compared.live.shared, compared.model.shared),
             both(compared.live.sharing, compared.model.sharing), compared.live.to_ninety_percent,
             compared.model.to_ninety_percent);
  std::fflush(stdout);
}

void compare_and_print(const std::vector<KsmRow>& rows) {
  fmt::print(
      "| writes | pages_to_scan | max_page_sharing | smart_scan | pages/s | shared: kernel | model "
      "| "
      "error | sharing: kernel | model | error | 90 % after, s: kernel | model |\n");
  for (const KsmRow& row : rows) {
    const Compared compared = compare(row);
    print(compared);
    expect_near(compared, 0.03, 0.3);
  }
}

TEST(KsmModel, DISABLED_The_whole_table_scanning_slowly) {
  const std::string why = why_no_live_ksm();
  BRIM_NEEDS(why.empty(), why);
  std::vector<KsmRow> rows = half_table(200, seconds(8));
  rows.back().smart_scan = true;
  compare_and_print(rows);
}

TEST(KsmModel, DISABLED_The_whole_table_scanning_quickly) {
  const std::string why = why_no_live_ksm();
  BRIM_NEEDS(why.empty(), why);
  std::vector<KsmRow> rows = half_table(2000, seconds(4));
  rows.back().max_page_sharing = 16;
  compare_and_print(rows);
}

}  // namespace
}  // namespace brim::live
