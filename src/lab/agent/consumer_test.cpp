// SPDX-License-Identifier: Apache-2.0
// Consumers and probes as text, where consumers touch their memory, and both as processes of this
// machine, without any limit.
#include "lab/agent/consumer.h"

#include "host/shared_memory.h"
#include "lab/agent/monotonic_time.h"
#include "lab/agent/probe.h"
#include "lab/agent/test_roles.h"

#include <algorithm>
#include <functional>
#include <map>
#include <new>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>

namespace brim::lab {
namespace {

using namespace std::chrono_literals;

TEST(ConsumerLoad, What_is_written_is_read_back) {
  ConsumerLoad load;
  load.memory = mebibytes(40);
  load.accesses = 2000;
  load.pause = 10ms;
  load.order = AccessOrder::zipf;
  load.write_share = 0.25;
  load.fill = ConsumerFill::half_compressible;
  load.exponent = 1.2;
  load.working_set = mebibytes(3);
  load.phase = 7s;
  load.seed = ~std::uint64_t{0};
  const auto read = parse_consumer(format_consumer(load));
  ASSERT_TRUE(read) << error_line(read.error());
  EXPECT_EQ(*read, load);
}

TEST(ConsumerLoad, What_makes_no_sense_is_an_error_that_names_it) {
  const auto where = [](std::string_view text) {
    const auto read = parse_consumer(text);
    EXPECT_FALSE(read) << text;
    return read ? "" : read.error().where;
  };
  EXPECT_EQ(where("memory=1MiB,colour=red"), "colour");
  EXPECT_EQ(where("memory=1MiB,write_share=1.5"), "write_share");
  EXPECT_EQ(where("memory=0B"), "memory");
  EXPECT_EQ(where("memory=1MiB,accesses=0"), "accesses");
  EXPECT_EQ(where("memory=1MiB,order=backwards"), "order");
  EXPECT_EQ(where("accesses=5"), "");
}

std::map<std::uint64_t, int> drawn(ConsumerLoad load, int accesses, std::chrono::nanoseconds now) {
  load.memory = bytes_of(Pages(100));
  const auto pages = accessed_pages(load, Rng(7));
  std::map<std::uint64_t, int> counts;
  for (int i = 0; i < accesses; ++i) ++counts[pages->next(now)];
  EXPECT_LT(counts.rbegin()->first, 100U);
  return counts;
}

TEST(AccessedPages, Uniform_ones_touch_all_pages_alike) {
  const auto counts = drawn({}, 100000, 0ns);
  ASSERT_EQ(counts.size(), 100U);
  for (const auto& [page, count] : counts) EXPECT_NEAR(count, 1000, 200) << page;
}

TEST(AccessedPages, Sequential_ones_go_round) {
  ConsumerLoad load;
  load.order = AccessOrder::sequential;
  load.memory = bytes_of(Pages(3));
  const auto pages = accessed_pages(load, Rng(1));
  for (const std::uint64_t expected : {0, 1, 2, 0, 1}) EXPECT_EQ(pages->next(0ns), expected);
}

TEST(AccessedPages, Zipf_ones_touch_a_page_in_proportion_to_its_rank) {
  ConsumerLoad load;
  load.order = AccessOrder::zipf;
  std::vector<int> counts;
  for (const auto& [page, count] : drawn(load, 100000, 0ns)) counts.push_back(count);
  std::ranges::sort(counts, std::greater<>());
  EXPECT_NEAR(counts[0], 2.0 * counts[1], 0.2 * counts[0]);
  EXPECT_NEAR(counts[0], 10.0 * counts[9], 0.2 * counts[0]);
}

TEST(AccessedPages, Phased_ones_stay_in_a_working_set_for_a_phase) {
  ConsumerLoad load;
  load.order = AccessOrder::phases;
  load.working_set = bytes_of(Pages(10));
  load.phase = 5s;
  const auto first = drawn(load, 1000, 4999ms);
  EXPECT_EQ(first.size(), 10U);
  EXPECT_EQ(first, drawn(load, 1000, 0ms)) << "the same phase";
  std::set<std::uint64_t> begins;
  for (int phase = 0; phase < 10; ++phase)
    begins.insert(drawn(load, 1000, phase * 5s).begin()->first);
  EXPECT_GT(begins.size(), 3U);
}

TEST(Consumer, It_waits_to_be_told_and_counts_until_its_end) {
  const auto shared = host::SharedMemory::create(sizeof(ConsumerPage));
  ASSERT_TRUE(shared);
  auto& page = *new (shared->data()) ConsumerPage();
  ConsumerLoad load;
  load.memory = mebibytes(1);
  load.accesses = 100;
  load.pause = 1ms;
  const RoleInChild consumer([&] { static_cast<void>(run_consumer(load, page)); });
  ASSERT_TRUE(eventually([&] { return page.ready.load(); }));
  EXPECT_FALSE(page.has_memory);
  const std::int64_t now = monotonic_now();
  constexpr std::int64_t kLater = 100'000'000;
  tell_consumer(page, now + kLater, now + 3 * kLater);
  ASSERT_TRUE(eventually([&] { return page.ended != 0; }));
  EXPECT_GE(page.ended, now + 3 * kLater) << "at its own end, and not before";
  EXPECT_GT(page.bursts, 1U);
  EXPECT_EQ(page.accesses, page.bursts * 100) << "bursts are finished";
  EXPECT_GT(page.minor_faults, 100U);
}

TEST(Probe, Its_task_is_read_back_and_nonsense_is_not_taken) {
  const ProbeTask task{ProbeKind::exec, mebibytes(2), 50ms, "/somewhere"};
  const auto read = parse_probe(format_probe(task));
  ASSERT_TRUE(read) << error_line(read.error());
  EXPECT_EQ(*read, task);
  EXPECT_FALSE(parse_probe("kind=taste"));
  EXPECT_FALSE(parse_probe("kind=touch,interval=1us"));
  EXPECT_FALSE(parse_probe("colour=red"));
}

TEST(Probe, It_tells_of_each_beat_and_of_those_it_was_held_through) {
  const auto shared = host::SharedMemory::create(sizeof(ProbePage));
  ASSERT_TRUE(shared);
  auto& page = *new (shared->data()) ProbePage();
  const ProbeTask task{ProbeKind::touch, mebibytes(1), 20ms, "/tmp"};
  const RoleInChild probe([&] { static_cast<void>(run_probe(task, page)); });
  ASSERT_TRUE(eventually([&] { return page.ready.load(); }));
  EXPECT_EQ(page.wake.written, 0U);
  tell_probe(page, monotonic_now());
  ASSERT_TRUE(eventually([&] { return page.touch.written >= 3; }));
  ::kill(probe.pid(), SIGSTOP);
  std::this_thread::sleep_for(50ms);
  const std::uint64_t before = page.wake.written;
  std::this_thread::sleep_for(450ms);
  EXPECT_EQ(page.wake.written, before);
  EXPECT_NE(page.wake.pending_since + page.touch.pending_since, 0) << "that it hangs is seen";
  ::kill(probe.pid(), SIGCONT);
  ASSERT_TRUE(eventually([&] { return page.wake.written > before + 2; }));
  std::int64_t worst = 0;
  for (std::uint64_t i = 0; i < page.wake.written; ++i)
    worst = std::max<std::int64_t>({worst, page.wake.entries[i].took, page.touch.entries[i].took});
  EXPECT_GE(worst, 400'000'000);
}

}  // namespace
}  // namespace brim::lab
