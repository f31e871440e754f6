// SPDX-License-Identifier: Apache-2.0
// The thrash guard on this machine: four writers in a cgroup with room for one get clearly more
// done under it, each of them, and nobody is killed or left standing, whatever ends the guard.
// Where all fits it does nothing.
#include "swap_fixture.h"

#include <array>
#include <atomic>
#include <sstream>

#include <nlohmann/json.hpp>

namespace brim::live {
namespace {

constexpr std::size_t kWriters = 4;
constexpr Bytes kEach = mebibytes(32);
constexpr Bytes kTooLittle = mebibytes(52);
constexpr Bytes kEnough = mebibytes(200);
constexpr std::uint64_t kWritesAtOnce = 2000;  // then it sleeps
constexpr useconds_t kSleepMicroseconds = 10000;

struct Counters {
  std::array<std::atomic<std::uint64_t>, kWriters> writes{};
};

// Writes a byte to a page drawn at random, again and again, and counts.
[[noreturn]] void write_for_ever(std::size_t number, Counters& counters) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);  // a job of its own
  std::byte* const memory = map_anonymous(kEach.count());
  ::madvise(memory, kEach.count(), MADV_NOHUGEPAGE);
  const std::size_t pages = kEach.count() / kPageSize;
  for (std::size_t page = 0; page < pages; ++page)
    fill_page(memory + page * kPageSize, number * pages + page + 1);
  std::uint64_t done = 0;
  for (std::uint64_t state = number + 1;; ++counters.writes[number]) {
    if (done++ % kWritesAtOnce == 0) ::usleep(kSleepMicroseconds);
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;  // Knuth's MMIX
    memory[(state >> 33) % pages * kPageSize] = static_cast<std::byte>(state >> 56);
  }
}

