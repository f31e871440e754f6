// SPDX-License-Identifier: Apache-2.0
// What holds of every page-replacement policy.
#include "thrash/model/test_traces.h"

#include <set>
#include <string>

namespace brim::thrash::model {
namespace {

using test::counts_of;
using test::faults_of;
using test::loop_trace;
using test::random_trace;

class ReplacementSuite : public testing::TestWithParam<std::string> {};

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const ReplacementPolicy& policy : replacement_policies())
    all.emplace_back(policy.family.name);
  return all;
}

// Drives a policy as replay.h does, and holds it to its contract.
class Witness {
 public:
  Witness(const std::string& name, std::size_t pages, std::size_t frames)
      : table_(pages), frames_(frames) {
    const ReplacementPolicy* policy = find_policy(name);
    policy_ =
        policy->make == nullptr
            ? nullptr
            : policy->make(table_, frames, study::Settings(policy->family.parameters), Rng(7));
  }

  [[nodiscard]] bool needs_the_future() const { return policy_ == nullptr; }
  [[nodiscard]] const std::set<PageNumber>& resident() const { return resident_; }

  void reference(PageNumber page, Access access) {
    table_.advance();
    for (PageNumber gone = policy_->leaving(); gone != kNoPage; gone = policy_->leaving())
      leave(gone);
    table_.note(page, access);
    if (resident_.contains(page)) return policy_->hit(page, access);
    policy_->miss(page);
    if (resident_.size() == frames_) leave(policy_->victim());
    policy_->load(page, access);
    resident_.insert(page);
  }
  void remove(PageNumber page) {
    policy_->remove(page);
    resident_.erase(page);
  }

 private:
  void leave(PageNumber page) {
    ASSERT_EQ(resident_.erase(page), 1U) << "page " << page << " is not resident";
    table_.write_back(page);
  }

  PageTable table_;
  std::size_t frames_;
  std::unique_ptr<Replacement> policy_;
  std::set<PageNumber> resident_;
};

TEST_P(ReplacementSuite, Only_resident_pages_leave) {
  for (const std::size_t frames : {1U, 2U, 3U, 10U, 64U}) {
    Witness witness(GetParam(), 100, frames);
    if (witness.needs_the_future()) return;
    const PageTrace trace = random_trace(5000, 100, Rng(3));
    for (const Reference reference : trace.references) {
      witness.reference(reference.page(), reference.access());
      ASSERT_TRUE(witness.resident().contains(reference.page()));
      ASSERT_LE(witness.resident().size(), frames);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(ReplacementSuite, Pages_that_are_removed_never_leave) {
  Witness witness(GetParam(), 100, 20);
  if (witness.needs_the_future()) return;
  Rng rng(5);
  const PageTrace trace = random_trace(20000, 100, Rng(4));
  for (const Reference reference : trace.references) {
    witness.reference(reference.page(), reference.access());
    if (HasFatalFailure()) return;
    while (!witness.resident().empty() && rng.chance(0.2)) {
      auto page = witness.resident().begin();
      std::advance(page, static_cast<std::ptrdiff_t>(rng.below(witness.resident().size())));
      witness.remove(*page);
    }
  }
}

TEST_P(ReplacementSuite, The_same_seed_gives_the_same_run) {
  const PageTrace trace = random_trace(3000, 200, Rng(9));
  EXPECT_EQ(counts_of(GetParam(), trace, 50), counts_of(GetParam(), trace, 50));
}

TEST_P(ReplacementSuite, Where_all_pages_fit_only_first_references_fault) {
  const PageTrace trace = random_trace(3000, 100, Rng(2));
  const ReplayCounts counts = counts_of(GetParam(), trace, 100);
  EXPECT_EQ(counts.references, 3000U);
  EXPECT_EQ(counts.cold_faults, 100U);
  if (GetParam() == "working-set") return;  // they leave all the same
  EXPECT_EQ(counts.faults, 100U);
}

TEST_P(ReplacementSuite, One_frame_faults_whenever_the_page_changes) {
  const PageTrace trace = random_trace(1000, 10, Rng(8));
  std::uint64_t changes = 1;
  for (std::size_t i = 1; i < trace.references.size(); ++i)
    changes += trace.references[i].page() != trace.references[i - 1].page() ? 1 : 0;
  EXPECT_EQ(faults_of(GetParam(), trace, 1), changes);
}

// Only what was written to is written back, at most once for each write.
TEST_P(ReplacementSuite, Pages_never_written_to_are_never_written_back) {
  EXPECT_EQ(counts_of(GetParam(), loop_trace(1000, 50), 20).writebacks, 0U);
  const PageTrace trace = random_trace(3000, 100, Rng(6));
  const auto writes = std::ranges::count_if(
      trace.references, [](Reference one) { return one.access() == Access::write; });
  const std::uint64_t writebacks = counts_of(GetParam(), trace, 20).writebacks;
  EXPECT_GT(writebacks, 0U);
  EXPECT_LE(writebacks, static_cast<std::uint64_t>(writes));
}

TEST_P(ReplacementSuite, None_has_fewer_faults_than_opt) {
  if (find_policy("opt") == nullptr) return;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const PageTrace trace = random_trace(4000, 150, Rng(seed));
    for (const std::size_t frames : {5U, 30U, 100U})
      EXPECT_GE(faults_of(GetParam(), trace, frames), faults_of("opt", trace, frames));
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& policy) {
  std::string name = policy.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, ReplacementSuite, testing::ValuesIn(names()), test_name);

}  // namespace
}  // namespace brim::thrash::model
