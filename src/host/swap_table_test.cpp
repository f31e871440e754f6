// SPDX-License-Identifier: Apache-2.0
#include "host/swap_table.h"

#include "host/scratch_directory.h"
#include "host/test_processes.h"
#include "host/zram_device.h"
#include "host/zswap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SwapTable, Areas_are_told_in_bytes_and_by_their_whole_names) {
  const auto table = read_swap_table(fixture("group-v2"));
  ASSERT_TRUE(table) << error_line(table.error());
  ASSERT_EQ(table->size(), 2U);
  const SwapEntry& file = table->at(0);
  EXPECT_EQ(file.path, "/srv/two words/brim-swap-131077");
  EXPECT_FALSE(file.partition);
  EXPECT_EQ(file.size, kibibytes(1048572));
  EXPECT_EQ(file.used, mebibytes(128));
  EXPECT_EQ(file.priority, 3);
  EXPECT_TRUE(table->at(1).partition);
  EXPECT_EQ(table->at(1).priority, -2);
}

TEST(SwapTable, An_area_is_found_by_its_whole_name_only) {
  const Host host = fixture("group-v2");
  EXPECT_EQ(find_swap(host, "/dev/zram1").value()->used, kibibytes(65552));
  EXPECT_FALSE(find_swap(host, "/dev/zram").value());
  EXPECT_FALSE(find_swap(host, "/dev/zram10").value());
}

TEST(SwapTable, A_kernel_with_none_in_use_has_an_empty_one_and_one_without_swap_is_missing_it) {
  EXPECT_TRUE(read_swap_table(fixture("group-hybrid")).value().empty());
  const auto none = read_swap_table(fixture("group-v1"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::missing);
  EXPECT_THAT(none.error().what, HasSubstr("CONFIG_SWAP"));
}

TEST(SwapTable, Hostile_lines_are_errors) {
  for (const char* text : {"/a file 1 2\n", "/a file 1 2 x\n", "/a file -1 2 3\n",
                           "/a file 99999999999999999999 2 3\n", "/a file 1 2 3 4\n", "\n"})
    EXPECT_FALSE(parse_swap_table(text, "f")) << text;
  EXPECT_EQ(parse_swap_table("Filename Type\n/a b\n", "f").error().where, "f:2");
}

TEST(SwapCounters, What_a_kernel_does_not_count_is_nothing) {
  const auto all = read_swap_counters(fixture("group-v2"));
  ASSERT_TRUE(all);
  EXPECT_EQ(all->in, Pages(1201));
  EXPECT_EQ(all->out, Pages(40022));
  EXPECT_EQ(all->zero_in, Pages(7));
  EXPECT_EQ(all->zero_out, Pages(19));
  EXPECT_EQ(all->zswap_in, Pages(512));
  EXPECT_EQ(all->zswap_out, Pages(7680));
  EXPECT_EQ(all->zswap_written_back, Pages(12));
  const auto few = read_swap_counters(fixture("group-hybrid"));
  ASSERT_TRUE(few);
  EXPECT_EQ(few->in, Pages(0));
  EXPECT_FALSE(few->zero_in || few->zswap_in || few->zswap_written_back);
}

TEST(ZramUse, Memory_is_told_apart_from_what_it_stands_for) {
  const auto use = read_zram_use(fixture("group-v2"), 1);
  ASSERT_TRUE(use) << error_line(use.error());
  EXPECT_EQ(use->original, mebibytes(64));
  EXPECT_EQ(use->compressed, Bytes(30123456));
  EXPECT_EQ(use->memory, mebibytes(30));
  EXPECT_EQ(use->memory_peak, mebibytes(32));
  EXPECT_EQ(use->same_filled, Pages(12));
  EXPECT_EQ(use->incompressible, Pages(345));
  EXPECT_EQ(use->reads, 1201U);
  EXPECT_EQ(use->writes, 16388U);
  EXPECT_EQ(use->failed_reads, 0U);
  EXPECT_EQ(use->failed_writes, 1U);
  EXPECT_EQ(read_zram_use(fixture("group-v2"), 2).error().code, ErrorCode::missing);
}

TEST(ZramUse, A_row_that_is_cut_short_is_an_error_that_names_it) {
  const ScratchDirectory root;
  root.write("sys/block/zram0/mm_stat", "1 2 3 4 5 6\n");
  const auto use = read_zram_use(Host::open(root.path()).value(), 0);
  ASSERT_FALSE(use);
  EXPECT_THAT(use.error().where, HasSubstr("mm_stat"));
}

TEST(ZramDevices, Are_known_by_number_size_and_sequence) {
  const Host host = fixture("group-v2");
  EXPECT_THAT(zram_numbers(host).value(), ElementsAre(0, 1));
  const auto device = look_at_zram(host, 1);
  ASSERT_TRUE(device);
  EXPECT_EQ(device->sequence, 17U);
  EXPECT_EQ(device->disksize, mebibytes(256));
  EXPECT_EQ(look_at_zram(host, 0)->disksize, Bytes());
}

TEST(ZramDevices, Without_the_module_it_says_how_to_load_it) {
  const auto added = add_zram(fixture("group-hybrid"));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::missing);
  EXPECT_THAT(added.error().what, HasSubstr("modprobe zram"));
}

