// SPDX-License-Identifier: Apache-2.0
// What every store must do, asked of SQLite and of a real PostgreSQL server in turn.
#include "study/store.h"

#include "study/metric.h"
#include "study/store_test_place.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RunInfo some_info() {
  RunInfo info;
  info.area = "share";
  info.command = "share scan";
  info.arguments = "share scan --vms --name 'it''s; DROP TABLE run' :x ::y";
  info.label = "before \xc3\xa4nderung";
  info.provenance = Provenance::measured;
  info.started =
      std::chrono::system_clock::time_point(std::chrono::nanoseconds(1234567890123456789));
  info.version = "0.1.0 (abc)";
  info.owner = {"machine", "boot", 4321, 987654321};
  info.context_json = R"({"kernel":"6.18"})";
  return info;
}

Sample sample(std::string_view metric, std::string_view subject, double t, double value) {
  Sample made;
  made.metric = metric;
  made.subject = subject;
  made.t_seconds = t;
  made.value = value;
  return made;
}

// The parameter makes a fresh, empty store's location.
class StoreShared : public AtPlace {
 protected:
  Store open() {
    auto store = Store::open(location_);
    EXPECT_TRUE(store) << (store ? "" : error_line(store.error()));
    return std::move(*store);
  }
};

TEST_P(StoreShared, Run_comes_back_as_it_was_recorded) {
  const RunInfo info = some_info();
  std::int64_t id = 0;
  std::vector<Sample> samples = {sample("share.zero_pages", "", 0, 17),
                                 sample("share.zero_pages", "vm \"1\"; --", 0.5, 18.25)};
  samples[1].point = std::numeric_limits<std::uint32_t>::max();
  samples[1].repeat = 7;
  samples[1].low = 1e-300;
  samples.push_back(sample("share.used_pages", "x", 1, 2));
  samples[2].high = 3;
  {
    Store store = open();
    id = *store.begin(info);
    ASSERT_TRUE(store.add(id, samples));
    ASSERT_TRUE(store.finish(id, RunStatus::partial, R"({"a":"\u0000 'quoted'"})"));
  }
  const study::Run run = *open().load(id);
  EXPECT_EQ(run.info.id, id);
  EXPECT_EQ(run.info.area, info.area);
  EXPECT_EQ(run.info.command, info.command);
  EXPECT_EQ(run.info.arguments, info.arguments);
  EXPECT_EQ(run.info.label, info.label);
  EXPECT_EQ(run.info.provenance, Provenance::measured);
  EXPECT_EQ(run.info.status, RunStatus::partial);
  EXPECT_EQ(run.info.started, info.started);
  ASSERT_TRUE(run.info.finished);
  EXPECT_EQ(run.info.version, info.version);
  EXPECT_EQ(run.info.owner.host_id, "machine");
  EXPECT_EQ(run.info.owner.boot_id, "boot");
  EXPECT_EQ(run.info.owner.process, 4321);
  EXPECT_EQ(run.info.owner.process_start_ticks, 987654321);
  EXPECT_EQ(run.info.context_json, info.context_json);
  EXPECT_EQ(run.result_json, R"({"a":"\u0000 'quoted'"})");
  ASSERT_EQ(run.samples.size(), 3U);
  EXPECT_EQ(run.samples[1].subject, "vm \"1\"; --");
  EXPECT_EQ(run.samples[1].t_seconds, 0.5);
  EXPECT_EQ(run.samples[1].point, std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(run.samples[1].repeat, 7U);
  EXPECT_EQ(run.samples[0].low, std::nullopt);
  EXPECT_EQ(run.samples[1].low, 1e-300);
  EXPECT_EQ(run.samples[1].high, std::nullopt);
  EXPECT_EQ(run.samples[2].low, std::nullopt);
  EXPECT_EQ(run.samples[2].high, 3);
}

TEST_P(StoreShared, Numbers_round_trip_to_the_last_bit) {
  const std::vector<double> values = {0.1,
                                      1.0 / 3,
                                      9007199254740993.0,
                                      18446744073709551615.0,
                                      -1e308,
                                      std::numeric_limits<double>::max(),
                                      std::numeric_limits<double>::min(),
                                      std::numeric_limits<double>::denorm_min(),
                                      std::nextafter(1.0, 2.0),
                                      524288.0,
                                      0.0};
  std::vector<Sample> samples;
  samples.reserve(values.size());
  for (const double value : values) samples.push_back(sample("share.zero_pages", "", value, value));
  Store store = open();
  const std::int64_t id = *store.begin(some_info());
  ASSERT_TRUE(store.add(id, samples));
  const study::Run run = *store.load(id);
  ASSERT_EQ(run.samples.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(run.samples[i].value, values[i]) << i;
    EXPECT_EQ(run.samples[i].t_seconds, values[i]) << i;
  }
}

TEST_P(StoreShared, Minus_zero_is_kept_as_zero) {
  Store store = open();
  const std::int64_t id = *store.begin(some_info());
  ASSERT_TRUE(store.add(id, std::vector{sample("share.zero_pages", "", 0, -0.0)}));
  EXPECT_FALSE(std::signbit(store.load(id)->samples[0].value));
}

TEST_P(StoreShared, Samples_keep_the_order_they_were_added_in) {
  Store store = open();
  const std::int64_t first = *store.begin(some_info());
  const std::int64_t second = *store.begin(some_info());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store.add(first, std::vector{sample("share.zero_pages", "z", 9 - i, i),
                                             sample("share.used_pages", "a", 9 - i, i + 0.5)}));
    ASSERT_TRUE(store.add(second, std::vector{sample("share.zero_pages", "", 0, 100 + i)}));
    ASSERT_TRUE(store.add(first, {}));
  }
  std::vector<double> values;
  const study::Run loaded = *store.load(first);
  values.reserve(loaded.samples.size());
  for (const Sample& one : loaded.samples) values.push_back(one.value);
  EXPECT_THAT(values, ElementsAre(0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5));
  EXPECT_EQ(store.load(second)->samples.size(), 5U);
}

