// SPDX-License-Identifier: Apache-2.0
// The guard's looks and words on a host of plain files, which thrashes as the test has it.
#include "guard/thrash_guard.h"

#include "host/scratch_directory.h"
#include "thrash/tune/task_groups.h"

#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::guard {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using thrash::tune::Task;

const std::string kGroup = "sys/fs/cgroup/memory/brim-group-a/";
const std::string kTwin = "sys/fs/cgroup/unified/brim-group-a/";

// The fixture's group has a limit of 64 MiB; the tests put processes into it.
class ThrashGuardTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string from = std::string(BRIM_SOURCE_DIR) + "/tests/fixtures/hosts/group-hybrid";
    std::filesystem::copy(from, root_.path(), std::filesystem::copy_options::recursive);
    auto host = host::Host::open(root_.path());
    ASSERT_TRUE(host);
    host_.emplace(std::move(*host));
    policy_ = *thrash::tune::read_thrash_policy({});
    policy_.scope = "/brim-group-a";
    pass(0s, 0);
  }
  struct Shape {
    std::string name = "writer";
    int process_group = 0;  // its own pid
    std::uint64_t resident_kib = 20 << 10;
    std::uint64_t swapped_kib = 20 << 10;
    char state = 'R';
    int scheduling = 0;
    std::string maps = {};
  };
  void add(int pid, Shape shape) {
    const int group = shape.process_group != 0 ? shape.process_group : pid;
    root_.write(
        fmt::format("proc/{}/stat", pid),
        fmt::format("{} ({}) {} 1 {} {} 0 -1 0 0 0 {} 0 10 10 0 0 20 0 1 0 500 0 {} 0 0 0 0 "
                    "0 0 0 0 0 0 0 0 0 17 0 0 {} 0 0 0\n",
                    pid, shape.name, shape.state, group, group, faults_, shape.resident_kib / 4,
                    shape.scheduling));
    root_.write(fmt::format("proc/{}/status", pid),
                fmt::format("Name:\t{}\nState:\tR (running)\nUid:\t0\t0\t0\t0\nKthread:\t0\n"
                            "VmRSS:\t{} kB\nRssAnon:\t{} kB\nRssShmem:\t0 kB\nVmSwap:\t{} kB\n",
                            shape.name, shape.resident_kib, shape.resident_kib, shape.swapped_kib));
    root_.write(fmt::format("proc/{}/maps", pid), shape.maps);
    root_.write(fmt::format("proc/{}/cmdline", pid), shape.name);
    shapes_[pid] = shape;
    std::string pids;
    for (const auto& [one, its] : shapes_) pids += fmt::format("{}\n", one);
    root_.write(kGroup + "cgroup.procs", pids);
  }
  // Time in which tasks wait, and take so many major faults each.
  void pass(std::chrono::nanoseconds time, std::uint64_t faults) {
    now_ += time;
    faults_ += faults;
    if (faults > 0) waited_us_ += static_cast<std::uint64_t>(time / 1us) * 9 / 10;
    root_.write(kTwin + "memory.pressure",
                fmt::format("some avg10=0.00 avg60=0.00 avg300=0.00 total={0}\n"
                            "full avg10=0.00 avg60=0.00 avg300=0.00 total={0}\n",
                            waited_us_));
    for (const auto& [pid, shape] : std::map(shapes_)) add(pid, shape);
  }
  std::vector<Task> tasks() {
    auto reader = ThrashReader::open(*host_, policy_);
    EXPECT_TRUE(reader) << error_line(reader.error());
    auto snapshot = reader->look(true, {});
    EXPECT_TRUE(snapshot) << error_line(snapshot.error());
    EXPECT_THAT(snapshot->domains, SizeIs(1));
    return snapshot->domains[0].tasks;
  }
  ThrashReader& reader() {
    if (!reader_) reader_.emplace(*ThrashReader::open(*host_, policy_));
    return *reader_;
  }

  host::ScratchDirectory root_;
  std::optional<host::Host> host_;
  thrash::tune::ThrashPolicy policy_;
  std::map<int, Shape> shapes_;
  std::chrono::nanoseconds now_{1s};
  std::uint64_t waited_us_ = 5000000;
  std::uint64_t faults_ = 7;
  std::optional<ThrashReader> reader_;
  std::vector<std::string> lines_;
  ActionLog log_{LogForm::text, [this](const std::string& line) { lines_.push_back(line); }};
};

