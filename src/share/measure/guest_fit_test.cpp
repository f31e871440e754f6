// SPDX-License-Identifier: Apache-2.0
#include "share/measure/guest_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace brim::share {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

json scan_of(std::size_t subjects, const json& potential) {
  json all = json::array();
  for (std::size_t i = 0; i < subjects; ++i) all.push_back({{"name", "vm" + std::to_string(i)}});
  const json unread{{"absent", 40}, {"swapped", 0}, {"denied", 0}};
  const json result{{"page_size_bytes", 4096},
                    {"potential", potential},
                    {"unread_pages", unread},
                    {"subjects", all}};
  return {{"partial", false}, {"sampling", nullptr}, {"results", json::array({result})}};
}

json potential_of(double zero, double used, double minimum, double intra, double inter) {
  return {{"zero_pages", zero},
          {"used_pages", used},
          {"minimum_pages", minimum},
          {"intra_saving_pages", intra},
          {"inter_saving_pages", inter}};
}

// Four guests, each of 100 common and 50 own contents, 30 copies, 20 zero pages.
const json& four_guests() {
  static const json scan = scan_of(4, potential_of(80, 720, 300, 120, 300));
  return scan;
}

TEST(GuestFit, Finds_what_guests_that_are_alike_were_made_of) {
  const auto fit = fit_guest(four_guests());
  ASSERT_TRUE(fit) << error_line(fit.error());
  EXPECT_EQ(fit->zero, 20U);
  EXPECT_EQ(fit->common, 100U);
  EXPECT_EQ(fit->own, 50U);
  EXPECT_EQ(fit->copies, 30U);
  EXPECT_EQ(fit->memory, 210U);  // with a quarter of the 40 pages that were not there
  EXPECT_FALSE(fit->estimated);
}

TEST(GuestFit, Of_one_subject_all_is_its_own) {
  const auto fit = fit_guest(scan_of(1, potential_of(0, 100, 70, 30, 0)));
  ASSERT_TRUE(fit);
  EXPECT_EQ(fit->common, 0U);
  EXPECT_EQ(fit->own, 70U);
  EXPECT_EQ(fit->copies, 30U);
}

TEST(GuestFit, The_entry_says_sizes_and_what_is_assumed) {
  const auto entry = guest_entry(*fit_guest(four_guests()), "ours", "run 7");
  ASSERT_TRUE(entry);
  EXPECT_THAT(*entry, HasSubstr("[guest.ours]\n"));
  EXPECT_THAT(*entry, HasSubstr("zero_size = \"80KiB\"\n"));
  EXPECT_THAT(*entry, HasSubstr("page_cache_size = \"400KiB\"\n"));
  EXPECT_THAT(*entry, HasSubstr("heap_size = \"320KiB\"\nheap_distinct = \"200KiB\"\n"));
  EXPECT_THAT(*entry, HasSubstr("vm0, vm1, vm2, vm3"));
  EXPECT_THAT(*entry, HasSubstr("run 7; classes and writes are assumed"));
  EXPECT_THAT(*entry, Not(HasSubstr("page_cache_distinct")));
}

TEST(GuestFit, Copies_of_common_contents_alone_stay_with_them) {
  const auto fit = fit_guest(scan_of(2, potential_of(0, 80, 1, 78, 1)));
  ASSERT_TRUE(fit);
  const auto entry = guest_entry(*fit, "same", "run 1");
  EXPECT_THAT(*entry, HasSubstr("page_cache_size = \"160KiB\"\npage_cache_distinct = \"4KiB\"\n"));
  EXPECT_THAT(*entry, Not(HasSubstr("heap_size")));
}

TEST(GuestFit, Names_of_subjects_cannot_break_out_of_their_text) {
  json scan = four_guests();
  scan["results"][0]["subjects"][0]["name"] = "a\"\n[guest.b]\x7f";
  const auto entry = guest_entry(*fit_guest(scan), "ours", "run 1");
  EXPECT_THAT(*entry, Not(HasSubstr("\n[guest.b]")));
  EXPECT_THAT(*entry, HasSubstr("a\\\""));
}

TEST(GuestFit, What_is_no_whole_scan_of_small_pages_is_refused) {
  json scan = four_guests();
  scan["partial"] = true;
  EXPECT_FALSE(fit_guest(scan));
  scan = four_guests();
  scan["results"][0]["page_size_bytes"] = 2 << 20;
  EXPECT_FALSE(fit_guest(scan));
  EXPECT_FALSE(fit_guest(json::object()));
  EXPECT_FALSE(fit_guest(json::array({1})));
  for (const char* name : {"", "a b", "a.b", "\xc3\xa4"})
    EXPECT_FALSE(guest_entry(*fit_guest(four_guests()), name, "run 1")) << name;
}

}  // namespace
}  // namespace brim::share
