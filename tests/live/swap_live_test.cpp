// SPDX-License-Identifier: Apache-2.0
// Swap areas and limited groups of brim's own on this machine: they are made, used and gone again,
// also when their maker is killed at any moment.
#include "base/rng.h"
#include "host/child.h"
#include "host/journal.h"
#include "host/limited_group.h"
#include "host/scratch_directory.h"
#include "host/swap_area.h"
#include "host/swap_record.h"
#include "host/swap_table.h"
#include "host/system.h"
#include "host/zswap.h"
#include "share_child.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include <gmock/gmock.h>

namespace brim::live {
namespace {

using namespace std::chrono_literals;
using host::LimitedGroup;
using host::SwapArea;
using host::SwapOrder;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Bytes kLimit = mebibytes(64);
constexpr Bytes kDemand = mebibytes(128);
constexpr Bytes kAreaSize = mebibytes(256);
constexpr std::size_t kDemandPages = kDemand.count() / kPageSize;

// What must be as it was: areas in use, zram devices, brim's groups, zswap's settings.
std::string swap_state() {
  std::string state = read_text("/proc/swaps");
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& item : std::filesystem::directory_iterator("/sys/block", error))
    if (item.path().filename().string().starts_with("zram")) names.push_back(item.path());
  const auto host = host::Host::open("/");
  const auto cgroups = host::read_cgroups(*host);
  if (cgroups)
    for (const host::CgroupMount& mount : cgroups->mounts)
      for (const auto& item : std::filesystem::directory_iterator(mount.path, error))
        if (item.path().filename().string().starts_with(host::kLimitedGroupPrefix))
          names.push_back(item.path());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) state += name + "\n";
  for (const char* name : {"enabled", "compressor", "max_pool_percent"})
    state += read_text(std::string("/sys/module/zswap/parameters/") + name);
  return state;
}

// Memory that does not compress, filled page by page; whether it still holds what was written.
class Consumer {
 public:
  // In its group from before it has any memory; `done` pages are counted where others see it.
  explicit Consumer(const LimitedGroup& group)
      : shared_(static_cast<Shared*>(::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0))),
        child_(std::make_unique<Child>([&] { prepare(group); },
                                       [this](char letter) { obey(letter); })) {}
  ~Consumer() {
    child_.reset();
    ::munmap(shared_, sizeof(Shared));
  }
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  void fill() { child_->tell('f'); }
  std::size_t intact() {
    child_->tell('v');
    return shared_->intact;
  }
  // Does not answer any more: it counts until it is killed.
  void count_for_ever() const { ::kill(child_->pid(), SIGUSR1); }
  [[nodiscard]] std::uint64_t counted() const { return shared_->counted; }
  [[nodiscard]] bool in_group() const { return shared_->in_group; }
  [[nodiscard]] bool alive() const {
    int status = 0;
    return ::waitpid(child_->pid(), &status, WNOHANG) == 0;
  }

 private:
  struct Shared {
    bool in_group;
    std::size_t intact;
    volatile std::uint64_t counted;
  };
  void prepare(const LimitedGroup& group) {
    counter_ = &shared_->counted;
    ::signal(SIGUSR1, [](int) {
      for (;;) *counter_ = *counter_ + 1;
    });
    shared_->in_group = group.add(0).has_value();
  }
  void obey(char letter) {
    if (letter == 'f') {
      memory_ = map_anonymous(kDemand.count());
      ::madvise(memory_, kDemand.count(), MADV_NOHUGEPAGE);
      for (std::size_t page = 0; page < kDemandPages; ++page)
        fill_page(memory_ + page * kPageSize, page + 1);
    }
    if (letter == 'v') {
      std::vector<std::byte> expected(kPageSize);
      shared_->intact = 0;
      for (std::size_t page = 0; page < kDemandPages; ++page) {
        fill_page(expected.data(), page + 1);
        if (std::memcmp(expected.data(), memory_ + page * kPageSize, kPageSize) == 0)
          ++shared_->intact;
      }
    }
  }
  static inline volatile std::uint64_t* counter_ = nullptr;  // in the child
  Shared* shared_;
  std::byte* memory_ = nullptr;  // in the child
  std::unique_ptr<Child> child_;
};