TEST_F(ThrashGuardTest, Reads_a_group_with_its_limit_and_its_tasks) {
  add(101, {});
  const auto snapshot = reader().look(true, {});
  ASSERT_TRUE(snapshot) << error_line(snapshot.error());
  const thrash::tune::MemoryDomain& domain = snapshot->domains.at(0);
  EXPECT_EQ(domain.name, "/brim-group-a");
  EXPECT_EQ(domain.capacity, mebibytes(64));
  EXPECT_EQ(domain.refaults, 1193U);
  EXPECT_EQ(domain.stalled, 5s);
  EXPECT_FALSE(domain.swapped_in.has_value());  // version 1 does not tell it
  ASSERT_THAT(domain.tasks, SizeIs(1));
  EXPECT_EQ(domain.tasks[0].resident, mebibytes(20));
  EXPECT_EQ(domain.tasks[0].swapped, mebibytes(20));
  EXPECT_EQ(domain.tasks[0].name, "writer");
  EXPECT_EQ(domain.tasks[0].major_faults, 7U);
}

TEST_F(ThrashGuardTest, A_cheap_look_reads_no_tasks) {
  add(101, {});
  const auto snapshot = reader().look(false, {});
  ASSERT_TRUE(snapshot);
  EXPECT_FALSE(snapshot->domains.at(0).tasks_known);
}

TEST_F(ThrashGuardTest, Without_a_scope_the_host_comes_first_and_then_each_limited_group) {
  policy_.scope.clear();
  const auto snapshot = reader().look(false, {});
  ASSERT_TRUE(snapshot);
  ASSERT_THAT(snapshot->domains, SizeIs(2));
  EXPECT_EQ(snapshot->domains[0].name, "host");
  EXPECT_EQ(snapshot->domains[1].name, "/brim-group-a");
}

TEST_F(ThrashGuardTest, Small_processes_do_not_matter) {
  add(101, {.resident_kib = 100, .swapped_kib = 100});
  add(102, {});
  const auto found = tasks();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].id.number, 102);
}

TEST_F(ThrashGuardTest, A_process_group_belongs_together) {
  add(101, {});
  add(102, {.process_group = 101});
  add(103, {});
  const auto found = tasks();
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_THAT(found[1].linked, ElementsAre(found[0].id));
  EXPECT_TRUE(found[2].linked.empty());
  policy_.link_process_groups = false;
  EXPECT_TRUE(tasks()[1].linked.empty());
}

// As brim-agent starts a user's program (lab/agent/consumer_program.h): its own processes and the
// shell are too small to matter, and lead the process group.
TEST_F(ThrashGuardTest, A_program_and_all_that_it_starts_are_one_unit) {
  for (const int agent : {101, 201}) {
    add(agent, {.name = "brim-agent", .resident_kib = 300, .swapped_kib = 0});
    add(agent + 1, {.name = "sh", .process_group = agent, .resident_kib = 900, .swapped_kib = 0});
    add(agent + 2, {.name = "cc1plus", .process_group = agent});
    add(agent + 3, {.name = "cc1plus", .process_group = agent});
    add(agent + 4, {.name = "as", .process_group = agent, .resident_kib = 5 << 10});
  }
  thrash::tune::MemoryDomain domain;
  domain.tasks = tasks();
  ASSERT_THAT(domain.tasks, SizeIs(6));
  const auto found = thrash::tune::units_in(domain, {}, policy_);
  ASSERT_THAT(found.units, SizeIs(2));
  for (const thrash::tune::TaskGroup& unit : found.units) {
    ASSERT_THAT(unit.tasks, SizeIs(3));
    EXPECT_EQ(unit.tasks.front().number + 2, unit.tasks.back().number);
    EXPECT_EQ(unit.need, mebibytes(40 + 40 + 25));
  }
}

TEST_F(ThrashGuardTest, Who_shares_much_memory_belongs_together_and_little_does_not) {
  const std::string much = "7f0000000000-7f0000400000 rw-s 00000000 00:01 77 /memfd:ring\n";
  const std::string little = "7f0000000000-7f0000001000 rw-s 00000000 00:01 78 /memfd:flag\n";
  add(101, {.maps = much});
  add(102, {.maps = little});
  add(103, {.maps = much});
  add(104, {.maps = little});
  const auto found = tasks();
  ASSERT_THAT(found, SizeIs(4));
  EXPECT_THAT(found[2].linked, ElementsAre(found[0].id));
  EXPECT_TRUE(found[1].linked.empty() && found[3].linked.empty());
}

