// SPDX-License-Identifier: Apache-2.0
// The daemon on this machine's own KSM: merging processes come, it scans fast, gains, and rests;
// what it changed is put back when it is told to end, and after it was killed.
#include "share_child.h"

#include <array>
#include <memory>
#include <vector>

namespace brim::live {
namespace {

const std::string kKsm = "/sys/kernel/mm/ksm/";
constexpr std::size_t kShared = 64UL << 20;  // of each process, the same in all
constexpr std::array kKnobs{"run", "pages_to_scan", "sleep_millisecs", "smart_scan",
                            "advisor_mode"};

std::vector<std::string> knobs() {
  std::vector<std::string> values;
  for (const char* knob : kKnobs) values.push_back(read_text(kKsm + knob));
  return values;
}

std::uint64_t number(const std::string& knob) {
  return std::strtoull(read_text(kKsm + knob).c_str(), nullptr, 10);
}

std::string scratch_folder() {
  std::string pattern = "/tmp/brim-guard-XXXXXX";
  return ::mkdtemp(pattern.data()) != nullptr ? pattern : std::string("/tmp");
}

// brim as users start it, with its own place for what it must put back.
class Guard {
 public:
  explicit Guard(const std::string& state) : state_(state) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::setenv("BRIM_STATE_DIR", state.c_str(), 1);
    const int log = ::open((state + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, STDOUT_FILENO);
    ::execl(BRIM_PROGRAM, "brim", "guard", "--act", "--only", "share", "--interval", "200ms",
            "--set", "share.price_gib_s=1", nullptr);
    ::_exit(127);
  }
  ~Guard() { end(SIGKILL); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // Its exit status; -1 where a signal ended it.
  int end(int signal) {
    if (pid_ <= 0) return -1;
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] std::string log() const { return read_text(state_ + "/log"); }

 private:
  std::string state_;
  pid_t pid_ = 0;
};

int restore(const std::string& state) {
  const std::string command =
      "BRIM_STATE_DIR=" + state + " " + BRIM_PROGRAM + " restore >/dev/null";
  return std::system(command.c_str());
}

// KSM off and slow, as a machine boots; as it was before at the end.
class GuardShare : public testing::Test {
 protected:
  void SetUp() override {
    BRIM_NEEDS(::geteuid() == 0, "needs root");
    BRIM_NEEDS(run_.set(), "this kernel has no KSM");
    BRIM_NEEDS(!read_text(kKsm + "pages_scanned").empty(),
               "this kernel does not count scanned pages");
  }
  // Processes with the same memory.
  void start(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      children_.push_back(std::make_unique<Child>([] {
        std::byte* const memory = map_anonymous(kShared);
        ::madvise(memory, kShared, MADV_NOHUGEPAGE);
        ::madvise(memory, kShared, MADV_MERGEABLE);
        for (std::size_t page = 0; page < kShared / kPageSize; ++page)
          fill_page(memory + page * kPageSize, page + 1);
      }));
  }
  [[nodiscard]] std::uint64_t merged() const {
    std::uint64_t sum = 0;
    for (const auto& child : children_) sum += merged_pages(child->pid());
    return sum;
  }

  const Setting advisor_{kKsm + "advisor_mode", "none"};
  const Setting pages_{kKsm + "pages_to_scan", "100"};
  const Setting sleep_{kKsm + "sleep_millisecs", "20"};
  const Setting run_{kKsm + "run", "0"};
  const std::string state_ = scratch_folder();
  std::vector<std::unique_ptr<Child>> children_;
};

TEST_F(GuardShare, Scans_fast_while_there_is_something_to_gain_then_rests_and_puts_all_back) {
  const std::vector<std::string> before = knobs();
  Guard guard(state_);
  start(3);
  const std::uint64_t all = 3 * kShared / kPageSize;
  ASSERT_TRUE(eventually([] { return number("run") == 1; })) << guard.log();
  const double rate = 1000.0 * static_cast<double>(number("pages_to_scan")) /
                      static_cast<double>(number("sleep_millisecs"));
  EXPECT_GT(rate, 5 * 1000.0 * 100 / 20);
  ASSERT_TRUE(eventually([&] { return merged() > all / 10 * 9; }, 60)) << guard.log();
  ASSERT_TRUE(eventually([] { return number("run") == 0; }, 60)) << guard.log();
  // At rest ksmd looks at nothing, and what is merged stays so.
  const std::uint64_t scanned = number("pages_scanned");
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_EQ(number("pages_scanned"), scanned);
  EXPECT_GT(merged(), all / 10 * 9);
  EXPECT_EQ(guard.end(SIGTERM), 0);
  EXPECT_EQ(knobs(), before);
  EXPECT_GT(merged(), all / 10 * 9);
}

TEST_F(GuardShare, Wakes_up_for_a_process_that_comes_later) {
  Guard guard(state_);
  start(3);
  ASSERT_TRUE(eventually([&] { return merged() > 3 * kShared / kPageSize / 10 * 9; }, 60))
      << guard.log();
  ASSERT_TRUE(eventually([] { return number("run") == 0; }, 60)) << guard.log();
  start(1);
  EXPECT_TRUE(eventually([&] { return merged() > 4 * kShared / kPageSize / 10 * 9; }, 60))
      << guard.log();
}

TEST_F(GuardShare, After_a_kill_brim_restore_puts_all_back) {
  const std::vector<std::string> before = knobs();
  Guard guard(state_);
  start(3);
  ASSERT_TRUE(eventually([] { return number("run") == 1; })) << guard.log();
  EXPECT_EQ(guard.end(SIGKILL), -1);
  EXPECT_NE(knobs(), before);
  EXPECT_EQ(restore(state_), 0);
  EXPECT_EQ(knobs(), before);
}

}  // namespace
}  // namespace brim::live
