// SPDX-License-Identifier: Apache-2.0
#include "host/process.h"

#include "host/scratch_directory.h"
#include "host/test_processes.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>

namespace brim::host {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

Process opened(const Host& host, int pid) {
  auto process = Process::open(host, pid);
  EXPECT_TRUE(process) << error_line(process.error());
  return std::move(process).value();
}

const SmapsEntry* holding(const std::vector<SmapsEntry>& entries, std::uint64_t address) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const SmapsEntry& entry) {
    return entry.mapping.start <= address && address < entry.mapping.end;
  });
  return found == entries.end() ? nullptr : &*found;
}

class ProcessFixture : public ::testing::TestWithParam<const char*> {};

TEST_P(ProcessFixture, Every_process_tells_the_same_in_all_its_files) {
  const Host host = fixture(GetParam());
  const auto pids = list_pids(host);
  ASSERT_TRUE(pids);
  ASSERT_GE(pids->size(), 3U);
  EXPECT_TRUE(std::is_sorted(pids->begin(), pids->end()));
  for (const int pid : *pids) {
    const Process process = opened(host, pid);
    const auto stat = process.stat();
    const auto status = process.status();
    const auto maps = process.maps();
    const auto smaps = process.smaps();
    ASSERT_TRUE(stat && status && maps && smaps) << pid;
    EXPECT_EQ(stat->pid, pid);
    EXPECT_EQ(stat->name, status->name);
    EXPECT_EQ(stat->rss_pages * kPageSize, status->vm_rss_bytes);
    ASSERT_EQ(maps->size(), smaps->size());
    EXPECT_EQ(status->kernel_thread, maps->empty());
    if (maps->empty()) continue;
    const auto rollup = process.smaps_rollup();
    ASSERT_TRUE(rollup) << error_line(rollup.error());
    std::uint64_t rss = 0;
    std::uint64_t pss = 0;
    for (std::size_t i = 0; i < smaps->size(); ++i) {
      EXPECT_EQ(smaps->at(i).mapping.start, maps->at(i).start);
      EXPECT_EQ(smaps->at(i).mapping.path, maps->at(i).path);
      EXPECT_LE(smaps->at(i).pss_bytes, smaps->at(i).rss_bytes);
      EXPECT_LE(smaps->at(i).rss_bytes, maps->at(i).bytes());
      rss += smaps->at(i).rss_bytes;
      pss += smaps->at(i).pss_bytes;
    }
    EXPECT_EQ(rss, rollup->rss_bytes);
    EXPECT_EQ(pss, rollup->pss_bytes);
    EXPECT_EQ(rollup->pss_bytes,
              rollup->pss_anon_bytes + rollup->pss_file_bytes + rollup->pss_shmem_bytes);
    EXPECT_TRUE(process.cgroups());
    EXPECT_TRUE(process.executable());
  }
}

INSTANTIATE_TEST_SUITE_P(Hosts, ProcessFixture,
                         ::testing::Values("debian-6.1", "debian-6.18-hybrid", "cgroup-v2",
                                           "no-ksm"));

TEST(ProcessOfFixture, A_virtual_machine_of_6_1_is_read) {
  const Process process = opened(fixture("debian-6.1"), 2101);
  EXPECT_EQ(process.start_ticks(), 98121U);
  EXPECT_TRUE(process.check_alive());
  EXPECT_EQ(process.stat()->name, "qemu-system-x86");
  EXPECT_EQ(process.executable().value(), "/usr/bin/qemu-system-x86_64");
  EXPECT_THAT(process.command_line().value(),
              IsSupersetOf({"-name", "guest=web1,debug-threads=on", "size=2097152k"}));
  EXPECT_THAT(process.cgroups()->at(""), HasSubstr("machine-qemu\\x2d1\\x2dweb1.scope"));
  EXPECT_EQ(process.status()->uid, 64055U);
  const auto smaps = process.smaps();
  const SmapsEntry* ram = holding(*smaps, 0x7fa26be00000);
  ASSERT_NE(ram, nullptr);
  EXPECT_EQ(ram->mapping.bytes(), 2ULL << 30);
  EXPECT_TRUE(ram->has_flag("mg"));
  EXPECT_FALSE(ram->ksm_bytes);  // 6.1 has no such line
  EXPECT_FALSE(process.smaps_rollup()->ksm_bytes);
  EXPECT_EQ(process.ksm_stat()->rmap_items, 412800U);
  EXPECT_FALSE(process.ksm_stat()->merging_pages);
}

TEST(ProcessOfFixture, Newer_kernels_tell_more_and_kernels_without_KSM_less) {
  const Process newer = opened(fixture("debian-6.18-hybrid"), 4242);
  EXPECT_EQ(newer.smaps_rollup()->ksm_bytes, 44U * 1024);
  EXPECT_EQ(newer.ksm_stat()->process_profit_bytes, -2052096);
  EXPECT_EQ(newer.cgroups()->at("memory"), "/lab/tiny");
  EXPECT_EQ(newer.cgroups()->at(""), "/lab");
  const Process without = opened(fixture("no-ksm"), 812);
  const auto missing = without.ksm_stat();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::missing);
  EXPECT_THAT(missing.error().where, HasSubstr("no-ksm/proc/812/ksm_stat"));
}

