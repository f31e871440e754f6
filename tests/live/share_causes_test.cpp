// SPDX-License-Identifier: Apache-2.0
// What is not merged goes to the cause that was arranged.
#include "planted_memory.h"

#include <filesystem>

namespace brim::live {
namespace {

TEST_F(ShareKsm, Registered_memory_without_ksmd_is_put_under_ksm_off) {
  const Setting off("/sys/kernel/mm/ksm/run", "0");
  BRIM_NEEDS(off.set(), "this kernel has no KSM");
  std::byte* const memory = map_anonymous(kBytes);
  const auto result = scan_two(memory, [memory] { ::madvise(memory, kBytes, MADV_MERGEABLE); });
  expect_planted_potential(result);
  EXPECT_EQ(result.real.merged_pages, 0U);
  EXPECT_EQ(under(result, Cause::ksm_off), 2 * kEqual - 1);
  ::munmap(memory, kBytes);
}

TEST_F(ShareKsm, Memory_nobody_registered_is_put_under_not_mergeable) {
  std::byte* const memory = map_anonymous(kBytes);
  const auto result = scan_two(memory);
  expect_planted_potential(result);
  EXPECT_EQ(under(result, Cause::not_mergeable), 2 * kEqual - 1);
  ::munmap(memory, kBytes);
}

// In a child: a file in place of its memory.
void map_over(std::byte* memory, int protection, int flags, int fd) {
  if (::mmap(memory, kBytes, protection, flags | MAP_FIXED, fd, 0) == MAP_FAILED) ::_exit(1);
}

TEST_F(ShareKsm, A_shared_memfd_is_put_under_shared_mapping) {
  std::byte* const memory = map_anonymous(kBytes);
  const auto result = scan_two(memory, [memory] {
    const int fd = ::memfd_create("ram", 0);
    if (::ftruncate(fd, kBytes) != 0) ::_exit(1);
    map_over(memory, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    ::madvise(memory, kBytes, MADV_MERGEABLE);  // the kernel takes it and does nothing
  });
  expect_planted_potential(result);
  EXPECT_EQ(under(result, Cause::shared_mapping), 2 * kEqual - 1);
  ::munmap(memory, kBytes);
}

TEST_F(ShareKsm, A_private_file_mapping_is_put_under_file_backed) {
  std::vector<std::byte> bytes(kBytes);
  plant(bytes.data(), 0);
  std::byte* const memory = map_anonymous(kBytes);
  std::string path = "/var/tmp/brim-file-XXXXXX";
  const int fd = ::mkstemp(path.data());
  ::unlink(path.c_str());
  ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(kBytes));
  const Child child([&] { map_over(memory, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd); });
  std::vector<std::unique_ptr<share::Subject>> subjects;
  subjects.push_back(planted_memory(child.pid(), memory));
  const auto result = scan(std::move(subjects));
  EXPECT_EQ(under(result, Cause::file_backed), kEqual - 1);
  ::close(fd);
  ::munmap(memory, kBytes);
}

}  // namespace
}  // namespace brim::live