class Writers {
 public:
  explicit Writers(const LimitedGroup& group)
      : counters_(static_cast<Counters*>(::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE,
                                                MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    for (std::size_t i = 0; i < kWriters; ++i) {
      pids_[i] = ::fork();
      if (pids_[i] == 0) {
        if (!group.add(0)) ::_exit(1);
        write_for_ever(i, *counters_);
      }
    }
  }
  ~Writers() {
    for (const pid_t pid : pids_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    ::munmap(counters_, sizeof(Counters));
  }
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  using Done = std::array<std::uint64_t, kWriters>;
  [[nodiscard]] Done done() const {
    Done now{};
    for (std::size_t i = 0; i < kWriters; ++i) now[i] = counters_->writes[i];
    return now;
  }
  // What each does in this time.
  [[nodiscard]] Done during(std::chrono::milliseconds time) const {
    const Done before = done();
    std::this_thread::sleep_for(time);
    Done after = done();
    for (std::size_t i = 0; i < kWriters; ++i) after[i] -= before[i];
    return after;
  }
  [[nodiscard]] bool alive() const {
    return std::all_of(pids_.begin(), pids_.end(),
                       [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) == 0; });
  }
  [[nodiscard]] std::size_t standing() const {
    std::size_t count = 0;
    for (const pid_t pid : pids_) {
      const std::string stat = read_text("/proc/" + std::to_string(pid) + "/stat");
      count += stat.find(") T ") != std::string::npos ? 1 : 0;
    }
    return count;
  }

 private:
  Counters* counters_;
  std::array<pid_t, kWriters> pids_{};
};

std::uint64_t sum(const Writers::Done& done) {
  std::uint64_t all = 0;
  for (const std::uint64_t one : done) all += one;
  return all;
}

// brim as users start it, with its own place for what it must put back.
class ThrashGuarding {
 public:
  ThrashGuarding(std::string state, const std::string& group) : state_(std::move(state)) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::setenv("BRIM_STATE_DIR", state_.c_str(), 1);
    const int log = ::open((state_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execl(BRIM_PROGRAM, "brim", "guard", "--act", "--only", "thrash", "--scope", group.c_str(),
            nullptr);
    ::_exit(127);
  }
  ~ThrashGuarding() { end(SIGKILL); }
  ThrashGuarding(const ThrashGuarding&) = delete;
  ThrashGuarding& operator=(const ThrashGuarding&) = delete;

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
  [[nodiscard]] bool takes_turns() const { return log().find("taking turns") != std::string::npos; }
  // Its children: the watchdog.
  [[nodiscard]] std::vector<pid_t> helpers() const {
    const std::string pid = std::to_string(pid_);
    std::istringstream text(read_text("/proc/" + pid + "/task/" + pid + "/children"));
    std::vector<pid_t> pids;
    for (pid_t one = 0; text >> one;) pids.push_back(one);
    return pids;
  }

 private:
  std::string state_;
  pid_t pid_ = 0;
};

class GuardThrash : public SwapLive {
 protected:
  void SetUp() override {
    SwapLive::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    BRIM_NEEDS(host_.exists("/proc/pressure/memory"), "this kernel tells no pressure");
  }
  [[nodiscard]] Result<LimitedGroup> group_of(Bytes limit) {
    name_ = "guard-" + std::to_string(::getpid()) + "-" + std::to_string(++groups_);
    auto group = LimitedGroup::create(host_, scratch_ / "groups", name_, {limit, {}});
    // The kernel kills in a small group whose pages are all on their way out; where it can be told
    // to wait instead, whoever is killed is killed by the guard.
    if (group) {
      const std::string& folder = group->places()[host::GroupPart::memory].folder;
      write_text(folder + "/memory.oom_control", "1");
    }
    return group;
  }
  [[nodiscard]] std::string group_name() const {
    return std::string(host::kLimitedGroupPrefix) + name_;
  }
  [[nodiscard]] std::string state() {
    std::string folder = scratch_ / ("state" + std::to_string(++states_));
    std::filesystem::create_directories(folder);
    return folder;
  }
  // Until all have their memory and thrash.
  static void settle(const Writers& writers) {
    ASSERT_TRUE(eventually([&] {
      const Writers::Done done = writers.done();
      return std::all_of(done.begin(), done.end(), [](std::uint64_t one) { return one > 0; });
    }));
    std::this_thread::sleep_for(500ms);
  }
  void compare(const std::string& where);
  static void expect_all_run(const Writers& writers) {
    EXPECT_TRUE(eventually([&] { return writers.standing() == 0; }, 2));
    EXPECT_TRUE(writers.alive());
    for (const std::uint64_t done : writers.during(2s)) EXPECT_GT(done, 0U);
  }

