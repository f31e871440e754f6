// SPDX-License-Identifier: Apache-2.0
#include "host/qemu_ram.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kMiB = 1 << 20;

SmapsEntry private_memory(std::uint64_t start, std::uint64_t bytes, bool kept_from_fork = true) {
  SmapsEntry entry;
  entry.mapping.start = start;
  entry.mapping.end = start + bytes;
  entry.mapping.readable = entry.mapping.writable = true;
  if (kept_from_fork) entry.flags = {"rd", "wr", "dc"};
  return entry;
}

SmapsEntry file(std::uint64_t start, std::uint64_t bytes, const std::string& path, bool shared) {
  SmapsEntry entry = private_memory(start, bytes);
  entry.mapping.path = path;
  entry.mapping.inode = 7;
  entry.mapping.shared = shared;
  return entry;
}

RamBlock block(std::uint64_t bytes, RamBlock::Kind kind = RamBlock::Kind::anonymous,
               bool share = false, const std::string& path = "") {
  RamBlock result;
  result.size = Bytes(bytes);
  result.kind = kind;
  result.share = share;
  result.path = path;
  result.is_ram = true;
  return result;
}

RamSearch find(const std::vector<RamBlock>& blocks, const std::vector<SmapsEntry>& mappings) {
  return find_guest_ram(blocks, mappings, "test");
}

TEST(QemuRam, Takes_the_private_mapping_of_exactly_the_size) {
  const auto found = find({block(64 * kMiB)}, {private_memory(0x1000000, 63 * kMiB),
                                               private_memory(0x10000000, 64 * kMiB),
                                               file(0x20000000, 64 * kMiB, "/lib/x", false)});
  ASSERT_THAT(found.ram, SizeIs(1));
  EXPECT_EQ(found.ram[0].start, 0x10000000u);
  EXPECT_EQ(found.ram[0].end, 0x10000000u + 64 * kMiB);
  EXPECT_FALSE(found.ram[0].shared);
  EXPECT_FALSE(found.ambiguous);
  EXPECT_NE(found.ram[0].identified_by.find("64.0 MiB"), std::string::npos);
}

TEST(QemuRam, A_page_more_or_less_is_not_it) {
  const auto found = find({block(64 * kMiB)}, {private_memory(0x1000000, 64 * kMiB - 4096),
                                               private_memory(0x10000000, 64 * kMiB + 4096)});
  EXPECT_THAT(found.ram, IsEmpty());
  EXPECT_THAT(found.missing, SizeIs(1));
}

TEST(QemuRam, Inaccessible_and_heap_mappings_are_no_ram) {
  auto reserved = private_memory(0x1000000, 64 * kMiB);
  reserved.mapping.writable = reserved.mapping.readable = false;
  auto heap = private_memory(0x10000000, 64 * kMiB);
  heap.mapping.path = "[heap]";
  EXPECT_THAT(find({block(64 * kMiB)}, {reserved, heap}).ram, IsEmpty());
}

TEST(QemuRam, Of_two_that_fit_the_one_kept_from_forks_is_taken) {
  const auto found = find({block(64 * kMiB)}, {private_memory(0x1000000, 64 * kMiB, false),
                                               private_memory(0x10000000, 64 * kMiB, true)});
  ASSERT_THAT(found.ram, SizeIs(1));
  EXPECT_EQ(found.ram[0].start, 0x10000000u);
  EXPECT_FALSE(found.ambiguous);
}

TEST(QemuRam, Two_that_nothing_tells_apart_are_called_ambiguous) {
  const auto found = find({block(64 * kMiB)}, {private_memory(0x1000000, 64 * kMiB),
                                               private_memory(0x10000000, 64 * kMiB)});
  EXPECT_TRUE(found.ambiguous);
  EXPECT_THAT(found.ram, SizeIs(1));
}

TEST(QemuRam, Of_several_that_fit_the_fullest_is_taken) {
  SmapsEntry plugged_in = private_memory(0x10000000, 64 * kMiB);
  SmapsEntry booted = private_memory(0x20000000, 64 * kMiB);
  booted.rss_bytes = 40 * kMiB;
  const auto found = find({block(64 * kMiB)}, {plugged_in, booted});
  ASSERT_THAT(found.ram, SizeIs(1));
  EXPECT_EQ(found.ram[0].start, booted.mapping.start);
  EXPECT_TRUE(found.ambiguous);
}

TEST(QemuRam, Memory_that_looks_like_ram_and_was_not_looked_for_is_told) {
  const auto guard_after = [](const SmapsEntry& ram) {
    SmapsEntry guard;
    guard.mapping.start = ram.mapping.end;
    guard.mapping.end = ram.mapping.end + kPageSize;
    return guard;
  };
  const SmapsEntry booted = private_memory(0x10000000, 128 * kMiB);
  const SmapsEntry plugged_in = private_memory(0x20000000, 96 * kMiB);
  SmapsEntry code = private_memory(0x30000000, 256 * kMiB);
  code.mapping.executable = true;
  const SmapsEntry video = private_memory(0x50000000, 64 * kMiB);
  const auto found =
      find({block(128 * kMiB)},
           {booted, guard_after(booted), plugged_in, guard_after(plugged_in), code,
            guard_after(code), video, guard_after(video), private_memory(0x60000000, 512 * kMiB)});
  ASSERT_THAT(found.ram, SizeIs(1));
  EXPECT_EQ(found.unexplained, Bytes(96 * kMiB));
}