TEST(ProcessOfFixture, Kernel_threads_have_no_arguments_and_no_executable) {
  const Process thread = opened(fixture("debian-6.1"), 61);
  EXPECT_TRUE(thread.command_line()->empty());
  EXPECT_EQ(thread.executable().error().code, ErrorCode::missing);
  EXPECT_TRUE(thread.status()->kernel_thread);
}

TEST(ProcessOfFixture, Its_files_can_not_lead_out_of_the_tree) {
  const ScratchDirectory root;
  root.write("proc/7/stat", "7 (a) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 4096 1\n");
  root.write("etc/inside", "of the tree");
  ASSERT_TRUE(std::filesystem::exists("/proc/self/stat"));
  std::filesystem::create_symlink("/proc/self/stat", root / "proc/7/exe");
  std::filesystem::create_symlink("../../etc/inside", root / "proc/7/upwards");
  const Process process = opened(std::move(Host::open(root.path())).value(), 7);
  EXPECT_TRUE(process.read_file("stat"));
  // Files that are there, of the real machine and of the tree outside /proc/7.
  EXPECT_FALSE(process.open_file("exe", O_RDONLY));
  EXPECT_FALSE(process.read_file("../../../../../../../../proc/self/stat"));
  EXPECT_FALSE(process.read_file("upwards"));
}

TEST(ProcessOfFixture, A_number_taken_by_another_process_is_gone) {
  std::string root = ::testing::TempDir() + "brim-process-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  std::filesystem::create_directories(root + "/proc/7");
  const auto write_stat = [&](char state, int start) {
    std::ofstream(root + "/proc/7/stat")
        << "7 (a) " << state << " 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " << start << " 4096 1\n";
  };
  write_stat('S', 100);
  const Process process = opened(std::move(Host::open(root)).value(), 7);
  EXPECT_TRUE(process.check_alive());
  write_stat('S', 101);
  EXPECT_EQ(process.check_alive().error().code, ErrorCode::gone);
  write_stat('Z', 100);
  EXPECT_EQ(process.check_alive().error().code, ErrorCode::gone);
  std::filesystem::remove(root + "/proc/7/stat");
  EXPECT_EQ(process.check_alive().error().code, ErrorCode::gone);
  EXPECT_EQ(process.maps().error().code, ErrorCode::gone);
  std::filesystem::remove_all(root);
}

TEST(ProcessLive, Numbers_that_are_no_process_are_errors) {
  const Host host = live_host();
  EXPECT_EQ(Process::open(host, 0).error().code, ErrorCode::bad_input);
  EXPECT_EQ(Process::open(host, -1).error().code, ErrorCode::bad_input);
  const auto none = Process::open(host, 0x7fffffff);  // above any pid_max
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::missing);
  EXPECT_THAT(error_line(none.error()), HasSubstr("no process 2147483647"));
}

TEST(ProcessLive, This_process_is_listed_and_reads_itself) {
  const Host host = live_host();
  EXPECT_THAT(list_pids(host).value(), Contains(::getpid()));
  const Process self = opened(host, ::getpid());
  EXPECT_EQ(self.stat()->parent, ::getppid());
  EXPECT_EQ(self.status()->uid, ::getuid());
  EXPECT_FALSE(self.status()->kernel_thread);
  EXPECT_EQ(self.executable().value(), std::filesystem::read_symlink("/proc/self/exe").string());
  EXPECT_FALSE(self.command_line()->empty());
  EXPECT_GT(self.smaps_rollup()->rss_bytes, 0U);
  EXPECT_FALSE(self.cgroups()->empty());
  EXPECT_EQ(self.read_file("no such file").error().code, ErrorCode::missing);
}

TEST(ProcessLive, Memory_registered_for_merging_is_flagged_mg) {
  const OwnPages pages(8);
  pages.touch(0, 1);
  const Process self = opened(live_host(), ::getpid());
  const auto before = self.smaps();
  ASSERT_TRUE(before);
  ASSERT_NE(holding(*before, pages.address()), nullptr);
  EXPECT_FALSE(holding(*before, pages.address())->has_flag("mg"));
  if (::madvise(pages.at(0), 8 * kPageSize, MADV_MERGEABLE) != 0)
    GTEST_SKIP() << "this kernel has no KSM";
  const auto after = self.smaps();
  ASSERT_TRUE(after);
  const SmapsEntry* entry = holding(*after, pages.address());
  ASSERT_NE(entry, nullptr);
  EXPECT_TRUE(entry->has_flag("mg"));
  EXPECT_TRUE(entry->mapping.anonymous());
  EXPECT_FALSE(entry->mapping.shared);
}