class SwapLive : public testing::Test {
 protected:
  void SetUp() override {
    BRIM_NEEDS(::geteuid() == 0, "needs root");
    BRIM_NEEDS(host::read_swap_table(host_), "this kernel has no swap");
  }
  void TearDown() override {
    EXPECT_EQ(swap_state(), before_);
    std::error_code error;
    for (const char* folder : {"swap", "groups"})
      EXPECT_TRUE(!std::filesystem::exists(scratch_ / folder) ||
                  std::filesystem::is_empty(scratch_ / folder, error))
          << "a record is left";
  }
  [[nodiscard]] Result<SwapArea> make_file(SwapOrder order = SwapOrder::first) const {
    return SwapArea::create_file(host_, scratch_ / "swap",
                                 {scratch_.path(), kAreaSize, order, mebibytes(64)});
  }
  [[nodiscard]] Result<SwapArea> make_zram(SwapOrder order = SwapOrder::first) const {
    return SwapArea::create_zram(host_, scratch_ / "swap", {kAreaSize, "", order});
  }
  [[nodiscard]] Result<LimitedGroup> make_group(std::optional<Bytes> swap = {}) const {
    return LimitedGroup::create(host_, scratch_ / "groups", "live-" + std::to_string(::getpid()),
                                {kLimit, swap});
  }
  [[nodiscard]] int priority_of(const SwapArea& area) const {
    const auto entry = host::find_swap(host_, area.path());
    EXPECT_TRUE(entry && *entry) << area.path();
    return entry && *entry ? (*entry)->priority : 0;
  }
  // A consumer twice as large as its limit, on `area`; returns what its group told.
  host::GroupReading thrash_on(const SwapArea& area) const;

  const std::string before_ = swap_state();
  const host::ScratchDirectory scratch_{"/var/tmp"};
  const host::Host host_ = std::move(host::Host::open("/")).value();
};

#define BRIM_NEEDS_VALUE(result)                                      \
  BRIM_NEEDS((result) || (result).error().code != ErrorCode::missing, \
             error_line((result).error()));                           \
  ASSERT_TRUE(result) << error_line((result).error())

