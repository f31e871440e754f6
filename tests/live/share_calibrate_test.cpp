// SPDX-License-Identifier: Apache-2.0
// The costs of KSM on this machine: measured, plausible beside each other, and its knobs put back.
#include "base/stats.h"
#include "host/journal.h"
#include "share/measure/calibrate.h"
#include "share_child.h"

#include <filesystem>

namespace brim::live {
namespace {

std::map<std::string, std::string> ksm_knobs() {
  std::map<std::string, std::string> knobs;
  for (const char* name : {"run", "pages_to_scan", "sleep_millisecs", "smart_scan"})
    knobs[name] = read_text(std::string("/sys/kernel/mm/ksm/") + name);
  return knobs;
}

class CalibratedKsm : public testing::Test {
 protected:
  CalibratedKsm() {
    std::string pattern = testing::TempDir() + "brim-calibrate-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~CalibratedKsm() override { std::filesystem::remove_all(directory_); }

  std::map<std::string, double> measure() {
    const auto host = host::Host::open("/");
    auto journal = host::Journal::open(*host, directory_ + "/journal");
    EXPECT_TRUE(journal) << error_line(journal.error());
    std::map<std::string, double> costs;
    for (const share::MeasuredCost& cost : share::measure_ksm_costs(*host, *journal)) {
      reason_ = cost.reason;
      if (!cost.ns.empty()) costs[std::string(cost.key)] = percentile(cost.ns, 50);
    }
    return costs;
  }

  std::string directory_;
  std::string reason_;  // why the last was not measured
};

TEST_F(CalibratedKsm, A_merge_costs_more_than_a_visit_and_the_knobs_are_put_back) {
  const auto knobs = ksm_knobs();
  BRIM_NEEDS(knobs.at("run").starts_with("0"), "no KSM, or it is running");
  auto costs = measure();
  BRIM_NEEDS(costs.size() == 3, reason_);
  EXPECT_GT(costs["visit_ns"], 10);
  EXPECT_GT(costs["merge_ns"], costs["visit_ns"]);
  EXPECT_GT(costs["copy_on_write_ns"], costs["visit_ns"]);
  EXPECT_LT(costs["copy_on_write_ns"], 1e6);
  EXPECT_EQ(ksm_knobs(), knobs);
}

TEST_F(CalibratedKsm, Nothing_is_measured_where_others_have_registered_memory) {
  const auto knobs = ksm_knobs();
  BRIM_NEEDS(knobs.at("run").starts_with("0"), "no KSM, or it is running");
  const Child child([] {
    std::byte* const memory = map_anonymous(kPageSize);
    fill_page(memory, 1);
    ::madvise(memory, kPageSize, MADV_MERGEABLE);
  });
  EXPECT_TRUE(measure().empty());
  EXPECT_NE(reason_.find("is registered with KSM"), std::string::npos) << reason_;
  EXPECT_EQ(ksm_knobs(), knobs);
}

}  // namespace
}  // namespace brim::live