TEST(QemuRam, Two_blocks_of_one_size_get_two_mappings) {
  const auto found =
      find({block(64 * kMiB), block(64 * kMiB)},
           {private_memory(0x1000000, 64 * kMiB), private_memory(0x10000000, 64 * kMiB)});
  ASSERT_THAT(found.ram, SizeIs(2));
  EXPECT_LT(found.ram[0].start, found.ram[1].start);
  EXPECT_FALSE(found.ambiguous);
}

TEST(QemuRam, A_block_cut_by_an_madvise_is_found_in_pieces) {
  const std::uint64_t base = 0x10000000;
  const auto found = find(
      {block(64 * kMiB)},
      {private_memory(base - kMiB, kMiB, false), private_memory(base, 16 * kMiB),
       private_memory(base + 16 * kMiB, 40 * kMiB), private_memory(base + 56 * kMiB, 8 * kMiB)});
  ASSERT_THAT(found.ram, SizeIs(3));
  EXPECT_EQ(found.ram.front().start, base);
  EXPECT_EQ(found.ram.back().end, base + 64 * kMiB);
}

TEST(QemuRam, Pieces_with_a_gap_between_them_are_not_a_block) {
  EXPECT_THAT(find({block(64 * kMiB)}, {private_memory(0x10000000, 32 * kMiB),
                                        private_memory(0x10000000 + 33 * kMiB, 32 * kMiB)})
                  .ram,
              IsEmpty());
}

TEST(QemuRam, Memfds_and_files_match_by_kind_sharing_and_path) {
  const std::vector<SmapsEntry> mappings = {
      file(0x10000000, 64 * kMiB, "/memfd:memory-backend-memfd (deleted)", true),
      file(0x20000000, 64 * kMiB, "/dev/shm/qemu_back_mem.m0.LSMZC8 (deleted)", true),
      file(0x30000000, 64 * kMiB, "/srv/other", true)};
  auto found = find({block(64 * kMiB, RamBlock::Kind::memfd, true)}, mappings);
  ASSERT_THAT(found.ram, SizeIs(1));
  EXPECT_EQ(found.ram[0].start, 0x10000000u);
  EXPECT_TRUE(found.ram[0].shared);
  found = find({block(64 * kMiB, RamBlock::Kind::file, true, "/dev/shm")}, mappings);
  ASSERT_THAT(found.ram, SizeIs(1));
  EXPECT_EQ(found.ram[0].start, 0x20000000u);
  EXPECT_THAT(find({block(64 * kMiB, RamBlock::Kind::memfd, false)}, mappings).ram, IsEmpty());
}

TEST(QemuRam, A_path_of_another_mount_namespace_matches_by_size) {
  const auto found = find({block(64 * kMiB, RamBlock::Kind::file, true, "/inside/ram")},
                          {file(0x10000000, 64 * kMiB, "/var/lib/container/ram", true)});
  ASSERT_THAT(found.ram, SizeIs(1));
  EXPECT_NE(found.ram[0].identified_by.find("by size alone"), std::string::npos);
}

TEST(QemuRam, A_huge_page_file_may_be_rounded_up) {
  const auto found =
      find({block(63 * kMiB, RamBlock::Kind::file, false, "/dev/hugepages")},
           {file(0x10000000, 64 * kMiB, "/dev/hugepages/qemu_back_mem.x (deleted)", false)});
  EXPECT_THAT(found.ram, SizeIs(1));
}

TEST(QemuRam, Sizes_without_sense_find_nothing) {
  RamBlock unknown = block(1);
  unknown.size = std::nullopt;
  const auto found = find({unknown, block(0), block(UINT64_MAX)}, {private_memory(0x1000, 4096)});
  EXPECT_THAT(found.ram, IsEmpty());
  EXPECT_THAT(found.missing, SizeIs(3));
}

TEST(QemuRam, Pieces_are_found_behind_others_of_their_run_that_do_not_add_up) {
  // 3, 4, 2, 2, 5: only the middle three make 8.
  std::vector<SmapsEntry> mappings;
  std::uint64_t next = 0x10000000;
  for (const std::uint64_t size : {3 * kMiB, 4 * kMiB, 2 * kMiB, 2 * kMiB, 5 * kMiB}) {
    mappings.push_back(private_memory(next, size));
    next += size;
  }
  const auto found = find({block(8 * kMiB)}, mappings);
  ASSERT_THAT(found.ram, SizeIs(3));
  EXPECT_EQ(found.ram[0].start, 0x10000000u + 3 * kMiB);
  EXPECT_EQ(found.ram[2].end, 0x10000000u + 11 * kMiB);
}

TEST(QemuRam, A_process_of_countless_adjacent_mappings_and_backends_is_soon_done_with) {
  constexpr std::uint64_t kPage = 4096;
  std::vector<SmapsEntry> mappings;
  for (std::uint64_t i = 0; i < 65530; ++i)  // vm.max_map_count
    mappings.push_back(private_memory((0x10000 + i) * kPage, kPage));
  const std::vector<RamBlock> blocks(100000, block(1 << 30));
  const auto start = std::chrono::steady_clock::now();
  const auto found = find(blocks, mappings);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_THAT(found.ram, IsEmpty());
  ASSERT_THAT(found.missing, SizeIs(kMostBlocks + 1));
  EXPECT_EQ(found.missing.back(), "99488 more memory backends than 512");
}

}  // namespace
}  // namespace brim::host
