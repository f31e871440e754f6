// SPDX-License-Identifier: Apache-2.0
// The thrash guard on this machine: four writers in a cgroup with room for one get clearly more
// done under it, each of them, and nobody is killed or left standing, whatever ends the guard.
// Where all fits it does nothing.
#include "host/dependent_process.h"
#include "host/held_tasks.h"
#include "host/paused_process.h"
#include "host/process.h"
#include "host/qmp.h"
#include "swap_fixture.h"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
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

// The kernel takes so small a group for out of memory less often where somebody reads its
// memory.stat (docs/thrash.md, "Killed with memory to spare"): so does whoever looks at writers.
class Writers {
 public:
  explicit Writers(const LimitedGroup& group)
      : statistics_(group.places()[host::GroupPart::memory].folder + "/memory.stat"),
        counters_(static_cast<Counters*>(::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE,
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
    static_cast<void>(read_text(statistics_));
    Done now{};
    for (std::size_t i = 0; i < kWriters; ++i) now[i] = counters_->writes[i];
    return now;
  }
  // What each does in this time.
  [[nodiscard]] Done during(std::chrono::milliseconds time) const {
    const Done before = done();
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      static_cast<void>(read_text(statistics_));
      std::this_thread::sleep_for(50ms);
    }
    Done after = done();
    for (std::size_t i = 0; i < kWriters; ++i) after[i] -= before[i];
    return after;
  }
  [[nodiscard]] bool alive() const {
    static_cast<void>(read_text(statistics_));
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
  std::string statistics_;
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
  [[nodiscard]] pid_t pid() const { return pid_; }
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
  // Of its own; others may switch swap on and off meanwhile.
  void TearDown() override {
    EXPECT_EQ(read_text("/proc/swaps").find(scratch_.path()), std::string::npos);
    const auto cgroups = host::read_cgroups(host_);
    ASSERT_TRUE(cgroups);
    for (const host::CgroupMount& mount : cgroups->mounts)
      for (int group = 1; group <= groups_; ++group)
        EXPECT_FALSE(std::filesystem::exists(mount.path + "/" + group_name(group)));
    std::error_code error;
    for (const char* folder : {"swap", "groups"})
      EXPECT_TRUE(!std::filesystem::exists(scratch_ / folder) ||
                  std::filesystem::is_empty(scratch_ / folder, error))
          << "a record is left";
  }
  [[nodiscard]] Result<LimitedGroup> group_of(Bytes limit) {
    const std::string name = group_name(++groups_).substr(host::kLimitedGroupPrefix.size());
    return LimitedGroup::create(host_, scratch_ / "groups", name, {limit, {}});
  }
  [[nodiscard]] static std::string group_name(int number) {
    return std::string(host::kLimitedGroupPrefix) + "guard-" + std::to_string(::getpid()) + "-" +
           std::to_string(number);
  }
  [[nodiscard]] std::string group_name() const { return group_name(groups_); }
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
  // Writers that thrash in a group of their own, and then a guard that has them take turns. The
  // kernel itself may kill in so small a group while it thrashes (seen where others load the disk):
  // then once more, from the beginning. Who is killed from then on is killed under the guard.
  struct Scene {
    std::optional<LimitedGroup> group;
    std::unique_ptr<Writers> writers;
    std::uint64_t alone = 0;  // what was done without the guard
    std::string state;
    std::unique_ptr<ThrashGuarding> guard;
    Scene() = default;
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;
    ~Scene() {
      guard.reset();
      writers.reset();
    }
  };
  std::unique_ptr<Scene> guarded_scene(std::chrono::milliseconds alone) {
    constexpr int kAttempts = 5;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      auto scene = std::make_unique<Scene>();
      auto group = group_of(kTooLittle);
      EXPECT_TRUE(group) << error_line(group.error());
      if (!group) return nullptr;
      scene->group.emplace(std::move(*group));
      scene->writers = std::make_unique<Writers>(*scene->group);
      settle(*scene->writers);
      scene->alone = sum(scene->writers->during(alone));
      if (!scene->writers->alive()) continue;
      scene->state = state();
      scene->guard = std::make_unique<ThrashGuarding>(scene->state, group_name());
      const bool turns =
          eventually([&] { return scene->guard->takes_turns() || !scene->writers->alive(); });
      if (!scene->writers->alive()) continue;
      EXPECT_TRUE(turns) << scene->guard->log();
      return turns ? std::move(scene) : nullptr;
    }
    ADD_FAILURE() << "the kernel kills each time before the guard can act";
    return nullptr;
  }
  void compare(const std::string& where);
  // They thrash again, and the kernel may kill.
  static void expect_none_stands(const Writers& writers) {
    EXPECT_TRUE(eventually([&] { return writers.standing() == 0; }, 2));
    const std::uint64_t before = sum(writers.done());
    EXPECT_TRUE(eventually([&] { return sum(writers.done()) > before; }, 2));
  }

  int groups_ = 0;
  int states_ = 0;
};

