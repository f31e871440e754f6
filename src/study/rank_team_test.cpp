// SPDX-License-Identifier: Apache-2.0
// The protocol of the ranks, with threads of this process for ranks. MPI itself: study_ranks_test.
#include "study/rank_team.h"

#include "study/engine.h"
#include "study/test_area.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using testing::HasSubstr;

// The mail of all ranks.
class Mail {
 public:
  explicit Mail(int ranks) : boxes_(static_cast<std::size_t>(ranks)) {}
  void put(int to, RankMessage message) {
    const std::lock_guard lock(mutex_);
    boxes_[static_cast<std::size_t>(to)].push_back(std::move(message));
  }
  std::optional<RankMessage> take(int rank, std::optional<int> channel) {
    const std::lock_guard lock(mutex_);
    auto& box = boxes_[static_cast<std::size_t>(rank)];
    const auto found = std::find_if(box.begin(), box.end(), [&](const RankMessage& message) {
      return !channel || message.channel == *channel;
    });
    if (found == box.end()) return std::nullopt;
    RankMessage message = std::move(*found);
    box.erase(found);
    return message;
  }

 private:
  std::mutex mutex_;
  std::vector<std::deque<RankMessage>> boxes_;
};

class ThreadRanks final : public Ranks {
 public:
  ThreadRanks(Mail& mail, int rank, int size) : mail_(mail), rank_(rank), size_(size) {}
  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  [[nodiscard]] int ranks_here() const override { return size_; }
  void send(int to, int channel, std::span<const std::byte> bytes) override {
    mail_.put(to, {rank_, channel, {bytes.begin(), bytes.end()}});
  }
  std::optional<RankMessage> receive(std::optional<int> channel) override {
    return mail_.take(rank_, channel);
  }

 private:
  Mail& mail_;
  int rank_;
  int size_;
};

ScenarioFile scenario_of(int points) {
  std::string text = R"(
area = "test"
[study]
repeats = 4
[mechanism]
policy = "fast"
[[guests]]
[sweep.over]
"mechanism.rate" = [0)";
  for (int i = 1; i < points; ++i) text += ", " + std::to_string(i);
  auto file = ScenarioFile::parse(text + "]\n", "s.toml", Catalogue(), test::kAreas);
  EXPECT_TRUE(file.has_value()) << (file ? "" : error_line(file.error()));
  return std::move(*file);
}

// Of one rank. No point ends before every rank has begun one, so that all take part.
class RankBackend final : public Backend {
 public:
  RankBackend(std::latch* all_at_work, std::optional<ErrorCode> error)
      : all_at_work_(all_at_work), error_(error) {}
  [[nodiscard]] Provenance provenance() const override { return Provenance::modelled; }
  [[nodiscard]] bool concurrent() const override { return true; }
  [[nodiscard]] Result<void> check(const Scenario&) const override { return {}; }
  [[nodiscard]] Result<void> run(const Scenario& scenario, const Rng& rng, const SampleSink& sink,
                                 const std::function<void(double)>&,
                                 const Cancel& cancel) const override {
    if (runs++ == 0 && all_at_work_ != nullptr) all_at_work_->arrive_and_wait();
    if (error_) return fail(*error_, "broken", "here");
    if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
    Rng own = rng;
    sink("share.ram_bytes", "a", 0.1, scenario.mechanism.settings.get<double>("rate"));
    sink("share.ram_bytes", "", 1e-300, static_cast<double>(own.next()) / 3);
    return {};
  }
  mutable std::atomic<int> runs{0};

 private:
  std::latch* all_at_work_;  // null: not waited for
  std::optional<ErrorCode> error_;
};

struct Round {
  std::vector<Sample> samples;     // the leader's
  std::vector<Result<void>> ends;  // by rank
  std::vector<int> runs;           // by rank
};