TEST(ProcessLive, Only_touched_pages_are_resident) {
  const OwnPages pages(64);
  for (std::size_t page = 0; page < 5; ++page) pages.touch(page, 1);
  // A fence on both sides keeps the kernel from joining the mapping with its neighbours.
  ::mprotect(pages.at(0), kPageSize, PROT_NONE);
  ::mprotect(pages.at(63), kPageSize, PROT_NONE);
  const auto smaps = opened(live_host(), ::getpid()).smaps();
  ASSERT_TRUE(smaps);
  const SmapsEntry* entry = holding(*smaps, pages.address() + kPageSize);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->mapping.bytes(), 62 * kPageSize);
  EXPECT_EQ(entry->rss_bytes, 4 * kPageSize);
  EXPECT_EQ(entry->anonymous_bytes, 4 * kPageSize);
}

TEST(ProcessLive, A_memfd_shows_its_name_even_with_spaces_and_newlines) {
  const Fd file(::memfd_create("guest ram\nof vm", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.get(), 2 * kPageSize), 0);
  const OwnPages pages(2, MAP_SHARED, file.get());
  const auto maps = opened(live_host(), ::getpid()).maps();
  ASSERT_TRUE(maps);
  const auto found = std::find_if(maps->begin(), maps->end(),
                                  [&](const Mapping& m) { return m.start == pages.address(); });
  ASSERT_NE(found, maps->end());
  EXPECT_EQ(found->path, "/memfd:guest ram\nof vm (deleted)");
  EXPECT_TRUE(found->shared);
  EXPECT_FALSE(found->anonymous());
}

TEST(ProcessLive, A_killed_process_is_gone_as_zombie_and_after) {
  const Host host = live_host();
  WaitingChild child;
  const Process process = opened(host, child.pid());
  EXPECT_TRUE(process.check_alive());
  EXPECT_TRUE(process.maps());
  const int pid = child.pid();
  child.kill();
  EXPECT_EQ(process.check_alive().error().code, ErrorCode::gone);
  EXPECT_EQ(Process::open(host, pid).error().code, ErrorCode::gone);
  child.reap();
  EXPECT_EQ(process.check_alive().error().code, ErrorCode::gone);
  EXPECT_EQ(process.maps().error().code, ErrorCode::gone);
  EXPECT_EQ(process.smaps_rollup().error().code, ErrorCode::gone);
  EXPECT_EQ(process.executable().error().code, ErrorCode::gone);
  EXPECT_EQ(process.stat().error().code, ErrorCode::gone);
  EXPECT_EQ(process.open_file("pagemap", O_RDONLY).error().code, ErrorCode::gone);
}

TEST(ProcessLive, A_kernel_thread_has_no_memory_which_is_not_gone) {
  const auto thread = Process::open(live_host(), 2);
  if (!thread || !thread->status() || !thread->status()->kernel_thread)
    GTEST_SKIP() << "no kernel threads in this pid namespace";
  const auto rollup = thread->smaps_rollup();
  ASSERT_FALSE(rollup);
  EXPECT_NE(rollup.error().code, ErrorCode::gone);
  EXPECT_TRUE(thread->command_line()->empty());
}

// What another user may not see. A child that has dropped root looks at this process.
TEST(ProcessLive, Another_users_process_is_denied_with_what_would_help) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const pid_t target = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(10);
    const auto host = Host::open("/");
    const auto process = Process::open(*host, target);
    if (!process) ::_exit(11);
    const auto smaps = process->smaps();
    if (smaps || smaps.error().code != ErrorCode::denied) ::_exit(12);
    if (smaps.error().what.find("CAP_SYS_PTRACE") == std::string::npos) ::_exit(13);
    const auto exe = process->executable();
    if (exe || exe.error().code != ErrorCode::denied) ::_exit(14);
    if (!process->check_alive()) ::_exit(15);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "exit status " << WEXITSTATUS(status);
}

// A root without capabilities, as in a container, looks at another user's process.
TEST(ProcessLive, What_even_root_may_not_is_not_answered_with_become_root) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give its capabilities up";
  const pid_t target = ::fork();
  if (target == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(10);
    while (true) ::pause();
  }
  const Process process = opened(live_host(), target);
  for (int i = 0; i < 1000 && process.status()->uid != 65534; ++i) ::usleep(1000);
  const pid_t child = ::fork();
  if (child == 0) {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct nothing[2] = {};
    if (::syscall(SYS_capset, &header, nothing) != 0) ::_exit(10);
    const auto smaps = process.smaps();
    if (smaps || smaps.error().code != ErrorCode::denied) ::_exit(11);
    ::_exit(smaps.error().what.find("not even root") == std::string::npos ? 12 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "exit status " << WEXITSTATUS(status);
  ::kill(target, SIGKILL);
  EXPECT_EQ(::waitpid(target, nullptr, 0), target);
}

}  // namespace
}  // namespace brim::host
