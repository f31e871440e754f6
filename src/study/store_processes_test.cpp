// SPDX-License-Identifier: Apache-2.0
// One store and several processes: killed writers, many at once, many that make it.
#include "study/store.h"
#include "study/store_test_place.h"

#include <array>
#include <chrono>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill() is POSIX
#include <sys/wait.h>
#include <unistd.h>

namespace brim::study {
namespace {

class StoreProcesses : public AtPlace {};

// Begins a run and adds batches for ever, telling each that was acknowledged through the pipe.
[[noreturn]] void add_for_ever(const std::string& location, int acknowledge) {
  auto store = Store::open(location);
  if (!store) ::_exit(1);
  const auto run = store->begin(info_of_process());
  if (!run) ::_exit(2);
  for (int i = 0;; ++i) {
    if (!store->add(*run, batch_of(i))) ::_exit(3);
    if (::write(acknowledge, &i, sizeof i) != sizeof i) ::_exit(4);
  }
}

TEST_P(StoreProcesses, Killed_writer_leaves_every_acknowledged_batch_whole) {
  for (int round = 0; round < 6; ++round) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) add_for_ever(location_, ends[1]);
    ::close(ends[1]);
    int last = -1;
    for (int i = 0; i < 3 + round; ++i) ASSERT_EQ(::read(ends[0], &last, sizeof last), 4);
    // Not in step with the writer: somewhere within its next batches.
    std::this_thread::sleep_for(std::chrono::microseconds(700 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    while (::read(ends[0], &last, sizeof last) == 4) continue;
    ::close(ends[0]);

    Store store = *Store::open(location_);
    const RunInfo newest = store.list(1)->front();
    EXPECT_EQ(newest.owner.process, child);
    EXPECT_EQ(newest.status, RunStatus::running);
    const study::Run run = *store.load(newest.id);
    const std::size_t batches = run.samples.size() / kBatch;
    EXPECT_EQ(run.samples.size() % kBatch, 0U);
    EXPECT_GE(batches, static_cast<std::size_t>(last) + 1);
    EXPECT_LE(batches, static_cast<std::size_t>(last) + 2);  // one may be committed, not yet told
    for (std::size_t i = 0; i < run.samples.size(); ++i) {
      const std::size_t batch = i / kBatch;
      ASSERT_EQ(run.samples[i].value, static_cast<double>(batch));
    }
    EXPECT_EQ(*store.mark_interrupted("here",
                                      [](const RunOwner& owner) {
                                        return ::kill(static_cast<pid_t>(owner.process), 0) == 0;
                                      }),
              1U);
    EXPECT_EQ(store.list(1)->front().status, RunStatus::interrupted);
  }
  const bool sqlite = GetParam() == Place::sqlite;
  EXPECT_EQ(sqlite ? raw_sql(location_, {"PRAGMA integrity_check"}) : "ok", "ok");
}

TEST_P(StoreProcesses, Several_make_and_write_it_at_once) {
  constexpr int kWriters = 3;
  constexpr int kBatches = 15;
  std::vector<pid_t> children;
  for (int writer = 0; writer < kWriters; ++writer) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = Store::open(location_);
      if (!store) {
        fmt::print(stderr, "{}\n", error_line(store.error()));
        ::_exit(1);
      }
      const auto run = store->begin(info_of_process());
      if (!run) ::_exit(2);
      for (int i = 0; i < kBatches; ++i)
        if (!store->add(*run, batch_of(i))) ::_exit(3);
      ::_exit(store->finish(*run, RunStatus::complete, "{}") ? 0 : 4);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  const Store store = *Store::open(location_);
  const auto runs = *store.list(0);
  ASSERT_EQ(runs.size(), static_cast<std::size_t>(kWriters));
  std::set<std::int64_t> processes;
  for (const RunInfo& info : runs) {
    EXPECT_EQ(info.status, RunStatus::complete);
    EXPECT_EQ(store.load(info.id)->samples.size(), static_cast<std::size_t>(kBatch) * kBatches);
    processes.insert(info.owner.process);
  }
  EXPECT_EQ(processes, std::set<std::int64_t>(children.begin(), children.end()));
}

// What one process makes between two looks of another must not be taken for something else.
TEST_P(StoreProcesses, Is_made_once_by_those_that_find_none) {
  constexpr int kOpeners = 6;
  const int rounds = GetParam() == Place::sqlite ? 25 : 3;
  for (int round = 0; round < rounds; ++round) {
    const std::string location = *fresh_location(GetParam());
    std::array<int, 2> start{};
    ASSERT_EQ(::pipe(start.data()), 0);
    std::vector<pid_t> children;
    for (int opener = 0; opener < kOpeners; ++opener) {
      children.push_back(::fork());
      if (children.back() != 0) continue;
      ::close(start[1]);
      char none = 0;
      (void)!::read(start[0], &none, 1);  // ends for all at once
      const auto store = Store::open(location);
      if (!store) fmt::print(stderr, "{}\n", error_line(store.error()));
      ::_exit(store ? 0 : 1);
    }
    ::close(start[0]);
    ::close(start[1]);
    for (const pid_t child : children) {
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0) << "round " << round;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreProcesses,
                         testing::Values(Place::sqlite, Place::postgresql), place_name);

}  // namespace
}  // namespace brim::study