// `failing`: a rank whose backend fails. `points`: of each rank's scenario.
Round run_ranks(const std::vector<int>& points, int failing = -1, int rounds = 1) {
  const int size = static_cast<int>(points.size());
  Mail mail(size);
  Round round;
  round.ends.resize(points.size());
  round.runs.resize(points.size());
  std::latch all_at_work(size);
  const bool same = points.front() == points.back();  // else not all come to work
  std::vector<std::jthread> threads;
  threads.reserve(points.size());
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      const auto at = static_cast<std::size_t>(rank);
      RankTeam team(std::make_unique<ThreadRanks>(mail, rank, size), "brim 1");
      const ScenarioFile scenario = scenario_of(points[at]);
      const RankBackend backend(same ? &all_at_work : nullptr,
                                rank == failing ? std::optional(ErrorCode::io) : std::nullopt);
      Progress silent;
      const TaskSink sink = [&](const TaskId&, std::span<const Sample> some) {
        ASSERT_EQ(rank, 0);
        round.samples.insert(round.samples.end(), some.begin(), some.end());
      };
      for (int i = 0; i < rounds; ++i)
        round.ends[at] = run_study(scenario, backend, {.threads = 1, .done = {}, .team = &team},
                                   sink, silent, kNeverCancelled);
      round.runs[at] = backend.runs;
    });
  }
  threads.clear();
  return round;
}

std::vector<double> values_of(const std::vector<Sample>& samples) {
  std::vector<double> values;
  for (const Sample& sample : samples)
    values.insert(values.end(),
                  {static_cast<double>(sample.repeat), static_cast<double>(sample.point),
                   sample.t_seconds, sample.value});
  return values;
}

TEST(RankTeam, All_ranks_compute_and_the_leader_has_it_all_in_order) {
  const auto expected = values_of(run_ranks({5}).samples);
  ASSERT_EQ(expected.size(), 4U * 5 * 2 * 4);
  for (const int size : {2, 4}) {
    const Round round = run_ranks(std::vector<int>(static_cast<std::size_t>(size), 5));
    EXPECT_EQ(values_of(round.samples), expected);
    int runs = 0;
    for (const int of_one : round.runs) {
      EXPECT_GE(of_one, 1);
      runs += of_one;
    }
    EXPECT_EQ(runs, 20);
    for (const Result<void>& end : round.ends) EXPECT_TRUE(end.has_value());
  }
}

TEST(RankTeam, Rounds_follow_each_other) {
  const auto once = values_of(run_ranks({3}).samples);
  auto twice = once;
  twice.insert(twice.end(), once.begin(), once.end());
  EXPECT_EQ(values_of(run_ranks({3, 3, 3}, -1, 2).samples), twice);
}

TEST(RankTeam, An_error_of_any_rank_ends_the_round_for_all) {
  for (const int failing : {0, 2}) {
    const Round round = run_ranks({40, 40, 40}, failing);
    for (const Result<void>& end : round.ends) EXPECT_FALSE(end.has_value());
    EXPECT_THAT(error_line(round.ends[0].error()),
                failing == 0 ? "here: broken" : "rank 2: here: broken");
    EXPECT_LT(round.samples.size(), 320U);
  }
}

TEST(RankTeam, A_rank_with_another_scenario_is_refused) {
  const Round round = run_ranks({5, 6});
  ASSERT_FALSE(round.ends[0]);
  EXPECT_THAT(error_line(round.ends[0].error()), HasSubstr("rank 1: has another scenario"));
  EXPECT_EQ(round.runs[1], 0);
}

TEST(RankTeam, A_rank_that_cannot_begin_is_told_by_the_leader) {
  Mail mail(2);
  std::jthread helper([&] {
    RankTeam team(std::make_unique<ThreadRanks>(mail, 1, 2), "brim 1");
    team.give_up({ErrorCode::bad_input, "no such file", "s.toml"});
  });
  RankTeam team(std::make_unique<ThreadRanks>(mail, 0, 2), "brim 1");
  Progress silent;
  const auto end = run_study(
      scenario_of(2), RankBackend(nullptr, std::nullopt), {.threads = 1, .done = {}, .team = &team},
      [](const TaskId&, std::span<const Sample>) {}, silent, kNeverCancelled);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::bad_input);
  EXPECT_EQ(error_line(end.error()), "rank 1: s.toml: no such file");
}

TEST(RankTeam, Helpers_are_let_go_when_the_leader_cannot_begin) {
  Mail mail(2);
  Result<void> end;
  std::jthread helper([&] {
    RankTeam team(std::make_unique<ThreadRanks>(mail, 1, 2), "brim 1");
    Progress silent;
    end = run_study(
        scenario_of(2), RankBackend(nullptr, std::nullopt),
        {.threads = 2, .done = {}, .team = &team}, [](const TaskId&, std::span<const Sample>) {},
        silent, kNeverCancelled);
  });
  { const RankTeam team(std::make_unique<ThreadRanks>(mail, 0, 2), "brim 1"); }
  helper.join();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::interrupted);
}

}  // namespace
}  // namespace brim::study
