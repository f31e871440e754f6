// SPDX-License-Identifier: Apache-2.0
// Reading a process's memory leaves it as it was: nothing unmerged, faulted in, split or allocated,
// on real memory of child processes. Each proof stands beside a counter-proof that the same figures
// do move when memory is read carelessly.
#include "host/host.h"
#include "share/measure/process_subject.h"
#include "share_child.h"

#include <sstream>

#include <sys/stat.h>
#include <sys/uio.h>

namespace brim {
namespace {

using live::Child;
using live::eventually;
using live::read_numbers;

constexpr std::size_t kMegabyte = 1 << 20;
constexpr std::size_t kMemory = 8 * kMegabyte;  // of each kind
constexpr std::uint64_t kMemoryPages = kMemory / kPageSize;

struct Seen {
  std::uint64_t pages = 0;
  std::uint64_t ksm = 0;
  std::uint64_t huge = 0;
  share::UnreadPages unread;
};

// Reads all of the process as a scan does.
Seen read_whole(int pid) {
  Seen seen;
  const auto host = host::Host::open("/");
  EXPECT_TRUE(host.has_value());
  const auto subject = share::open_process_subject(*host, pid);
  EXPECT_TRUE(subject.has_value()) << (subject ? "" : error_line(subject.error()));
  if (!subject) return seen;
  auto reader = (*subject)->reader();
  for (const share::Part& part : (*subject)->parts()) {
    const auto unread = (*reader)->read(part, [&](const share::PageBatch& batch) {
      seen.pages += batch.count();
      for (const share::PageFacts& facts : batch.facts) {
        seen.ksm += facts.ksm ? 1 : 0;
        seen.huge += facts.huge ? 1 : 0;
      }
    });
    EXPECT_TRUE(unread.has_value()) << (unread ? "" : error_line(unread.error()));
    if (unread) seen.unread += *unread;
  }
  return seen;
}

// The careless way.
void read_by_process_vm_readv(int pid, const std::byte* address) {
  std::vector<std::byte> out(kMemory);
  const iovec local{.iov_base = out.data(), .iov_len = out.size()};
  const iovec remote{.iov_base = const_cast<std::byte*>(address), .iov_len = out.size()};
  EXPECT_EQ(::process_vm_readv(pid, &local, 1, &remote, 1, 0), static_cast<ssize_t>(kMemory));
}

std::uint64_t minor_faults(const Child& child) {
  // Field 10, counted after the name in parentheses.
  const std::string stat = live::read_text(child.file("stat"));
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string field;
  for (int i = 3; i <= 10; ++i) fields >> field;
  return std::stoull(field);
}

class ShareHarmless : public testing::Test {
 protected:
  void SetUp() override {
    BRIM_NEEDS(::geteuid() == 0, "needs root: page flags, swapon and KSM's knobs");
  }
};

TEST_F(ShareHarmless, Merged_pages_stay_merged) {
  const live::KsmRunning ksm;
  BRIM_NEEDS(ksm.works(), "this kernel has no KSM");
  std::byte* const memory = live::map_anonymous(kMemory);
  Child child([memory] {
    ::madvise(memory, kMemory, MADV_NOHUGEPAGE);
    for (std::size_t i = 0; i < kMemory; i += kPageSize)
      live::fill_page(memory + i, i / kPageSize % 4);
    ::madvise(memory, kMemory, MADV_MERGEABLE);
  });
  ASSERT_TRUE(eventually([&] { return live::merged_pages(child.pid()) >= kMemoryPages - 40; }))
      << live::merged_pages(child.pid());
  const live::Setting still("/sys/kernel/mm/ksm/run", "0");  // nothing merges again behind our back
  const std::uint64_t merged = live::merged_pages(child.pid());
  const auto before = read_numbers(child.file("smaps_rollup"));
  const Seen seen = read_whole(child.pid());
  EXPECT_GE(seen.ksm, kMemoryPages - 40);
  EXPECT_EQ(live::merged_pages(child.pid()), merged);
  const auto after = read_numbers(child.file("smaps_rollup"));
  // The test's own heap, which the child shares copy-on-write, moves Pss by a few pages.
  EXPECT_LT(after.at("Pss"), before.at("Pss") + 256);
  EXPECT_EQ(after.at("Rss"), before.at("Rss"));

  read_by_process_vm_readv(child.pid(), memory);
  EXPECT_GT(read_numbers(child.file("smaps_rollup")).at("Pss"),
            before.at("Pss") + kMemory / 1024 / 2)
      << "process_vm_readv no longer unmerges: this test proves nothing on this kernel";
  ::munmap(memory, kMemory);
}

TEST_F(ShareHarmless, Swapped_pages_stay_swapped) {
  const live::SwapFile swap;
  BRIM_NEEDS(swap.works(), "a swap file can't be made and switched on here");
  std::byte* const memory = live::map_anonymous(kMemory);
  Child child([memory] {
    for (std::size_t i = 0; i < kMemory; i += kPageSize) live::fill_page(memory + i, i);
    for (int i = 0; i < 5; ++i) ::madvise(memory, kMemory, MADV_PAGEOUT);
  });
  const auto before = read_numbers(child.file("status"));
  ASSERT_GE(before.at("VmSwap"), kMemory / 1024 / 2) << "MADV_PAGEOUT did not page out";
  const std::uint64_t faults = minor_faults(child);
  const Seen seen = read_whole(child.pid());
  const auto after = read_numbers(child.file("status"));
  EXPECT_EQ(after.at("VmSwap"), before.at("VmSwap"));
  EXPECT_LE(after.at("VmRSS"), before.at("VmRSS"));
  EXPECT_EQ(minor_faults(child), faults);
  EXPECT_GE(seen.unread.swapped, before.at("VmSwap") * 1024 / kPageSize);

  read_by_process_vm_readv(child.pid(), memory);
  EXPECT_LT(read_numbers(child.file("status")).at("VmSwap"), before.at("VmSwap"));
  ::munmap(memory, kMemory);
}

TEST_F(ShareHarmless, Untouched_memory_stays_untouched) {
  std::byte* const memory = live::map_anonymous(kMemory);
  Child child([memory] { ::madvise(memory, kMemory, MADV_NOHUGEPAGE); },
              [memory](char) {
                for (std::size_t i = 0; i < kMemory; i += kPageSize) memory[i] = std::byte{1};
              });
  const auto before = read_numbers(child.file("status"));
  const auto tables = before.at("VmPTE");
  const std::uint64_t faults = minor_faults(child);
  const Seen seen = read_whole(child.pid());
  const auto after = read_numbers(child.file("status"));
  EXPECT_EQ(after.at("VmRSS"), before.at("VmRSS"));
  EXPECT_EQ(after.at("VmPTE"), tables);
  EXPECT_EQ(minor_faults(child), faults);
  EXPECT_GE(seen.unread.absent, kMemoryPages);

  child.tell('t');
  EXPECT_GE(read_numbers(child.file("status")).at("VmRSS"),
            before.at("VmRSS") + kMemory / 1024 / 2);
  EXPECT_GE(read_whole(child.pid()).pages, seen.pages + kMemoryPages);
  ::munmap(memory, kMemory);
}

TEST_F(ShareHarmless, A_file_mapping_is_not_faulted_in) {
  std::string path = "/var/tmp/brim-file-XXXXXX";
  const int fd = ::mkstemp(path.data());
  BRIM_NEEDS(fd >= 0, "no temporary file can be made");
  ::unlink(path.c_str());
  const std::vector<char> bytes(kMemory, 'x');
  ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(kMemory));
  void* const file = ::mmap(nullptr, kMemory, PROT_READ, MAP_SHARED, fd, 0);
  // Half of it is read by the child; the other half is in the page cache but not mapped.
  Child child([file] {
    ::madvise(file, kMemory, MADV_RANDOM);  // no fault-around
    volatile const char* const at = static_cast<const char*>(file);
    for (std::size_t i = 0; i < kMemory / 2; i += kPageSize) (void)at[i];
  });
  const auto before = read_numbers(child.file("status"));
  const std::uint64_t faults = minor_faults(child);
  (void)read_whole(child.pid());
  EXPECT_EQ(read_numbers(child.file("status")).at("RssFile"), before.at("RssFile"));
  EXPECT_EQ(minor_faults(child), faults);

