// SPDX-License-Identifier: Apache-2.0
// Programs as consumers: small shell scripts, and what is left of them.
#include "lab/agent/consumer_program.h"

#include "host/host.h"
#include "host/process.h"
#include "host/scratch_directory.h"
#include "host/shared_memory.h"
#include "lab/agent/monotonic_time.h"
#include "lab/agent/test_roles.h"

#include <chrono>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::lab {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ConsumerProgramText, What_is_written_is_read_back_and_nonsense_is_not_taken) {
  const ConsumerProgram program{"echo 'a,b' \"$x\" ü\n", "true; false", 7s,
                                "/var/tmp/brim-run-1/1"};
  const auto read = parse_consumer_program(format_consumer_program(program));
  ASSERT_TRUE(read) << error_line(read.error());
  EXPECT_EQ(*read, program);
  for (const char* const text : {"", "true", "{}", R"({"command": 7})"})
    EXPECT_FALSE(parse_consumer_program(text)) << text;
}

ConsumerProgram program_of(std::string command, std::string prepare = {},
                           std::chrono::nanoseconds prepare_within = 1min) {
  return {std::move(command), std::move(prepare), prepare_within, {}};
}

class ConsumerProgramTest : public testing::Test {
 protected:
  static constexpr std::int64_t kMillisecond = 1'000'000;

  // One consumer, in a folder of its own below the test's.
  class Consumer {
   public:
    Consumer(const ConsumerProgramTest& test, const std::string& name, ConsumerProgram program)
        : shared_(*host::SharedMemory::create(sizeof(ConsumerPage))),
          page_(*new(shared_.data()) ConsumerPage()) {
      program.folder = test.scratch_ / name;
      std::error_code ignored;
      std::filesystem::create_directory(program.folder, ignored);
      role_.emplace([&] { ::_exit(run_consumer_program(program, page_) ? 0 : 3); });
    }
    // From now on for so long.
    void begin(std::int64_t nanoseconds) {
      end_ = monotonic_now() + nanoseconds;
      tell_consumer(page_, monotonic_now(), end_);
    }
    [[nodiscard]] bool ready() const {
      return eventually([&] { return page_.ready.load(); });
    }
    [[nodiscard]] bool ends() const {
      return eventually([&] { return page_.ended != 0; });
    }
    // Why it failed, once the agent has ended.
    [[nodiscard]] std::string failed() const {
      eventually([&] {
        siginfo_t ended{};
        const auto pid = static_cast<id_t>(role_->pid());
        return ::waitid(P_PID, pid, &ended, WEXITED | WNOWAIT | WNOHANG) == 0 && ended.si_pid != 0;
      });
      return page_.failed.data();
    }
    ConsumerPage& page() { return page_; }
    [[nodiscard]] const RoleInChild& agent() const { return *role_; }
    [[nodiscard]] std::int64_t end() const { return end_; }

   private:
    host::SharedMemory shared_;
    ConsumerPage& page_;
    std::int64_t end_ = 0;
    std::optional<RoleInChild> role_;
  };

  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, for namespaces";
  }
  [[nodiscard]] std::vector<int> all_pids() const { return host::list_pids(host_).value(); }
  // Processes that work in this folder, whosever children they are.
  [[nodiscard]] int processes_in(const std::string& name) const {
    int found = 0;
    for (const int pid : all_pids()) {
      std::error_code error;
      const auto link = "/proc/" + std::to_string(pid) + "/cwd";
      found += std::filesystem::read_symlink(link, error).string() == scratch_ / name ? 1 : 0;
    }
    return found;
  }
  // A letter for each process of the group (proc(5)).
  [[nodiscard]] std::string states_in_group(int group) const {
    std::string states;
    for (const int pid : all_pids()) {
      const auto process = host::Process::open(host_, pid);
      const auto stat = process ? process->stat() : fail(process.error());
      if (stat && stat->process_group == group) states += stat->state;
    }
    return states;
  }
  [[nodiscard]] bool nothing_left(const std::string& name) const {
    return eventually([&] { return processes_in(name) == 0; });
  }

  const host::ScratchDirectory scratch_;
  const host::Host host_ = std::move(host::Host::open("/")).value();
};

TEST_F(ConsumerProgramTest, Lines_are_its_work_and_it_starts_again_until_its_end) {
  Consumer consumer(*this, "a", program_of("echo one; echo two >>file; echo 2; echo no >&2"));
  ASSERT_TRUE(consumer.ready());
  std::this_thread::sleep_for(50ms);
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "a/file")) << "it has not been told to begin";
  consumer.begin(500 * kMillisecond);
  ASSERT_TRUE(consumer.ends());
  EXPECT_GE(consumer.page().ended, consumer.end());
  const std::uint64_t runs = consumer.page().bursts;
  EXPECT_GT(runs, 2U);
  EXPECT_GE(consumer.page().accesses, 2 * runs);
  EXPECT_LE(consumer.page().accesses, 2 * runs + 2) << "and the run that its end cut short";
}