TEST_P(StoreShared, Text_that_is_not_utf8_is_kept_readable) {
  RunInfo info = some_info();
  info.label = std::string("a\xff\0b", 4);
  Store store = open();
  const std::int64_t id = *store.begin(info);
  ASSERT_TRUE(store.add(id, std::vector{sample("share.zero_pages", "vm\xc3", 0, 1)}));
  const study::Run run = *store.load(id);
  EXPECT_EQ(run.info.label,
            "a\xef\xbf\xbd\xef\xbf\xbd"
            "b");
  EXPECT_EQ(run.samples[0].subject, "vm\xef\xbf\xbd");
}

TEST_P(StoreShared, List_is_newest_first_and_keeps_to_its_limit) {
  Store store = open();
  EXPECT_TRUE(store.list(0)->empty());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store.begin(some_info()));
  const auto all = *store.list(0);
  ASSERT_EQ(all.size(), 5U);
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_GT(all[i - 1].id, all[i].id);
  const auto two = *store.list(2);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0].id, all[0].id);
}

TEST_P(StoreShared, Last_finished_run_passes_over_those_that_run_or_were_killed) {
  Store store = open();
  EXPECT_EQ(*store.last_finished("machine"), std::nullopt);
  const std::int64_t first = *store.begin(some_info());
  const std::int64_t second = *store.begin(some_info());
  ASSERT_TRUE(store.begin(some_info()));
  EXPECT_EQ(*store.last_finished("machine"), std::nullopt);
  ASSERT_TRUE(store.finish(second, RunStatus::partial, "{}"));
  ASSERT_TRUE(store.finish(first, RunStatus::complete, "{}"));
  ASSERT_TRUE(store.mark_interrupted("machine", [](const RunOwner&) { return false; }));
  EXPECT_EQ(*store.last_finished("machine"), second);
}

