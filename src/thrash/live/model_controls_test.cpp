// SPDX-License-Identifier: Apache-2.0
// The model's controls on a machine that is files: what they see of it, and whom they hold.
#include "thrash/live/model_controls.h"

#include "host/scratch_directory.h"
#include "thrash/model/thrash_controls.h"

#include <algorithm>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::live {
namespace {

using namespace std::chrono_literals;

// Processes 100, 101, ... each with so much in memory, of 100 MiB that they can have.
class FileMachine final : public ConsumerControls {
 public:
  explicit FileMachine(std::size_t count) : held_(count, false) {
    available(0);
    processors_took(30, 70);
    paged(0);
    for (std::size_t number = 0; number < count; ++number) has(number, mebibytes(40));
  }
  [[nodiscard]] host::Host host() const { return *host::Host::open(files_.path()); }
  // `faults`: major ones, so far.
  void has(std::size_t number, Bytes memory, int faults = 7) const {
    const std::string folder = fmt::format("proc/{}/", 100 + number);
    files_.write(folder + "stat",
                 fmt::format("{0} (c) R 1 {0} 1 0 -1 0 5 0 {2} 0 {1} 0 0 0 20 0 1 0 1000 0 0 "
                             "18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n",
                             100 + number, number, faults));
    files_.write(folder + "status",
                 fmt::format("Name:\tc\nUid:\t0\t0\t0\t0\nVmRSS:\t{} kB\nVmSwap:\t0 kB\n",
                             memory.count() >> 10U));
  }
  void available(std::uint64_t kibibytes) const {
    files_.write(
        "proc/meminfo",
        fmt::format("MemTotal: 200000 kB\nMemFree: 0 kB\nMemAvailable: {} kB\nSwapTotal: 0 "
                    "kB\nSwapFree: 0 kB\n",
                    kibibytes));
  }
  // Ticks of 10 ms since the start, busy and waiting ones.
  void processors_took(int busy, int waiting) const {
    files_.write(
        "proc/stat",
        fmt::format("cpu  {0} 0 0 0 {1} 0 0 0 0 0\ncpu0 {0} 0 0 0 {1} 0 0 0 0 0\n", busy, waiting));
  }
  // "cgroup2" for version 2.
  void limits_memory_by(const std::string& version) const {
    files_.write("proc/mounts", fmt::format("cgroup /cg {} rw,memory 0 0\n", version));
    files_.write("cg/cgroup.controllers", "memory\n");
    files_.write("cg/cgroup.subtree_control", "memory\n");
  }
  void paged(std::uint64_t pages) const {
    files_.write("proc/vmstat", fmt::format("pswpin {0}\npswpout {0}\n", pages));
  }

  [[nodiscard]] std::size_t consumers() const override { return held_.size(); }
  [[nodiscard]] ConsumerView consumer(std::size_t number) const override {
    return {.pid = static_cast<int>(100 + number),
            .memory = mebibytes(40),
            .interactive = false,
            .runs = true,
            .held = held_.at(number),
            .accesses = 0};
  }
  [[nodiscard]] Bytes memory() const override { return mebibytes(100); }
  [[nodiscard]] const host::LimitedGroup* group() const override { return nullptr; }
  void hold(std::size_t number) override { held_.at(number) = true; }
  void let_go_on(std::size_t number) override { held_.at(number) = false; }
  Result<void> part_memory() override {
    parted_ = true;
    return {};
  }
  Result<void> protect(std::size_t number, bool protect) override {
    EXPECT_TRUE(parted_);
    if (protect)
      protected_.insert(number);
    else
      protected_.erase(number);
    return {};
  }
  [[nodiscard]] const std::set<std::size_t>& protected_ones() const { return protected_; }
  [[nodiscard]] std::set<std::size_t> at_work() const {
    std::set<std::size_t> numbers;
    for (std::size_t number = 0; number < held_.size(); ++number)
      if (!held_[number]) numbers.insert(number);
    return numbers;
  }

