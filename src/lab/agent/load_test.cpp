// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/load.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace brim::lab {
namespace {

std::vector<std::byte> filled(const Load& load) {
  std::vector<std::byte> memory(load.bytes.count());
  LoadedBuffer(load, memory).fill();
  return memory;
}

std::vector<std::byte> after_cycles(const Load& load, int cycles) {
  std::vector<std::byte> memory(load.bytes.count());
  LoadedBuffer buffer(load, memory);
  buffer.fill();
  for (int i = 0; i < cycles; ++i) buffer.cycle();
  return memory;
}

std::size_t distinct_pages(const std::vector<std::vector<std::byte>>& machines) {
  std::set<std::vector<std::byte>> contents;
  for (const auto& memory : machines)
    for (std::size_t at = 0; at < memory.size(); at += kPageSize)
      contents.emplace(memory.begin() + static_cast<std::ptrdiff_t>(at),
                       memory.begin() + static_cast<std::ptrdiff_t>(at + kPageSize));
  return contents.size();
}

Load load_of(std::string_view text) {
  auto load = parse_load(text);
  EXPECT_TRUE(load) << (load ? "" : error_line(load.error()));
  return load.value_or(Load{});
}

TEST(Load, Text_and_load_are_the_same_both_ways) {
  const Load load = load_of(
      "bytes=3MiB,write_rate=1/32,pause=250ms,writes=windows,content=unique,changing=yes,seed=7,"
      "machine=2");
  EXPECT_EQ(load.bytes, mebibytes(3));
  EXPECT_EQ(load.write_rate.numerator, 1U);
  EXPECT_EQ(load.write_rate.denominator, 32U);
  EXPECT_EQ(load.pause, std::chrono::milliseconds(250));
  EXPECT_EQ(load.writes, LoadWrites::windows_program);
  EXPECT_EQ(load.content, LoadContent::unique);
  EXPECT_TRUE(load.changing);
  EXPECT_EQ(format_load(load_of(format_load(load))), format_load(load));
  EXPECT_EQ(load_of("idle").bytes, Bytes(0));
}

TEST(Load, A_load_of_programs_begins_with_its_name) {
  const Load mariadb =
      load_of("mariadb, clients=400,iterations=50,queries=5500,buffer_pool_size=64MiB");
  EXPECT_EQ(mariadb.kind, LoadKind::mariadb);
  EXPECT_EQ(mariadb.mariadb.clients, 400U);
  EXPECT_EQ(mariadb.mariadb.iterations, 50U);
  EXPECT_EQ(mariadb.mariadb.queries, 5500U);
  EXPECT_EQ(mariadb.mariadb.buffer_pool_size, mebibytes(64));
  EXPECT_EQ(load_of("mariadb").mariadb.clients, 8U);
  EXPECT_EQ(load_of("compile").kind, LoadKind::compile);
  for (const char* text : {"mariadb,clients=3", "compile,files=2,functions=9,iterations=4"})
    EXPECT_EQ(format_load(load_of(format_load(load_of(text)))), format_load(load_of(text)));
  EXPECT_TRUE(format_load(load_of("compile,files=2")).starts_with("compile,files=2,"))
      << "not lost";
  EXPECT_EQ(load_of("idle").kind, LoadKind::synthetic);
}

TEST(Load, What_is_not_a_load_is_told_why) {
  const auto why = [](std::string_view text) {
    const auto load = parse_load(text);
    return load ? std::string() : error_line(load.error());
  };
  EXPECT_EQ(why("bytes=1MiB,write_rat=1"), "a load has no 'write_rat'; did you mean 'write_rate'?");
  EXPECT_EQ(why("bytes=1MiB,bytes=2MiB"), "'bytes' is given twice");
  EXPECT_EQ(why("write_rate=1"), "a load needs bytes=SIZE, or is 'idle', 'mariadb' or 'compile'");
  EXPECT_EQ(why("mariadbb,clients=3"), "a load has no 'mariadbb'; did you mean 'mariadb'?");
  EXPECT_EQ(why("mariadb,client=3"), "a mariadb load has no 'client'; did you mean 'clients'?");
  EXPECT_NE(why("mariadb,bytes=1MiB"), "") << "a key of other loads";
  EXPECT_NE(why("bytes=1MiB,clients=3"), "");
  EXPECT_EQ(why("mariadb,clients=0"), "clients: '0' is not from 1 to 10000");
  EXPECT_NE(why("mariadb,buffer_pool_size=1MiB"), "");
  EXPECT_EQ(why("compile,compile"), "a compile load has no 'compile'");
  EXPECT_EQ(why("mariadb,clients"), "expected clients=VALUE");
  EXPECT_NE(why("bytes=1MiB,write_rate=1/0"), "");
  EXPECT_NE(why("bytes=1MiB,write_rate=-1"), "");
  EXPECT_NE(why("bytes=12"), "");
  EXPECT_NE(why("bytes=1MiB,writes=bsd").find("none of algorithm, linux, windows"),
            std::string::npos);
  EXPECT_NE(why(""), "");
}

TEST(Load, The_study_s_buffer_holds_i_mod_256_and_its_writes_change_no_byte) {
  for (const char* writes : {"algorithm", "linux", "windows"}) {
    const Load load = load_of(std::string("bytes=256KiB,write_rate=8,writes=") + writes);
    const auto memory = after_cycles(load, 3);
    for (std::size_t i = 0; i < memory.size(); ++i)
      ASSERT_EQ(std::to_integer<std::size_t>(memory[i]), i % 256) << i;
  }
}

TEST(Load, A_rate_of_a_32nd_writes_once_a_cycle_for_every_32_pages) {
  const auto writes = [](std::string_view text) {
    const Load load = load_of(text);
    std::vector<std::byte> memory(load.bytes.count());
    return LoadedBuffer(load, memory).cycle();
  };
  EXPECT_EQ(writes("bytes=1MiB,write_rate=1/32"), 8U);
  EXPECT_EQ(writes("bytes=1MiB,write_rate=1/8"), 32U);
  EXPECT_EQ(writes("bytes=1MiB,write_rate=1"), 256U);
  EXPECT_EQ(writes("bytes=1MiB,write_rate=0"), 0U);
  EXPECT_EQ(writes("bytes=124KiB,write_rate=1/32"), 0U) << "31 pages";
  EXPECT_EQ(writes("idle"), 0U);
}

TEST(Load, Changing_writes_change_as_many_bytes_as_are_written) {
  const Load load = load_of("bytes=1MiB,write_rate=1/32,changing=yes");
  const auto before = filled(load);
  const auto after = after_cycles(load, 1);
  std::size_t sum = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    sum += (std::to_integer<unsigned>(after[i]) - std::to_integer<unsigned>(before[i])) % 256;
  EXPECT_EQ(sum, 8U);
}

TEST(Load, The_same_seed_makes_the_same_writes_and_another_seed_others) {
  const std::string text = "bytes=1MiB,write_rate=1,changing=yes,seed=";
  EXPECT_EQ(after_cycles(load_of(text + "5"), 2), after_cycles(load_of(text + "5"), 2));
  EXPECT_NE(after_cycles(load_of(text + "5"), 2), after_cycles(load_of(text + "6"), 2));
}

TEST(Load, The_Linux_program_draws_what_an_unseeded_random_gives) {
  constexpr std::uint64_t kSize = 1000003;
  const auto positions = write_positions(load_of("bytes=1MiB,writes=linux,seed=9"));
  ::srandom(1);  // what a program that never calls it gets
  EXPECT_EQ(positions->next(1ULL << 31), 1804289383U);
  EXPECT_EQ(::random(), 1804289383);
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(positions->next(kSize), static_cast<std::uint64_t>(::random()) % kSize) << i;
}

TEST(Load, The_Windows_program_writes_the_first_eight_pages_only) {
  const auto positions = write_positions(load_of("bytes=1MiB,writes=windows,seed=9"));
  EXPECT_EQ(positions->next(1 << 20), 41U);
  EXPECT_EQ(positions->next(1 << 20), 18467U);
  EXPECT_EQ(positions->next(1 << 20), 6334U);
  std::uint64_t highest = 0;
  for (int i = 0; i < 100000; ++i) highest = std::max(highest, positions->next(1 << 20));
  EXPECT_LE(highest, 32767U);
  EXPECT_GE(highest, 32700U);
}

TEST(Load, The_algorithm_s_positions_reach_the_whole_buffer) {
  const auto positions = write_positions(load_of("bytes=4GiB"));
  constexpr std::uint64_t kSize = 1ULL << 32;
  std::uint64_t lowest = kSize;
  std::uint64_t highest = 0;
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t position = positions->next(kSize);
    lowest = std::min(lowest, position);
    highest = std::max(highest, position);
  }
  EXPECT_LT(lowest, kSize / 1000);
  EXPECT_GT(highest, kSize - kSize / 1000);
  EXPECT_LT(highest, kSize);
}

TEST(Load, Contents_share_inside_and_between_machines_as_their_names_say) {
  const auto distinct_of_two = [](const std::string& content) {
    const std::string text = "bytes=64KiB,content=" + content;
    return distinct_pages({filled(load_of(text)), filled(load_of(text + ",machine=1"))});
  };
  EXPECT_EQ(distinct_of_two("study"), 1U);
  EXPECT_EQ(distinct_of_two("zero"), 1U);
  EXPECT_EQ(distinct_of_two("per_page"), 16U);
  EXPECT_EQ(distinct_of_two("per_machine"), 2U);
  EXPECT_EQ(distinct_of_two("unique"), 32U);
}

TEST(Load, Writes_that_do_not_change_leave_every_content_as_it_was) {
  for (const char* content : {"per_page", "per_machine", "unique", "zero"}) {
    const Load load =
        load_of(std::string("bytes=64KiB,write_rate=64,machine=3,content=") + content);
    EXPECT_EQ(after_cycles(load, 2), filled(load)) << content;
  }
}

}  // namespace
}  // namespace brim::lab