TEST_P(StoreShared, Last_finished_run_is_this_hosts_where_it_has_one) {
  Store store = open();
  RunInfo info = some_info();
  for (const char* const host : {"machine", "other"}) {
    info.owner.host_id = host;
    ASSERT_TRUE(store.finish(*store.begin(info), RunStatus::complete, "{}"));
  }
  EXPECT_EQ(*store.last_finished("machine"), 1);
  EXPECT_EQ(*store.last_finished("other"), 2);
  EXPECT_EQ(*store.last_finished("third"), 2);
}

TEST_P(StoreShared, Missing_run_is_refused_with_those_there_are) {
  Store store = open();
  EXPECT_THAT(store.load(7).error().what, HasSubstr("holds none yet"));
  ASSERT_TRUE(store.begin(some_info()));
  EXPECT_THAT(store.load(7).error().what, HasSubstr("the only run is 1"));
  ASSERT_TRUE(store.begin(some_info()));
  ASSERT_TRUE(store.begin(some_info()));
  const auto missing = store.load(7);
  EXPECT_EQ(missing.error().code, ErrorCode::missing);
  EXPECT_EQ(missing.error().what, "there is no run 7: runs are 1 to 3");
  EXPECT_TRUE(store.load(3));  // the store goes on working
}

TEST_P(StoreShared, Run_finishes_once) {
  Store store = open();
  const std::int64_t id = *store.begin(some_info());
  EXPECT_FALSE(store.load(id)->info.finished);
  ASSERT_TRUE(store.finish(id, RunStatus::complete, "{}"));
  const auto again = store.finish(id, RunStatus::failed, "");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::gone);
  EXPECT_EQ(store.load(id)->info.status, RunStatus::complete);
  EXPECT_EQ(store.finish(99, RunStatus::failed, "").error().code, ErrorCode::gone);
  EXPECT_EQ(store.add(99, {}).error().code, ErrorCode::gone);
}

TEST_P(StoreShared, Run_that_did_not_complete_can_be_gone_on_with_and_no_other) {
  Store store = open();
  const std::int64_t id = *store.begin(some_info());
  const Sample first = sample("share.used_pages", "", 1, 2);
  ASSERT_TRUE(store.add(id, std::span(&first, 1)));
  const RunOwner next{"machine", "boot", 77, 88};
  EXPECT_FALSE(store.reopen(id, next)) << "it is at work";
  ASSERT_TRUE(store.finish(id, RunStatus::interrupted, "{}"));
  ASSERT_TRUE(store.reopen(id, next));
  const Sample second = sample("share.used_pages", "", 2, 3);
  ASSERT_TRUE(store.add(id, std::span(&second, 1)));
  const auto open_again = *store.load(id);
  EXPECT_EQ(open_again.info.status, RunStatus::running);
  EXPECT_EQ(open_again.info.owner.process, 77);
  EXPECT_FALSE(open_again.info.finished.has_value());
  EXPECT_EQ(open_again.samples.size(), 2U);
  ASSERT_TRUE(store.finish(id, RunStatus::complete, "{}"));
  EXPECT_FALSE(store.reopen(id, next));
  EXPECT_EQ(store.reopen(id + 1, next).error().code, ErrorCode::gone);
}

TEST_P(StoreShared, Prune_keeps_the_newest_finished_runs_and_all_that_run) {
  Store store = open();
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(*store.begin(some_info()));
    ASSERT_TRUE(store.add(ids.back(), std::vector{sample("share.zero_pages", "", 0, i)}));
    if (i == 1) continue;
    ASSERT_TRUE(store.finish(ids.back(), RunStatus::complete, "{}"));
  }
  EXPECT_EQ(*store.prune(2), 3U);
  std::vector<std::int64_t> left;
  const std::vector<RunInfo> listed = *store.list(0);
  left.reserve(listed.size());
  for (const RunInfo& info : listed) left.push_back(info.id);
  EXPECT_THAT(left, ElementsAre(ids[5], ids[4], ids[1]));
  EXPECT_THAT(store.load(ids[0]).error().what, HasSubstr("runs are 2 to 6, not all of them"));
  EXPECT_EQ(store.load(ids[1])->samples.size(), 1U);
  EXPECT_EQ(*store.prune(2), 0U);
  EXPECT_EQ(*store.prune(0), 2U);
  EXPECT_GT(*store.begin(some_info()), ids[5]);  // a number is never given twice
}