 private:
  host::ScratchDirectory files_;
  std::vector<bool> held_;
  std::set<std::size_t> protected_;
  bool parted_ = false;
};

using AtWork = std::set<std::size_t>;

std::unique_ptr<LiveControl> control_of(const host::Host& host, const std::string& words) {
  auto chosen = choose_live_control(words, {}, "test");
  EXPECT_TRUE(chosen) << error_line(chosen.error());
  auto control = chosen->policy.make(host, chosen->settings);
  EXPECT_TRUE(control) << error_line(control.error());
  return std::move(*control);
}

TEST(ModelControls, The_medium_term_scheduler_lets_groups_that_fit_take_turns) {
  FileMachine machine(4);
  const host::Host host = machine.host();
  const auto control = control_of(host, "medium-term-scheduler");
  ASSERT_TRUE(control->begin(machine));
  const LiveControl::Time start{};
  const auto next = control->step(machine, start);
  ASSERT_TRUE(next) << error_line(next.error());
  EXPECT_EQ(machine.at_work(), (AtWork{0, 1}));
  ASSERT_TRUE(control->step(machine, start + 990ms));
  EXPECT_EQ(machine.at_work(), (AtWork{0, 1})) << "a slice is a second";
  ASSERT_TRUE(control->step(machine, start + 1s));
  EXPECT_EQ(machine.at_work(), (AtWork{2, 3}));
  ASSERT_TRUE(control->end(machine));
  EXPECT_EQ(machine.at_work().size(), 4U) << "nobody is left standing";
}

TEST(ModelControls, Sizes_are_measured_not_asked_for) {
  FileMachine machine(4);
  for (std::size_t number = 0; number < 4; ++number) machine.has(number, mebibytes(20));
  machine.available(20480);
  const host::Host host = machine.host();
  const auto control = control_of(host, "medium-term-scheduler");
  ASSERT_TRUE(control->begin(machine));
  ASSERT_TRUE(control->step(machine, {}));
  EXPECT_EQ(machine.at_work().size(), 4U) << "80 of 100 MiB";
}

TEST(ModelControls, Solaris_swaps_one_out_once_pages_move) {
  FileMachine machine(4);
  const host::Host host = machine.host();
  const auto control = control_of(host, "solaris-swapping");
  ASSERT_TRUE(control->begin(machine));
  const LiveControl::Time start{};
  for (int second = 0; second < 3; ++second)
    ASSERT_TRUE(control->step(machine, start + std::chrono::seconds(second)));
  EXPECT_EQ(machine.at_work().size(), 4U) << "no page has moved";
  machine.paged(1000);
  // What is to leave is of a process that is only a file: its advice fails, and it stands all the
  // same.
  static_cast<void>(control->step(machine, start + 3s));
  EXPECT_EQ(machine.at_work().size(), 3U);
}

TEST(ModelControls, They_look_into_processes_and_those_that_go_by_sizes_do_not) {
  const FileMachine machine(1);
  const host::Host host = machine.host();
  for (const char* const name :
       {"medium-term-scheduler", "solaris-swapping", "sigstop-round-robin(bulk=true)"})
    EXPECT_TRUE(control_of(host, name)->looks_into_processes()) << name;
  for (const char* const name : {"sigstop-round-robin", "subset"})
    EXPECT_FALSE(control_of(host, name)->looks_into_processes()) << name;
}

TEST(ModelControls, The_swap_token_protects_one_that_faults_until_another_is_due) {
  FileMachine machine(3);
  machine.limits_memory_by("cgroup2");
  const host::Host host = machine.host();
  const auto control = control_of(host, "swap-token(timeout=4s)");
  ASSERT_TRUE(control->begin(machine));
  const LiveControl::Time start{};
  std::vector<int> faults(3, 7);
  const auto holders = [&](LiveControl::Time::duration at, const std::set<std::size_t>& faulting) {
    for (const std::size_t number : faulting) machine.has(number, mebibytes(40), ++faults[number]);
    EXPECT_TRUE(control->step(machine, start + at));
    return machine.protected_ones();
  };
  using Holders = std::set<std::size_t>;
  EXPECT_EQ(holders(0s, {}), Holders{});
  EXPECT_EQ(holders(1s, {1}), Holders{1});
  EXPECT_EQ(holders(2s, {2}), Holders{1}) << "nobody is considered within two seconds";
  EXPECT_EQ(holders(4s, {2}), Holders{2}) << "the holder has had no fault since";
  EXPECT_EQ(holders(5s, {2}), Holders{2});
  EXPECT_EQ(holders(7s, {0}), Holders{2}) << "it still faults, and has had it for three seconds";
  EXPECT_EQ(holders(9s, {2}), Holders{2});
  EXPECT_EQ(holders(10s, {0}), Holders{0}) << "it has had it for more than four";
  ASSERT_TRUE(control->end(machine));
  EXPECT_EQ(machine.protected_ones(), Holders{});
}

// Three processes of which two fault, in seconds of one processor.
class TpfLive : public testing::Test {
 protected:
  TpfLive() { machine_.limits_memory_by("cgroup2"); }
  void SetUp() override {
    control_ = control_of(host_, "tpf");
    ASSERT_TRUE(control_->begin(machine_));
    ASSERT_TRUE(control_->step(machine_, now_));
  }
  // Faults of each in a second, and the ticks of it that the processor was busy; who is protected
  // after it.
  std::set<std::size_t> second(const std::vector<int>& faults, int busy) {
    for (std::size_t number = 0; number < faults.size(); ++number)
      machine_.has(number, mebibytes(40), faults_[number] += faults[number]);
    busy_ += busy;
    waiting_ += 100 - busy;
    machine_.processors_took(busy_, waiting_);
    now_ += 1s;
    EXPECT_TRUE(control_->step(machine_, now_));
    return machine_.protected_ones();
  }
  FileMachine machine_{3};
  const host::Host host_ = machine_.host();
  std::unique_ptr<LiveControl> control_;