TEST_F(ThrashGuardTest, Names_and_real_time_ones_are_spared_and_stopped_ones_known) {
  add(101, {.name = "sshd"});
  add(102, {.name = "Xorg"});
  add(103, {.scheduling = 1});
  add(104, {.state = 'T'});
  const auto found = tasks();
  ASSERT_THAT(found, SizeIs(4));
  EXPECT_TRUE(found[0].protected_);
  EXPECT_TRUE(found[1].interactive);
  EXPECT_TRUE(found[2].interactive);
  EXPECT_TRUE(found[3].standing);
}

TEST_F(ThrashGuardTest, Advising_tells_once_what_it_would_do_and_why) {
  add(101, {});
  add(102, {});
  ThrashGuard guard(*host_, reader(), policy_, log_, nullptr);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(guard.step(now_));
    pass(1s, 5000);
  }
  EXPECT_THAT(lines_, Contains(HasSubstr("/brim-group-a: taking turns: ")));
  EXPECT_THAT(lines_, Contains(HasSubstr("would hold still writer (102): ")));
  EXPECT_THAT(lines_, Contains(HasSubstr("would page out writer (102)")));
  EXPECT_EQ(std::count_if(lines_.begin(), lines_.end(),
                          [](const std::string& line) {
                            return line.find("would hold") != std::string::npos;
                          }),
            1)
      << testing::PrintToString(lines_);
}

TEST_F(ThrashGuardTest, A_group_that_is_full_but_calm_is_left_alone) {
  add(101, {});
  add(102, {});
  ThrashGuard guard(*host_, reader(), policy_, log_, nullptr);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(guard.step(now_));
    pass(1s, 0);
  }
  EXPECT_THAT(lines_, Not(Contains(HasSubstr("would"))));
  EXPECT_THAT(lines_, SizeIs(1));
}

TEST_F(ThrashGuardTest, Groups_that_meet_their_limit_are_counted_until_they_do_no_more) {
  const auto look_after = [&](int hits) {
    root_.write(kGroup + "memory.failcnt", fmt::format("{}\n", hits));
    ASSERT_TRUE(reader().look(false, {}));
  };
  look_after(20410);
  EXPECT_FALSE(reader().any_reclaims()) << "hits of before it looked";
  look_after(20411);
  EXPECT_TRUE(reader().any_reclaims());
  look_after(20411);
  EXPECT_FALSE(reader().any_reclaims());
}

// How soon the guard wants its next step, in a group that is full and calm but for its limit's
// hits.
class CountingTest : public ThrashGuardTest {
 protected:
  const host::Host live_ = *host::Host::open("/");  // for the watchdog
  std::vector<std::chrono::nanoseconds> pauses(host::HeldTasks* held) {
    ThrashGuard guard(*host_, reader(), policy_, log_, held);
    std::vector<std::chrono::nanoseconds> all;
    for (int i = 0; i < 3; ++i) {
      const auto pause = guard.step(now_);
      EXPECT_TRUE(pause);
      all.push_back(pause.value_or(0s));
      root_.write(kGroup + "memory.failcnt", fmt::format("{}\n", 30000 + i));
      pass(all.back(), 0);
    }
    return all;
  }
};

TEST_F(CountingTest, A_group_that_reclaims_is_counted_many_times_between_two_looks) {
  auto held = host::HeldTasks::open(live_, root_.path() + "/held");
  ASSERT_TRUE(held) << error_line(held.error());
  const auto waited = pauses(&*held);
  EXPECT_GE(waited[0], 1s);
  EXPECT_LT(waited[1], 500ms);
  EXPECT_LT(waited[2], 500ms);
}

TEST_F(CountingTest, None_is_where_the_guard_only_advises_or_is_told_not_to) {
  EXPECT_THAT(pauses(nullptr), testing::Each(testing::Ge(1s)));
  policy_.keep_counted = false;
  reader_.reset();
  auto held = host::HeldTasks::open(live_, root_.path() + "/held");
  ASSERT_TRUE(held) << error_line(held.error());
  EXPECT_THAT(pauses(&*held), testing::Each(testing::Ge(1s)));
}

TEST_F(ThrashGuardTest, A_scope_that_is_no_cgroup_is_refused) {
  policy_.scope = "/brim-group-c";
  const auto reader = ThrashReader::open(*host_, policy_);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::bad_input);
  EXPECT_THAT(reader.error().what, HasSubstr("/brim-group-a"));
}

}  // namespace
}  // namespace brim::guard