  std::string name_;
  int groups_ = 0;
  int states_ = 0;
};

// Without and with, three times in turn, each time from the beginning.
void GuardThrash::compare(const std::string& where) {
  constexpr int kRepeats = 3;
  constexpr auto kWindow = 9s;  // each has its turn in it
  std::uint64_t without = 0;
  std::uint64_t with = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    auto group = group_of(kTooLittle);
    BRIM_NEEDS_VALUE(group);
    const Writers writers(*group);
    ASSERT_NO_FATAL_FAILURE(settle(writers));
    const std::uint64_t alone = sum(writers.during(kWindow));
    ThrashGuarding guard(state(), group_name());
    ASSERT_TRUE(eventually([&] { return guard.takes_turns(); })) << guard.log();
    const Writers::Done guarded = writers.during(kWindow);
    for (const std::uint64_t done : guarded) EXPECT_GT(done, 0U) << guard.log();
    EXPECT_EQ(guard.end(SIGTERM), 0);
    expect_all_run(writers);
    without += alone;
    with += sum(guarded);
    const auto kills = group->read().oom_kills;
    if (kills) {
      EXPECT_EQ(*kills, 0U);
    }
    std::printf("%s: %llu writes without, %llu with\n", where.c_str(),
                static_cast<unsigned long long>(alone),
                static_cast<unsigned long long>(sum(guarded)));
  }
  RecordProperty("ratio", std::to_string(static_cast<double>(with) / static_cast<double>(without)));
  EXPECT_GE(static_cast<double>(with), 1.2 * static_cast<double>(without)) << where;
}

TEST_F(GuardThrash, Writers_on_a_swap_file_get_more_done_and_nobody_is_killed) {
  const auto swap = make_file();
  BRIM_NEEDS_VALUE(swap);
  compare("file");
}

TEST_F(GuardThrash, Writers_on_zram_get_more_done_and_nobody_is_killed) {
  const auto swap = make_zram();
  BRIM_NEEDS_VALUE(swap);
  compare("zram");
}

TEST_F(GuardThrash, Killed_it_leaves_nobody_standing) {
  const auto swap = make_file();
  BRIM_NEEDS_VALUE(swap);
  auto group = group_of(kTooLittle);
  BRIM_NEEDS_VALUE(group);
  const Writers writers(*group);
  ASSERT_NO_FATAL_FAILURE(settle(writers));
  ThrashGuarding guard(state(), group_name());
  ASSERT_TRUE(eventually([&] { return writers.standing() > 0; })) << guard.log();
  EXPECT_EQ(guard.end(SIGKILL), -1);
  expect_all_run(writers);  // within two seconds: the watchdog
}

TEST_F(GuardThrash, Killed_with_its_watchdog_brim_restore_lets_all_go) {
  const auto swap = make_file();
  BRIM_NEEDS_VALUE(swap);
  auto group = group_of(kTooLittle);
  BRIM_NEEDS_VALUE(group);
  const Writers writers(*group);
  ASSERT_NO_FATAL_FAILURE(settle(writers));
  const std::string folder = state();
  ThrashGuarding guard(folder, group_name());
  ASSERT_TRUE(eventually([&] { return writers.standing() > 1; })) << guard.log();
  const std::vector<pid_t> helpers = guard.helpers();
  ASSERT_FALSE(helpers.empty());
  for (const pid_t helper : helpers) ::kill(helper, SIGKILL);
  guard.end(SIGKILL);
  std::this_thread::sleep_for(500ms);
  EXPECT_GT(writers.standing(), 0U);
  const std::string command =
      "BRIM_STATE_DIR=" + folder + " " + BRIM_PROGRAM + " restore >/dev/null 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0);
  expect_all_run(writers);
}

TEST_F(GuardThrash, Does_nothing_where_all_fits) {
  const auto swap = make_file();
  BRIM_NEEDS_VALUE(swap);
  auto group = group_of(kEnough);
  BRIM_NEEDS_VALUE(group);
  const Writers writers(*group);
  ASSERT_NO_FATAL_FAILURE(settle(writers));
  ThrashGuarding guard(state(), group_name());
  ASSERT_TRUE(eventually([&] { return guard.log().find("calm") != std::string::npos; }))
      << guard.log();
  for (int look = 0; look < 40; ++look) {
    std::this_thread::sleep_for(100ms);
    ASSERT_EQ(writers.standing(), 0U) << guard.log();
  }
  EXPECT_EQ(guard.end(SIGTERM), 0);
  EXPECT_EQ(guard.log().find("hold still"), std::string::npos) << guard.log();
}

TEST_F(GuardThrash, The_plan_names_the_groups_and_changes_nothing) {
  const auto swap = make_file();
  BRIM_NEEDS_VALUE(swap);
  auto group = group_of(kTooLittle);
  BRIM_NEEDS_VALUE(group);
  const Writers writers(*group);
  ASSERT_NO_FATAL_FAILURE(settle(writers));
  const std::string file = scratch_ / "plan.json";
  const std::string command = std::string(BRIM_PROGRAM) + " thrash plan --format json --scope " +
                              group_name() + " > " + file;
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto plan = nlohmann::json::parse(read_text(file));
  ASSERT_EQ(plan.at("domains").size(), 1U);
  EXPECT_TRUE(plan["domains"][0].at("thrashes").get<bool>()) << plan.dump(1);
  EXPECT_EQ(plan["domains"][0].at("groups").size(), kWriters) << plan.dump(1);
  EXPECT_EQ(plan.at("actions")[0].at("act"), "freeze");
  EXPECT_EQ(writers.standing(), 0U);
}

}  // namespace
}  // namespace brim::live