TEST_P(StoreShared, Dead_run_of_this_host_becomes_interrupted_and_no_other) {
  Store store = open();
  const auto begin = [&store](std::string_view host, std::int64_t process) {
    RunInfo info = some_info();
    info.owner.host_id = host;
    info.owner.process = process;
    return *store.begin(info);
  };
  const std::int64_t dead = begin("here", 10);
  const std::int64_t alive = begin("here", 11);
  const std::int64_t elsewhere = begin("there", 10);
  const std::int64_t unknown = begin("here", 0);
  const std::int64_t finished = begin("here", 10);
  ASSERT_TRUE(store.finish(finished, RunStatus::complete, "{}"));
  const Store::Alive eleven_lives = [](const RunOwner& owner) { return owner.process == 11; };
  EXPECT_EQ(*store.mark_interrupted("here", eleven_lives), 1U);
  EXPECT_EQ(store.load(dead)->info.status, RunStatus::interrupted);
  EXPECT_EQ(store.load(alive)->info.status, RunStatus::running);
  EXPECT_EQ(store.load(elsewhere)->info.status, RunStatus::running);
  EXPECT_EQ(store.load(unknown)->info.status, RunStatus::running);
  EXPECT_EQ(store.load(finished)->info.status, RunStatus::complete);
  EXPECT_EQ(*store.mark_interrupted("here", eleven_lives), 0U);
}

TEST_P(StoreShared, Two_handles_see_each_others_work_at_once) {
  Store one = open();
  Store other = open();
  const std::int64_t id = *one.begin(some_info());
  ASSERT_TRUE(other.add(id, std::vector{sample("share.zero_pages", "", 0, 1)}));
  ASSERT_TRUE(one.add(id, std::vector{sample("share.zero_pages", "", 0, 2)}));
  EXPECT_EQ(other.load(id)->samples.size(), 2U);
  EXPECT_EQ(one.load(id)->samples[1].value, 2);
}

TEST_P(StoreShared, Thousands_of_samples_go_in_and_come_out) {
  constexpr int kSamples = 5000;
  std::vector<Sample> samples;
  samples.reserve(kSamples);
  for (int i = 0; i < kSamples; ++i)
    samples.push_back(sample("share.zero_pages", "vm", i, i * 0.1));
  Store store = open();
  const std::int64_t id = *store.begin(some_info());
  ASSERT_TRUE(store.add(id, samples));
  const study::Run run = *store.load(id);
  ASSERT_EQ(run.samples.size(), samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i)
    ASSERT_EQ(run.samples[i].value, samples[i].value);
}

using StoreSharedDeathTest = StoreShared;

TEST_P(StoreSharedDeathTest, Unknown_metric_or_endless_value_is_a_bug) {
  Store store = open();
  const std::int64_t id = *store.begin(some_info());
  EXPECT_DEATH((void)store.add(id, std::vector{sample("share.no_such", "", 0, 1)}),
               "a bug in brim");
  EXPECT_DEATH((void)store.add(id, std::vector{sample("share.zero_pages", "", 0, NAN)}),
               "a bug in brim");
  EXPECT_DEATH((void)store.add(id, std::vector{sample("share.zero_pages", "", 0, INFINITY)}),
               "a bug in brim");
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreShared, testing::Values(Place::sqlite, Place::postgresql),
                         place_name);
INSTANTIATE_TEST_SUITE_P(Backends, StoreSharedDeathTest,
                         testing::Values(Place::sqlite, Place::postgresql), place_name);

}  // namespace
}  // namespace brim::study
