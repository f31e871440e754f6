// SPDX-License-Identifier: Apache-2.0
#include "host/child.h"

#include "host/libvirt.h"
#include "host/scratch_directory.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace brim::host {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;  // NOLINT: literals

TEST(Child, What_it_returns_comes_back_whole) {
  const std::string text = std::string(100000, 'x') + std::string("\0y", 2);
  EXPECT_EQ(run_in_child([&] { return std::string(text); }, 10s), text);
  EXPECT_EQ(run_in_child([] { return std::string(); }, 10s), "");
}

TEST(Child, One_that_hangs_is_killed_with_what_it_started) {
  const ScratchDirectory directory;
  const auto said = run_in_child(
      [&]() -> std::string {
        const int grandchild = ::fork();
        if (grandchild != 0) directory.write("pid", std::to_string(grandchild));
        for (;;) ::pause();
      },
      300ms);
  ASSERT_FALSE(said);
  EXPECT_THAT(said.error().what, HasSubstr("300 ms"));
  const int grandchild = std::atoi(directory.read("pid").c_str());
  ASSERT_GT(grandchild, 0);
  for (int i = 0; i < 1000 && ::kill(grandchild, 0) == 0; ++i) {
    // Gone, or a zombie until whoever adopted it looks.
    const std::string stat = "/proc/" + std::to_string(grandchild) + "/stat";
    std::ifstream file(stat);
    std::string number;
    std::string name;
    std::string state;
    if (file >> number >> name >> state && state == "Z") return;
    ::usleep(2000);
  }
  EXPECT_NE(::kill(grandchild, 0), 0);
}

TEST(Child, One_that_crashes_or_never_ends_its_answer_is_an_error) {
  const auto crashed = run_in_child(
      []() -> std::string {
        ::raise(SIGKILL);
        return "";
      },
      10s);
  ASSERT_FALSE(crashed);
  EXPECT_THAT(crashed.error().what, HasSubstr("signal 9"));
  EXPECT_FALSE(run_in_child([] { return std::string(kMaximumChildOutput + 1, 'x'); }, 10s));
}

TEST(Child, An_exception_ends_it_and_nothing_of_the_caller_runs_twice) {
  const auto said =
      run_in_child([]() -> std::string { throw std::runtime_error("not caught"); }, 10s);
  ASSERT_FALSE(said);
  EXPECT_THAT(said.error().what, HasSubstr("failed"));
}

// Makes this process's calls of it fail as on a kernel that has none.
bool take_away(unsigned call) {
  std::array<sock_filter, 4> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{program.size(), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(Child, Without_pidfd_open_its_end_is_seen_all_the_same) {
  const auto said = run_in_child(
      []() -> std::string {
        if (!take_away(SYS_pidfd_open)) return "the filter was refused";
        const auto inner = run_in_child([] { return std::string("done"); }, 5s);
        if (!inner) return error_line(inner.error());
        const auto hung = run_program({"sh", "-c", "exec >&-; exec sleep 60"}, 100ms);
        return hung ? "a program that hangs was waited for" : *inner;
      },
      10s);
  ASSERT_TRUE(said) << error_line(said.error());
  EXPECT_EQ(*said, "done");
}

TEST(Child, Programs_answer_fail_hang_or_are_missing) {
  EXPECT_EQ(run_program({"echo", "a b"}, 10s), "a b\n");
  EXPECT_EQ(run_program({"false"}, 10s).error().code, ErrorCode::io);
  EXPECT_EQ(run_program({"brim-no-such-program"}, 10s).error().code, ErrorCode::missing);
  EXPECT_THAT(run_program({"sleep", "60"}, 50ms).error().what, HasSubstr("50 ms"));
  // Closing its output is not ending.
  EXPECT_THAT(run_program({"sh", "-c", "exec >&-; exec sleep 60"}, 200ms).error().what,
              HasSubstr("200 ms"));
}

TEST(Libvirt, The_library_lists_the_domains_of_its_test_driver) {
  const auto domains = list_libvirt_domains("test:///default", 10s);
  ASSERT_TRUE(domains) << error_line(domains.error());
  ASSERT_EQ(domains->size(), 1u);
  EXPECT_EQ(domains->front().name, "test");
  EXPECT_EQ(domains->front().uuid.size(), 36u);
  EXPECT_EQ(domains->front().memory, gibibytes(8));
}

TEST(Libvirt, An_unknown_driver_is_an_error_and_prints_nothing) {
  ::testing::internal::CaptureStderr();
  const auto domains = list_libvirt_domains("nonsense:///x", 10s);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ASSERT_FALSE(domains);
  EXPECT_EQ(domains.error().code, ErrorCode::missing);
}

TEST(Libvirt, Pid_files_give_names_and_nonsense_in_them_gives_none) {
  const ScratchDirectory root;
  root.write("run/libvirt/qemu/web.1.pid", "2101\n");
  root.write("run/libvirt/qemu/bad.pid", "x");
  root.write("run/libvirt/qemu/huge.pid", "99999999999");
  root.write("run/libvirt/qemu/web.xml", "<x/>");
  const auto host = Host::open(root.path());
  ASSERT_TRUE(host);
  EXPECT_THAT(read_libvirt_pid_files(*host),
              ::testing::ElementsAre(::testing::Pair(2101, "web.1")));
  EXPECT_EQ(list_system_domains(*host, 10s).error().code, ErrorCode::missing);
}

}  // namespace
}  // namespace brim::host
