// SPDX-License-Identifier: Apache-2.0
// A swap file's disk that is slowed for the consumers' group (src/host/io_limits.h): how many pages
// come in, beside the same run on the disk as it is.
#include "host/io_limits.h"
#include "thrash_fixture.h"

namespace brim::live {
namespace {

using testing::HasSubstr;
using testing::Not;

// Starts at 1.0, 1.5, 2.0 and 2.5 s; all run until the end, which is in the midst of their bursts.
const std::vector<std::string> kSoonAllAtOnce = {
    "schedule.duration=6s", "guests.0.settle=500ms", "guests.0.start_interval=500ms",
    "guests.0.run_for=10s", "loads.writer.kind=sequential"};

class ThrashSlowDisk : public ThrashLive {
 protected:
  void SetUp() override {
    ThrashLive::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto places = host::group_places(host_, "brim-group-check");
    const auto limits = host::check_io_limits(host_, *places);
    BRIM_NEEDS(limits, error_line(limits.error()));
    const auto disk = host::disk_below(host_, scratch_.path());
    BRIM_NEEDS(disk, error_line(disk.error()));
  }
  // A second, while all want memory; and the run's notes.
  struct Paging {
    double in = 0;
    double major_faults = 0;
    std::string notes;
  };
  [[nodiscard]] Paging paging_with(const std::string& set) const {
    std::vector<std::string> sets = kSoonAllAtOnce;
    sets.push_back(set);
    BrimRun run(*this, sets);
    EXPECT_EQ(run.wait(), 0) << run.errors();
    EXPECT_EQ(left_of(run.pid()), "");
    const json found = run.result();
    const auto mean = [&found](const char* metric) {
      double sum = 0;
      int count = 0;
      for (const auto& [t, value] : values_of(found, metric)) {
        if (t < 4) continue;
        sum += value;
        ++count;
      }
      EXPECT_GE(count, 2) << metric;
      return count == 0 ? 0 : sum / count;
    };
    return {mean("thrash.pages_in_per_s"), mean("thrash.major_faults_per_s"),
            found["notes"].dump()};
  }
};

// Sequential, so that pages come with others by read-ahead: they count, too.
TEST_F(ThrashSlowDisk, No_more_pages_come_in_than_it_may_read) {
  constexpr double kReads = 80;
  const Paging slow = paging_with("live.swap_reads_per_s=80");
  EXPECT_THAT(slow.notes, HasSubstr("slowed to 80 reads a second"));
  EXPECT_GT(slow.in, kReads / 4) << "there are pages to wait for";
  EXPECT_GT(slow.major_faults, 1);
  EXPECT_LT(slow.in, 2 * kReads);
  const Paging fast = paging_with("live.swap_reads_per_s=0");
  EXPECT_THAT(fast.notes, Not(HasSubstr("slowed")));
  EXPECT_GT(fast.in, 4 * slow.in);
}

}  // namespace
}  // namespace brim::live
