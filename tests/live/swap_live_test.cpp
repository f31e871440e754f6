// SPDX-License-Identifier: Apache-2.0
// Swap areas and limited groups of brim's own on this machine: they are made, used and gone again.
#include "host/child.h"
#include "host/journal.h"
#include "host/zram_disk.h"
#include "host/zswap.h"
#include "swap_fixture.h"

#include <gmock/gmock.h>

namespace brim::live {
namespace {

using testing::HasSubstr;

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

TEST_F(SwapLive, A_zram_disk_keeps_what_is_written_and_nothing_is_swapped_to_it) {
  std::string path;
  {
    auto disk = host::ZramDisk::create(host_, scratch_ / "swap", mebibytes(8));
    BRIM_NEEDS_VALUE(disk);
    const host::ZramDisk moved = std::move(*disk);
    path = host::zram_path(moved.number());
    EXPECT_FALSE(host::find_swap(host_, path).value());
    const auto device = moved.open(O_RDWR);
    ASSERT_TRUE(device) << error_line(device.error());
    const std::string text(kPageSize, 'x');
    std::string again(kPageSize, '\0');
    ASSERT_EQ(::pwrite(device->get(), text.data(), text.size(), 0), 4096);
    ASSERT_EQ(::pread(device->get(), again.data(), again.size(), 0), 4096);
    EXPECT_EQ(again, text);
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
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

// A consumer twice as large as its limit, on `area`; what its group told.
host::GroupReading thrash_on(const host::Host& host, Result<LimitedGroup> group,
                             const SwapArea& area) {
  EXPECT_TRUE(group) << error_line(group.error());
  Consumer consumer(*group);
  EXPECT_TRUE(consumer.in_group());
  consumer.fill();
  EXPECT_TRUE(consumer.alive());
  const auto entry = host::find_swap(host, area.path()).value();
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
  const host::GroupReading reading = thrash_on(host_, make_group(), *area);
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

}  // namespace
}  // namespace brim::live