TEST_F(SwapLive, A_file_is_in_use_as_long_as_the_object_lives) {
  std::string path;
  {
    const auto area = make_file();
    BRIM_NEEDS_VALUE(area);
    path = area->path();
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    const auto entry = host::find_swap(host_, path);
    ASSERT_TRUE(entry && *entry);
    EXPECT_FALSE((*entry)->partition);
    EXPECT_EQ((*entry)->size, kAreaSize - kibibytes(4)) << "without the header";
    EXPECT_FALSE(area->zram_number());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(SwapLive, A_zram_device_is_in_use_as_long_as_the_object_lives) {
  std::optional<unsigned> number;
  {
    auto area = make_zram();
    BRIM_NEEDS_VALUE(area);
    const SwapArea moved = std::move(*area);
    number = moved.zram_number();
    ASSERT_TRUE(number);
    EXPECT_EQ(host::look_at_zram(host_, *number)->disksize, kAreaSize);
    EXPECT_TRUE(host::find_swap(host_, moved.path()).value());
  }
  EXPECT_FALSE(std::filesystem::exists("/dev/zram" + std::to_string(*number)));
}

TEST_F(SwapLive, Areas_come_before_or_after_those_there_are) {
  const auto file = make_file(SwapOrder::first);
  BRIM_NEEDS_VALUE(file);
  const auto last = make_file(SwapOrder::last);
  ASSERT_TRUE(last) << error_line(last.error());
  const auto first = make_file(SwapOrder::first);
  ASSERT_TRUE(first) << error_line(first.error());
  EXPECT_LT(priority_of(*last), priority_of(*file));
  EXPECT_LT(priority_of(*file), priority_of(*first));
}

TEST_F(SwapLive, What_cannot_be_made_leaves_nothing) {
  const auto unknown =
      SwapArea::create_zram(host_, scratch_ / "swap", {kAreaSize, "no-such", SwapOrder::last});
  BRIM_NEEDS(unknown || unknown.error().code != ErrorCode::missing, error_line(unknown.error()));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::bad_input);
  EXPECT_THAT(unknown.error().what, HasSubstr("lzo"));
  EXPECT_FALSE(SwapArea::create_file(host_, scratch_ / "swap", {"/dev/shm", kAreaSize}));
  EXPECT_FALSE(SwapArea::create_file(host_, scratch_ / "swap", {scratch_.path(), Bytes(4096)}));
}

TEST_F(SwapLive, Without_privilege_it_says_what_is_needed) {
  const auto said = host::run_in_child(
      [this]() -> std::string {
        if (::setgid(65534) != 0 || ::setuid(65534) != 0) return "still root";
        const auto area = SwapArea::create_file(host_, "/tmp", {"/var/tmp", kAreaSize});
        const auto device = SwapArea::create_zram(host_, "/tmp", {kAreaSize, ""});
        const auto group = LimitedGroup::create(host_, "/tmp", "unprivileged", {kLimit, {}});
        if (area || device || group) return "made";
        return error_line(area.error()) + "\n" + error_line(device.error()) + "\n" +
               std::string(name_of(group.error().code));
      },
      10s);
  ASSERT_TRUE(said) << error_line(said.error());
  EXPECT_THAT(*said, HasSubstr("CAP_SYS_ADMIN"));
  EXPECT_THAT(*said, testing::EndsWith("denied"));
}

host::GroupReading SwapLive::thrash_on(const SwapArea& area) const {
  auto group = make_group();
  EXPECT_TRUE(group) << error_line(group.error());
  Consumer consumer(*group);
  EXPECT_TRUE(consumer.in_group());
  consumer.fill();
  EXPECT_TRUE(consumer.alive());
  const auto entry = host::find_swap(host_, area.path()).value();
  EXPECT_TRUE(entry && entry->used >= kDemand - kLimit) << "it did not go to this area";
  EXPECT_EQ(consumer.intact(), kDemandPages);
  // Version 1 sums its statistics up every two seconds.
  EXPECT_TRUE(eventually([&] {
    const auto reading = group->read();
    return reading.major_faults && *reading.major_faults > 0 && reading.swap &&
           *reading.swap >= mebibytes(56);
  }));
  return group->read();
}

TEST_F(SwapLive, Twice_the_limit_swaps_to_a_file_survives_and_is_counted) {
  const auto area = make_file();
  BRIM_NEEDS_VALUE(area);
  const auto before = host::read_swap_counters(host_);
  const host::GroupReading reading = thrash_on(*area);
  const auto after = host::read_swap_counters(host_);
  EXPECT_GE(*after->out - *before->out, Pages((kDemand - kLimit).count() / kPageSize));
  EXPECT_GT(*after->in, *before->in);
  EXPECT_LE(*reading.memory, kLimit);
  EXPECT_GT(*reading.limit_hits, 0U);
  EXPECT_EQ(*reading.oom_kills, 0U);
  EXPECT_GT(*reading.page_faults, kDemandPages);
  EXPECT_GT(*reading.user_time + *reading.system_time, 0ns);
  EXPECT_TRUE(!reading.refaults_anonymous || *reading.refaults_anonymous > Pages(0));
  EXPECT_TRUE(!reading.read || *reading.read > Bytes(0));
  if (host_.exists("/proc/pressure/memory")) {
    ASSERT_TRUE(reading.pressure) << error_line(reading.pressure.error());
    EXPECT_GT(reading.pressure->some.total_us, 0U);
  }
}

TEST_F(SwapLive, Twice_the_limit_swaps_to_zram_which_tells_what_it_takes) {
  const auto area = make_zram();
  BRIM_NEEDS_VALUE(area);
  auto group = make_group();
  BRIM_NEEDS_VALUE(group);
  Consumer consumer(*group);
  consumer.fill();
  const auto use = host::read_zram_use(host_, *area->zram_number());
  ASSERT_TRUE(use) << error_line(use.error());
  EXPECT_GE(use->original, kDemand - kLimit);
  EXPECT_GE(use->memory, use->compressed);
  EXPECT_GT(use->compressed, Bytes(use->original.count() / 10 * 9)) << "random data";
  EXPECT_GE(use->writes, 1U);
  EXPECT_EQ(use->failed_writes, 0U);
  EXPECT_EQ(consumer.intact(), kDemandPages);
  EXPECT_GT(host::read_zram_use(host_, *area->zram_number())->reads, use->reads);
}

TEST_F(SwapLive, A_limit_of_swap_is_held_if_one_is_asked_for) {
  const auto area = make_zram();
  BRIM_NEEDS_VALUE(area);
  auto group = make_group(mebibytes(16));
  BRIM_NEEDS_VALUE(group);
  Consumer consumer(*group);
  consumer.fill();
  EXPECT_TRUE(eventually([&] { return !consumer.alive(); })) << "128 MiB had room in 64 and 16";
  EXPECT_GE(*group->read().oom_kills, 1U);
}

TEST_F(SwapLive, zswap_stands_before_a_file_and_is_put_back) {
  const auto settings = host::zswap_settings(host_, {"", 20});
  BRIM_NEEDS_VALUE(settings);
  auto area = make_file();
  BRIM_NEEDS_VALUE(area);
  auto journal = host::Journal::open(host_, scratch_ / "journal");
  ASSERT_TRUE(journal) << error_line(journal.error());
  for (const host::KernelSetting& setting : *settings) {
    const auto changed = journal->change(setting.path, setting.value);
    ASSERT_TRUE(changed) << error_line(changed.error());
  }
  auto group = make_group();
  BRIM_NEEDS_VALUE(group);
  const auto before = host::read_swap_counters(host_);
  {
    Consumer consumer(*group);
    consumer.fill();
    const auto after = host::read_swap_counters(host_);
    ASSERT_TRUE(before->zswap_out && after->zswap_out);
    EXPECT_GT(*after->zswap_out, *before->zswap_out);
    EXPECT_EQ(consumer.intact(), kDemandPages);
  }
  EXPECT_TRUE(area->remove());
  EXPECT_TRUE(area->remove()) << "once more is nothing";
  for (const host::Restored& one : journal->restore_own())
    EXPECT_EQ(one.outcome, host::RestoreOutcome::restored) << one.detail;
}

TEST_F(SwapLive, A_frozen_group_stands_still_until_it_is_thawed_and_can_be_killed) {
  auto group = make_group();
  BRIM_NEEDS_VALUE(group);
  BRIM_NEEDS(!group->places()[host::GroupPart::freezing].folder.empty(), "nothing freezes here");
  Consumer consumer(*group);
  ASSERT_TRUE(consumer.in_group());
  consumer.count_for_ever();
  const auto goes_on = [&] {
    const std::uint64_t then = consumer.counted();
    return eventually([&] { return consumer.counted() > then; }, 5);
  };
  ASSERT_TRUE(goes_on());
  ASSERT_TRUE(group->freeze(5s));
  const std::uint64_t frozen_at = consumer.counted();
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(consumer.counted(), frozen_at);
  ASSERT_TRUE(group->thaw(5s));
  EXPECT_TRUE(goes_on());
  ASSERT_TRUE(group->freeze(5s));
  const auto killed = group->kill_all();
  EXPECT_TRUE(killed) << error_line(killed.error());
  EXPECT_TRUE(eventually([&] { return !consumer.alive(); }, 5));
  EXPECT_TRUE(group->thaw(5s));
}

// What a maker makes, and then it waits to be killed.
void make_all(const host::Host& host, const std::string& state, const std::string& folder) {
  const auto file =
      SwapArea::create_file(host, state + "/swap", {folder, kAreaSize, SwapOrder::last, Bytes()});
  const auto zram = SwapArea::create_zram(host, state + "/swap", {kAreaSize, ""});
  auto group = LimitedGroup::create(host, state + "/groups", "killed-" + std::to_string(::getpid()),
                                    {kLimit, {}});
  if (group) static_cast<void>(group->add(0));
  if (group) static_cast<void>(group->freeze(1s));  // itself
  for (;;) ::pause();
}

class SwapKilled : public SwapLive {
 protected:
  // Kills a maker after this time, and waits until it is gone.
  void kill_after(std::chrono::microseconds time) const {
    const pid_t pid = ::fork();
    if (pid == 0) make_all(host_, scratch_.path(), scratch_.path());
    ASSERT_GT(pid, 0);
    std::this_thread::sleep_for(time);
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  // Only the folders of records.
  [[nodiscard]] std::vector<std::string> files_left() const {
    std::vector<std::string> names;
    for (const auto& item : std::filesystem::directory_iterator(scratch_.path()))
      if (!item.is_directory()) names.push_back(item.path());
    return names;
  }
  // How long a maker takes here, and a little more.
  [[nodiscard]] std::chrono::microseconds time_to_make() const {
    const auto start = std::chrono::steady_clock::now();
    const auto file = make_file();
    const auto zram = make_zram();
    const auto group = make_group();
    const auto took = std::chrono::steady_clock::now() - start;
    return std::chrono::ceil<std::chrono::microseconds>(took * 3 / 2);
  }
};

TEST_F(SwapKilled, At_any_moment_what_it_made_is_removed) {
  constexpr int kRounds = 25;
  Rng rng(1);
  const auto longest = static_cast<std::uint64_t>(time_to_make().count());
  int removed = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::chrono::microseconds time(rng.below(longest));
    ASSERT_NO_FATAL_FAILURE(kill_after(time));
    std::vector<std::string> lines = host::remove_abandoned_groups(host_, scratch_ / "groups");
    for (std::string& line : host::remove_abandoned_swap(host_, scratch_ / "swap"))
      lines.push_back(std::move(line));
    for (const std::string& line : lines) {
      EXPECT_TRUE(line.starts_with("removed")) << line;
      ++removed;
    }
    ASSERT_EQ(swap_state(), before_) << "killed after " << time.count() << " us";
    ASSERT_THAT(files_left(), IsEmpty());
  }
  EXPECT_GT(removed, kRounds / 2) << "most were killed before they had made anything";
}

TEST_F(SwapKilled, A_device_that_was_not_named_yet_is_found_and_others_stay) {
  const auto others = host::add_zram(host_);
  BRIM_NEEDS_VALUE(others);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto numbers = host::zram_numbers(host_);
    const bool written =
        host::write_swap_record(host_, scratch_ / "swap", host::AwaitedZram{*numbers}).has_value();
    ::_exit(written && host::add_zram(host_) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  const auto lines = host::remove_abandoned_swap(host_, scratch_ / "swap");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines.front(), HasSubstr("zram"));
  EXPECT_TRUE(std::filesystem::exists("/sys/block/zram" + std::to_string(others->number)));
  EXPECT_TRUE(host::remove_zram(host_, *others));
}

TEST_F(SwapKilled, brim_restore_removes_it_and_says_so) {
  ASSERT_NO_FATAL_FAILURE(kill_after(1s));
  EXPECT_NE(swap_state(), before_);
  const std::string log = scratch_ / "log";
  const std::string command =
      "BRIM_STATE_DIR=" + scratch_.path() + " " + BRIM_PROGRAM + " restore >/dev/null 2>" + log;
  EXPECT_EQ(std::system(command.c_str()), 0);
  const std::string said = read_text(log);
  EXPECT_THAT(said, HasSubstr("removed the swap file"));
  EXPECT_THAT(said, HasSubstr("removed the cgroup"));
  std::filesystem::remove(log);
  EXPECT_THAT(files_left(), IsEmpty());
}

}  // namespace
}  // namespace brim::live