TEST_F(ConsumerProgramTest, Another_status_ends_it_with_the_last_line_of_its_errors) {
  Consumer failing(*this, "a", program_of("echo first >&2; echo no room >&2; echo; exit 7"));
  ASSERT_TRUE(failing.ready());
  failing.begin(10'000 * kMillisecond);
  EXPECT_EQ(failing.failed(), "its command ended with status 7: no room");
  EXPECT_EQ(failing.page().ended, 0);
  EXPECT_EQ(failing.page().bursts, 0U);
  EXPECT_TRUE(nothing_left("a"));
  Consumer killed(*this, "b", program_of("kill -9 $$"));
  ASSERT_TRUE(killed.ready());
  killed.begin(10'000 * kMillisecond);
  EXPECT_EQ(killed.failed(), "its command was killed by signal 9 (Killed)");
}

// A child, a grandchild, and one that left the process group and its parent.
constexpr char kTree[] =
    "(sleep 1000; true) & (setsid sleep 1000 &) ; sleep 1000 & echo started; wait";
constexpr int kInTree = 6;  // the first process, the shell, a subshell, three that sleep

TEST_F(ConsumerProgramTest, Its_whole_tree_ends_at_its_end) {
  Consumer consumer(*this, "a", program_of(kTree));
  ASSERT_TRUE(consumer.ready());
  consumer.begin(700 * kMillisecond);
  EXPECT_TRUE(eventually([&] { return processes_in("a") == kInTree; })) << processes_in("a");
  ASSERT_TRUE(consumer.ends());
  EXPECT_EQ(processes_in("a"), 0) << "it tells that it has ended when all have";
}

TEST_F(ConsumerProgramTest, Its_whole_tree_dies_with_the_agent) {
  Consumer consumer(*this, "a", program_of(kTree));
  ASSERT_TRUE(consumer.ready());
  consumer.begin(100'000 * kMillisecond);
  ASSERT_TRUE(eventually([&] { return processes_in("a") == kInTree; })) << processes_in("a");
  consumer.agent().kill();
  EXPECT_TRUE(nothing_left("a"));
}

TEST_F(ConsumerProgramTest, Its_tree_is_one_process_group_and_stands_still_as_one) {
  Consumer consumer(*this, "a",
                    program_of("(while :; do echo x; sleep 0.01; done) & sleep 1000 & wait"));
  ASSERT_TRUE(consumer.ready());
  consumer.begin(100'000 * kMillisecond);
  ConsumerPage& page = consumer.page();
  ASSERT_TRUE(eventually([&] { return page.accesses > 3; }));
  const int agent = consumer.agent().pid();
  EXPECT_GE(states_in_group(agent).size(), 5U)
      << "the agent, the first process, a shell and its children";
  ::kill(-agent, SIGSTOP);
  EXPECT_TRUE(eventually([&] {
    return states_in_group(agent).find_first_not_of('T') == std::string::npos;
  })) << states_in_group(agent);
  const std::uint64_t before = page.accesses;
  ::kill(-agent, SIGCONT);
  EXPECT_TRUE(eventually([&] { return page.accesses > before + 3; }));
  EXPECT_EQ(states_in_group(agent).find('T'), std::string::npos);
}

TEST_F(ConsumerProgramTest, It_is_ready_once_it_is_prepared_and_what_runs_on_ends_with_it) {
  Consumer consumer(*this, "a",
                    program_of("cat made && sleep 0.02",
                               "echo no work; sleep 0.1; echo line >made; sleep 1000 & echo no"));
  ASSERT_TRUE(consumer.ready());
  EXPECT_EQ(scratch_.read("a/made"), "line\n");
  EXPECT_EQ(processes_in("a"), 2) << "the first process, and what sleeps in the background";
  consumer.begin(300 * kMillisecond);
  ASSERT_TRUE(consumer.ends());
  EXPECT_GT(consumer.page().bursts, 1U);
  EXPECT_LE(consumer.page().accesses, consumer.page().bursts + 1) << "prepare prints no work";
  EXPECT_EQ(processes_in("a"), 0);
}

TEST_F(ConsumerProgramTest, One_that_cannot_be_prepared_says_why_and_is_never_ready) {
  Consumer failing(*this, "a", program_of("true", "echo not installed >&2; exit 3"));
  EXPECT_EQ(failing.failed(), "its prepare command ended with status 3: not installed");
  Consumer slow(*this, "b", program_of("true", "sleep 1000 & wait", 200ms));
  EXPECT_EQ(slow.failed(), "its prepare command had not ended within 0.2 s");
  EXPECT_FALSE(failing.page().ready || slow.page().ready);
  EXPECT_TRUE(nothing_left("a"));
  EXPECT_TRUE(nothing_left("b"));
}

TEST_F(ConsumerProgramTest, Consumers_are_prepared_one_after_the_other) {
  const std::string alone = "mkdir ../busy && sleep 0.1 && rmdir ../busy";
  Consumer first(*this, "a", program_of("true", alone));
  Consumer second(*this, "b", program_of("true", alone));
  EXPECT_TRUE(first.ready()) << first.failed();
  EXPECT_TRUE(second.ready()) << second.failed();
}

TEST_F(ConsumerProgramTest, It_sees_its_own_processes_and_folder) {
  Consumer consumer(*this, "a",
                    program_of("echo $PWD $TMPDIR $(cat /proc/$$/comm) >seen; sleep 1000"));
  ASSERT_TRUE(consumer.ready());
  consumer.begin(300 * kMillisecond);
  ASSERT_TRUE(consumer.ends());
  EXPECT_EQ(scratch_.read("a/seen"), scratch_ / "a" + " " + scratch_ / "a" + " sh\n");
}

TEST_F(ConsumerProgramTest, A_folder_that_is_not_there_is_an_error_that_names_it) {
  Consumer consumer(*this, "a/b", program_of("true"));
  EXPECT_THAT(consumer.failed(), HasSubstr("a/b"));
}

}  // namespace
}  // namespace brim::lab