  read_by_process_vm_readv(child.pid(), static_cast<const std::byte*>(file));
  EXPECT_GT(read_numbers(child.file("status")).at("RssFile"),
            before.at("RssFile") + kMemory / 1024 / 4);
  ::munmap(file, kMemory);
  ::close(fd);
}

TEST_F(ShareHarmless, A_sparse_memfd_is_not_allocated) {
  const int fd = ::memfd_create("brim-test", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, kMemory), 0);
  void* const mapped = ::mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  Child child([mapped] {
    for (std::size_t i = 0; i < kMemory / 4; i += kPageSize) static_cast<char*>(mapped)[i] = 'x';
  });
  const auto blocks = [fd] {
    struct stat status {};
    ::fstat(fd, &status);
    return status.st_blocks;
  };
  const auto before = blocks();
  ASSERT_GE(before, static_cast<long>(kMemory / 4 / 512));
  ASSERT_LT(before, static_cast<long>(kMemory / 512));
  const Seen seen = read_whole(child.pid());
  EXPECT_EQ(blocks(), before);
  EXPECT_GE(seen.pages, kMemoryPages / 4);

  read_by_process_vm_readv(child.pid(), static_cast<const std::byte*>(mapped));
  EXPECT_GT(blocks(), before);
  ::munmap(mapped, kMemory);
  ::close(fd);
}

TEST_F(ShareHarmless, Huge_pages_stay_whole) {
  const live::Setting enabled("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
  BRIM_NEEDS(enabled.set(), "this kernel has no transparent huge pages");
  std::byte* const room = live::map_anonymous(kMemory + kHugePageSize);
  std::byte* const memory =
      room + (kHugePageSize - reinterpret_cast<std::uintptr_t>(room) % kHugePageSize);
  Child child(
      [memory] {
        ::madvise(memory, kMemory, MADV_HUGEPAGE);
        for (std::size_t i = 0; i < kMemory; i += kPageSize) live::fill_page(memory + i, i);
      },
      [memory](char) { ::madvise(memory + kPageSize, kPageSize, MADV_DONTNEED); });
  const std::uint64_t huge = read_numbers(child.file("smaps_rollup")).at("AnonHugePages");
  BRIM_NEEDS(huge > 0, "no huge page is free");
  const std::uint64_t faults = minor_faults(child);
  const Seen seen = read_whole(child.pid());
  EXPECT_EQ(read_numbers(child.file("smaps_rollup")).at("AnonHugePages"), huge);
  EXPECT_EQ(minor_faults(child), faults);
  EXPECT_GE(seen.huge, huge * 1024 / kPageSize);

  child.tell('s');  // splits one
  EXPECT_LT(read_numbers(child.file("smaps_rollup")).at("AnonHugePages"), huge);
  ::munmap(room, kMemory + kHugePageSize);
}

}  // namespace
}  // namespace brim
