// SPDX-License-Identifier: Apache-2.0
// Users' programs as consumers of a live run: small ones that touch memory, under controls that
// hold them still, and what becomes of them when something dies.
#include "thrash_fixture.h"

#include <map>

namespace brim::live {
namespace {

using testing::HasSubstr;

// Four programs, each a shell and two processes that touch pages of 12 MB at random, some 45 MB in
// all, in memory for two. They sleep between, so that those that happen to have their pages do not
// keep the processors busy, which is no thrashing to a guard.
constexpr std::string_view kProgramScenario = R"(area = "thrash"
[schedule]
duration = "20s"
sample_interval = "1s"
[hardware]
memory = "100000000B"
swap_size = "256MiB"
[mechanism]
policy = "system"
[loads.toucher]
kind = "program"
memory = "45000000B"
unit = "rounds"
prepare = "echo 12000000 >size"
command = '''
echo begun >>begun-{number}
python3 -c '
import os, random, time
os.fork()
memory = bytearray(int(open("size").read()))
pages = range(0, len(memory), 4096)
while True:
    for at in random.choices(pages, k=2000): memory[at] = memory[at] % 250 + 1
    print("round", flush=True)
    time.sleep(0.02)
'
exit $?
'''
[live]
probe_memory = "512KiB"
[[guests]]
count = 4
load = "toucher"
settle = "1s"
start_interval = "0s"
run_for = "12s"
)";

class ThrashProgram : public ThrashLive {
 protected:
  void SetUp() override {
    ThrashLive::SetUp();
    if (IsSkipped()) return;
    BRIM_NEEDS(std::system("command -v python3 >/dev/null") == 0, "no python3 here");
    scratch_.write("study.toml", kProgramScenario);
  }
  // Processes by their program's number, and which of them stand still.
  struct Tree {
    int processes = 0;
    int standing = 0;
  };
  [[nodiscard]] std::map<std::string, Tree> trees() const {
    std::map<std::string, Tree> found;
    for (const int pid : processes_of_programs()) {
      const auto process = host::Process::open(host_, pid);
      const auto stat = process ? process->stat() : fail(process.error());
      std::error_code error;
      const auto folder =
          std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/cwd", error);
      if (!stat || error || stat->name != "python3") continue;
      Tree& tree = found[folder.filename().string()];
      ++tree.processes;
      tree.standing += stat->state == 'T' ? 1 : 0;
    }
    return found;
  }
  // How often, of looks until its end, a program stood still as a whole while another did not.
  int looks_with_turns(BrimRun& run) const {
    int looks = 0;
    while (run.running()) {
      int still = 0;
      int at_work = 0;
      for (const auto& [number, tree] : trees()) {
        still += tree.processes == 2 && tree.standing == 2 ? 1 : 0;
        at_work += tree.processes == 2 && tree.standing == 0 ? 1 : 0;
      }
      looks += still > 0 && at_work > 0 ? 1 : 0;
      std::this_thread::sleep_for(50ms);
    }
    return looks;
  }
  // The kernel soon takes a small group for out of memory while it thrashes.
  static std::vector<std::string> larger_under(const std::string& control) {
    return {"mechanism.control=" + control,
            "hardware.memory=200000000B",
            "hardware.swap_size=1GiB",
            "loads.toucher.memory=90000000B",
            "loads.toucher.prepare=echo 32000000 >size",
            "guests.0.run_for=11s"};
  }
  static void expect_all_worked(const json& found) {
    for (int number = 1; number <= 4; ++number) {
      const auto one = values_of(found, "thrash.accesses", "consumer " + std::to_string(number));
      ASSERT_FALSE(one.empty());
      EXPECT_GT(one.back().second, 0) << number;
    }
    EXPECT_EQ(values_of(found, "thrash.consumers_killed").back().second, 0);
    EXPECT_THAT(found["notes"].dump(), HasSubstr("accesses is rounds for them"));
  }
  static bool all_at_work(const ThrashProgram& test, BrimRun& run) {
    const bool there = eventually([&] { return test.trees().size() == 4; }, 60);
    std::this_thread::sleep_for(2s);
    return there && run.running();
  }
};

TEST_F(ThrashProgram, A_round_robin_holds_programs_with_all_that_they_started) {
  BrimRun run(*this, larger_under("sigstop-round-robin(slice=1s)"));
  EXPECT_GT(looks_with_turns(run), 10);
  ASSERT_EQ(run.wait(), 0) << run.errors();
  const json found = run.result();
  expect_all_worked(found);
  EXPECT_GT(values_of(found, "thrash.major_faults_per_s").size(), 5U);
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(ThrashProgram, brims_guard_sees_them_and_lets_them_take_turns) {
  BrimRun run(*this, larger_under("brim"));
  EXPECT_GT(looks_with_turns(run), 5);
  ASSERT_EQ(run.wait(), 0) << run.errors();
  expect_all_worked(run.result());
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(ThrashProgram, One_that_fails_ends_the_run_with_its_words) {
  BrimRun run(*this, {"loads.toucher.command=sleep 1; echo no room >&2; exit 7"});
  EXPECT_EQ(run.wait(), 2);
  EXPECT_THAT(run.errors(), HasSubstr("ended before its time: its command ended with status 7: "
                                      "no room"));
  EXPECT_EQ(left_of(run.pid()), "");
  BrimRun unprepared(*this, {"loads.toucher.prepare=echo not installed >&2; exit 1"});
  EXPECT_EQ(unprepared.wait(), 2);
  EXPECT_THAT(unprepared.errors(), HasSubstr("could not begin: its prepare command "
                                             "ended with status 1: not installed"));
  EXPECT_EQ(left_of(unprepared.pid()), "");
}

TEST_F(ThrashProgram, One_whose_child_the_kernel_killed_counts_as_killed) {
  // One process besides the shell, which goes on: its failing ends the consumer.
  BrimRun run(*this,
              {"hardware.swap_size=16MiB", "guests.0.run_for=6s",
               "loads.toucher.command=python3 -c \"b = bytearray(45000000); any(b.__setitem__"
               "(at, 1) for n in iter(int, 1) for at in range(0, len(b), 4096))\"; exit $?"});
  ASSERT_EQ(run.wait(), 0) << run.errors();
  const json found = run.result();
  EXPECT_GE(values_of(found, "thrash.consumers_killed").back().second, 1);
  EXPECT_LT(values_of(found, "thrash.consumers_killed").back().second, 4);
  EXPECT_THAT(found["notes"].dump(), HasSubstr("memory and swap were full"));
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(ThrashProgram, An_agent_that_is_killed_takes_its_program_with_it_and_ends_the_run) {
  BrimRun run(*this, {});
  ASSERT_TRUE(all_at_work(*this, run)) << run.errors();
  ::kill(run.processes("--consumer-program").front(), SIGKILL);
  EXPECT_EQ(run.wait(), 2);
  EXPECT_THAT(run.errors(), HasSubstr("was killed by signal 9"));
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(ThrashProgram, They_die_with_brim_and_its_next_start_removes_their_folders) {
  for (const char* const control : {"none", "sigstop-round-robin(slice=500ms)"}) {
    BrimRun run(*this, {std::string("mechanism.control=") + control});
    ASSERT_TRUE(all_at_work(*this, run)) << run.errors();
    run.end(SIGKILL);
    EXPECT_TRUE(eventually([&] { return processes_of_programs().empty(); })) << control;
    EXPECT_THAT(left_of(run.pid()), HasSubstr(std::string(host::kRunFolderPrefix)));
    EXPECT_EQ(restore(), 0);
    EXPECT_EQ(left_of(run.pid()), "") << control;
  }
}

TEST_F(ThrashProgram, A_control_that_looks_into_processes_is_refused) {
  BrimRun run(*this, {"mechanism.control=medium-term-scheduler"});
  EXPECT_EQ(run.wait(), 2);
  EXPECT_THAT(run.errors(), HasSubstr("programs are several"));
  EXPECT_EQ(left_of(run.pid()), "");
}

}  // namespace
}  // namespace brim::live