// Without and with, in turns, each time from the beginning.
void GuardThrash::compare(const std::string& where) {
  constexpr int kRepeats = 2;
  constexpr auto kWindow = 3s;
  std::uint64_t without = 0;
  std::uint64_t with = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const auto scene = guarded_scene(kWindow);
    ASSERT_NE(scene, nullptr);
    const Writers::Done before = scene->writers->done();
    const Writers::Done guarded = scene->writers->during(kWindow);
    const bool each = eventually([&] {
      const Writers::Done now = scene->writers->done();
      return std::equal(now.begin(), now.end(), before.begin(), std::greater<>());
    });
    EXPECT_TRUE(each) << scene->guard->log();
    EXPECT_TRUE(scene->writers->alive());
    EXPECT_EQ(scene->guard->end(SIGTERM), 0);
    expect_none_stands(*scene->writers);
    without += scene->alone;
    with += sum(guarded);
    std::printf("%s: %llu writes without, %llu with\n", where.c_str(),
                static_cast<unsigned long long>(scene->alone),
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
  const auto scene = guarded_scene(0s);
  ASSERT_NE(scene, nullptr);
  ASSERT_TRUE(eventually([&] { return scene->writers->standing() > 0; })) << scene->guard->log();
  EXPECT_EQ(scene->guard->end(SIGKILL), -1);
  expect_none_stands(*scene->writers);  // within two seconds: the watchdog
}

TEST_F(GuardThrash, Killed_with_its_watchdog_brim_restore_lets_all_go) {
  const auto swap = make_file();
  BRIM_NEEDS_VALUE(swap);
  const auto scene = guarded_scene(0s);
  ASSERT_NE(scene, nullptr);
  ASSERT_TRUE(eventually([&] { return scene->writers->standing() > 1; })) << scene->guard->log();
  const std::vector<pid_t> helpers = scene->guard->helpers();
  ASSERT_FALSE(helpers.empty());
  ::kill(scene->guard->pid(), SIGSTOP);  // or it starts another
  for (const pid_t helper : helpers) ::kill(helper, SIGKILL);
  scene->guard->end(SIGKILL);
  std::this_thread::sleep_for(500ms);
  EXPECT_GT(scene->writers->standing(), 0U);
  const std::string command =
      "BRIM_STATE_DIR=" + scene->state + " " + BRIM_PROGRAM + " restore >/dev/null 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0);
  expect_none_stands(*scene->writers);
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
  if (writers.alive()) {
    EXPECT_EQ(plan["domains"][0].at("groups").size(), kWriters) << plan.dump(1);
  }
  ASSERT_FALSE(plan.at("actions").empty()) << plan.dump(1);
  EXPECT_EQ(plan.at("actions")[0].at("act"), "freeze");
  EXPECT_EQ(writers.standing(), 0U);
}

// QEMU without a machine in it: its monitor knows to stop and to go on all the same.
TEST_F(GuardThrash, A_VM_is_paused_through_its_monitor_and_goes_on) {
  const std::string socket = scratch_ / "qmp";
  auto machine = host::DependentProcess::start(
      {{"qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none", "-qmp",
        "unix:" + socket + ",server=on,wait=off"},
       scratch_ / "qemu.log",
       {}});
  BRIM_NEEDS_VALUE(machine);
  const auto status = [&]() -> std::string {
    auto monitor = host::Qmp::connect(socket, 500ms);
    if (!monitor) return error_line(monitor.error());
    const auto told = monitor->execute("query-status", 500ms);
    return told ? told->value("status", "") : error_line(told.error());
  };
  ASSERT_TRUE(eventually([&] { return status() == "running"; })) << status();
  const auto process = host::Process::open(host_, machine->pid());
  ASSERT_TRUE(process);
  {
    auto held = host::HeldTasks::open(host_, scratch_ / "holds");
    ASSERT_TRUE(held) << error_line(held.error());
    EXPECT_TRUE(held->hold_exactly({{{process->pid(), process->start_ticks()}, true}}).empty());
    ASSERT_EQ(held->held().size(), 1U);
    EXPECT_EQ(held->held()[0].means, host::HoldMeans::machine_monitor);
    EXPECT_EQ(status(), "paused");
    EXPECT_EQ(*host::stands_still(*process), false);  // it answers
  }
  EXPECT_EQ(status(), "running");
}

// All of the group's processes: then the group is frozen, which nobody's parent sees.
TEST_F(GuardThrash, A_whole_cgroup_is_frozen_without_a_signal) {
  auto group = group_of(kEnough);
  BRIM_NEEDS_VALUE(group);
  const Writers writers(*group);
  ASSERT_NO_FATAL_FAILURE(settle(writers));
  std::vector<host::HeldTasks::Wanted> wanted;
  const auto pids = host::pids_in_cgroup(host_, group->places()[host::GroupPart::memory].folder);
  ASSERT_TRUE(pids);
  for (const int pid : *pids)
    wanted.push_back({{pid, host::Process::open(host_, pid)->start_ticks()}, false});
  auto held = host::HeldTasks::open(host_, scratch_ / "holds");
  ASSERT_TRUE(held) << error_line(held.error());
  EXPECT_TRUE(held->hold_exactly(wanted).empty());
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(sum(writers.during(500ms)), 0U);
  EXPECT_EQ(writers.standing(), 0U);
  // One less: the rest is stopped one by one, and nobody of it runs in between.
  wanted.pop_back();
  EXPECT_TRUE(held->hold_exactly(wanted).empty());
  std::this_thread::sleep_for(200ms);
  const Writers::Done done = writers.during(1s);
  EXPECT_EQ(std::count(done.begin(), done.end(), 0U), 3);
  EXPECT_TRUE(held->hold_exactly({}).empty());
  for (const std::uint64_t one : writers.during(1s)) EXPECT_GT(one, 0U);
}

}  // namespace
}  // namespace brim::live
