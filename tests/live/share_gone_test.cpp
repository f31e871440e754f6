// SPDX-License-Identifier: Apache-2.0
// Processes that are gone, or others, while they are read.
#include "planted_memory.h"

#include <array>

#include <linux/sched.h>
#include <sys/syscall.h>

namespace brim::live {
namespace {

// What becomes of a reader when `change` is done to its process between two parts.
Error error_after(const std::function<void(Child&)>& change, Child& child, std::byte* memory) {
  const auto subject = planted_memory(child.pid(), memory);
  auto reader = subject->reader();
  std::uint64_t pages = 0;
  const auto count = [&pages](const share::PageBatch& batch) { pages += batch.count(); };
  EXPECT_TRUE((*reader)->read(subject->parts()[0], count).has_value());
  EXPECT_EQ(pages, kAll);
  change(child);
  const auto second = (*reader)->read(subject->parts()[0], count);
  EXPECT_FALSE(second.has_value());
  EXPECT_EQ(pages, kAll) << "pages were delivered of a process that was gone";
  std::array<std::byte, kPageSize> page;
  EXPECT_FALSE((*reader)->reread(subject->parts()[0].first_page, page).has_value());
  return second ? Error{} : second.error();
}

TEST_F(ShareKsm, A_process_that_exits_meanwhile_is_gone) {
  std::byte* const memory = map_anonymous(kBytes);
  Child child([memory] { plant(memory, 0); });
  const Error error = error_after([](Child& victim) { victim.stop(); }, child, memory);
  EXPECT_EQ(error.code, ErrorCode::gone);
  EXPECT_NE(error.what.find("exited"), std::string::npos) << error.what;
  ::munmap(memory, kBytes);
}

TEST_F(ShareKsm, A_process_that_execs_meanwhile_is_gone) {
  std::byte* const memory = map_anonymous(kBytes);
  Child child([memory] { plant(memory, 0); },
              [](char) { ::execl("/bin/sleep", "sleep", "60", nullptr); });
  const Error error = error_after(
      [](Child& victim) {
        victim.tell('x');
        EXPECT_TRUE(eventually([&victim] { return read_text(victim.file("comm")) == "sleep\n"; }));
      },
      child, memory);
  EXPECT_EQ(error.code, ErrorCode::gone);
  EXPECT_NE(error.what.find("exec'd"), std::string::npos) << error.what;
  ::munmap(memory, kBytes);
}

// A child with this process number, free at the moment; it only waits. 0 where the system won't.
pid_t fork_as(pid_t pid) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<std::uintptr_t>(&pid);
  arguments.set_tid_size = 1;
  const auto made = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (made != 0) return made > 0 ? made : 0;
  for (;;) ::pause();
}

TEST_F(ShareKsm, A_pid_that_another_process_took_meanwhile_is_not_read) {
  std::byte* const memory = map_anonymous(kBytes);
  Child child([memory] { plant(memory, 0); });
  const pid_t pid = child.pid();
  pid_t taker = 0;
  const Error error = error_after(
      [&](Child& victim) {
        victim.stop();
        taker = fork_as(pid);
      },
      child, memory);
  BRIM_NEEDS(taker == pid, "clone3 with a chosen process number needs CAP_CHECKPOINT_RESTORE");
  EXPECT_EQ(error.code, ErrorCode::gone) << error_line(error);
  ::kill(taker, SIGKILL);
  ::waitpid(taker, nullptr, 0);
  ::munmap(memory, kBytes);
}

}  // namespace
}  // namespace brim::live