 private:
  LiveControl::Time now_{};
  std::vector<int> faults_ = std::vector<int>(3, 7);
  int busy_ = 30;
  int waiting_ = 70;
};
using Protected = std::set<std::size_t>;

TEST_F(TpfLive, Protects_the_one_that_faults_most_until_it_does_no_more) {
  EXPECT_EQ(second({30, 40, 0}, 30), Protected{}) << "one look is not enough";
  EXPECT_EQ(second({30, 40, 0}, 30), Protected{1});
  EXPECT_EQ(second({90, 10, 0}, 30), Protected{1});
  EXPECT_EQ(second({30, 9, 0}, 30), Protected{});
  EXPECT_EQ(second({40, 30, 0}, 30), Protected{0});
  ASSERT_TRUE(control_->end(machine_));
  EXPECT_EQ(machine_.protected_ones(), Protected{});
}

TEST_F(TpfLive, Does_nothing_while_the_processor_is_busy_or_only_one_faults) {
  for (int look = 0; look < 3; ++look) EXPECT_EQ(second({30, 40, 0}, 50), Protected{});
  for (int look = 0; look < 3; ++look) EXPECT_EQ(second({0, 40, 0}, 30), Protected{});
  EXPECT_EQ(second({30, 40, 0}, 30), Protected{});
  EXPECT_EQ(second({30, 40, 0}, 30), Protected{1});
  EXPECT_EQ(second({30, 40, 0}, 81), Protected{}) << "work goes on again";
}

TEST(ModelControls, Those_that_protect_are_refused_where_version_1_limits_memory) {
  const FileMachine machine(1);
  machine.limits_memory_by("cgroup");
  const host::Host host = machine.host();
  for (const char* const name : {"swap-token", "tpf"}) {
    const auto chosen = choose_live_control(name, {}, "test");
    ASSERT_TRUE(chosen) << error_line(chosen.error());
    EXPECT_TRUE(chosen->policy.on_version_2) << name;
    const auto control = chosen->policy.make(host, chosen->settings);
    ASSERT_FALSE(control) << name;
    EXPECT_EQ(control.error().code, ErrorCode::missing);
    EXPECT_THAT(control.error().what, testing::HasSubstr("version 1 has the memory controller"));
    EXPECT_THAT(control.error().what, testing::HasSubstr(name));
  }
}

// brim's guard is where its commands are.
TEST(ModelControls, All_of_the_models_are_live_too) {
  const auto live = own_live_controls();
  for (const auto& one : model::thrash_controls())
    EXPECT_TRUE(one.family.name == "brim" || std::ranges::find(live, one.family.name,
                                                               [](const LiveControlPolicy& here) {
                                                                 return here.family.name;
                                                               }) != live.end())
        << one.family.name;
}

// A name here stands for the same thing in the model, which has all but one.
TEST(ModelControls, Every_live_control_is_one_of_the_models_with_the_same_parameters) {
  for (const LiveControlPolicy& live : own_live_controls()) {
    if (live.family.name == "systemd-oomd") continue;
    const auto all = model::thrash_controls();
    const auto same =
        std::ranges::find(all, live.family.name, [](const auto& one) { return one.family.name; });
    ASSERT_NE(same, all.end()) << live.family.name;
    ASSERT_EQ(live.family.parameters.size(), same->family.parameters.size()) << live.family.name;
    for (std::size_t i = 0; i < live.family.parameters.size(); ++i) {
      EXPECT_EQ(live.family.parameters[i].key, same->family.parameters[i].key);
      EXPECT_EQ(live.family.parameters[i].fallback, same->family.parameters[i].fallback);
    }
  }
}

}  // namespace
}  // namespace brim::thrash::live