TEST(ZramDevices, Another_device_of_the_same_number_is_left_alone) {
  const ScratchDirectory root;
  root.write("sys/block/zram1/disksize", "268435456\n");
  root.write("sys/block/zram1/diskseq", "18\n");
  root.write("sys/class/zram-control/hot_remove", "");
  root.write("proc/swaps", "Filename\n");
  const Host host = std::move(Host::open(root.path())).value();
  const auto removed = [&] {
    std::string text = root.read("sys/class/zram-control/hot_remove");
    root.write("sys/class/zram-control/hot_remove", "");
    return text;
  };
  EXPECT_TRUE(remove_zram(host, {1, 17, mebibytes(256)}));
  EXPECT_EQ(removed(), "") << "of another sequence";
  EXPECT_TRUE(remove_zram(host, {1, 18, mebibytes(255)}));
  EXPECT_EQ(removed(), "") << "of another size";
  EXPECT_TRUE(remove_zram(host, {2, 18, mebibytes(256)}));
  EXPECT_EQ(removed(), "") << "of another number";
  EXPECT_TRUE(remove_zram(host, {1, 18, mebibytes(256)}));
  EXPECT_EQ(removed(), "1");
}

TEST(ZswapUse, Its_pool_and_what_is_in_it) {
  const auto use = read_zswap_use(fixture("group-v2"));
  ASSERT_TRUE(use);
  EXPECT_EQ(use->memory, mebibytes(10));
  EXPECT_EQ(use->original, mebibytes(30));
  EXPECT_EQ(read_zswap_use(fixture("group-hybrid")).error().code, ErrorCode::missing);
}

TEST(ZswapSettings, The_switch_is_the_last) {
  const auto settings = zswap_settings(fixture("group-v2"), {"zstd", 25});
  ASSERT_TRUE(settings) << error_line(settings.error());
  ASSERT_EQ(settings->size(), 3U);
  EXPECT_EQ(settings->at(0).path, "/sys/module/zswap/parameters/compressor");
  EXPECT_EQ(settings->at(0).value, "zstd");
  EXPECT_EQ(settings->at(1).path, "/sys/module/zswap/parameters/max_pool_percent");
  EXPECT_EQ(settings->at(1).value, "25");
  EXPECT_EQ(settings->at(2).path, "/sys/module/zswap/parameters/enabled");
  EXPECT_EQ(settings->at(2).value, "Y");
  EXPECT_EQ(zswap_settings(fixture("group-v2"), {})->size(), 1U);
}

TEST(ZswapSettings, What_cannot_be_is_said) {
  const auto none = zswap_settings(fixture("group-v1"), {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::missing);
  EXPECT_THAT(none.error().what, HasSubstr("CONFIG_ZSWAP"));
  const Host host = fixture("group-v2");
  EXPECT_EQ(zswap_settings(host, {"lz4\n", {}}).error().code, ErrorCode::bad_input);
  EXPECT_EQ(zswap_settings(host, {"", 0}).error().code, ErrorCode::bad_input);
  EXPECT_EQ(zswap_settings(host, {"", 101}).error().code, ErrorCode::bad_input);
  EXPECT_TRUE(zswap_settings(host, {"", 100}));
}

}  // namespace
}  // namespace brim::host
