// SPDX-License-Identifier: Apache-2.0
// A scan of real processes and virtual machines against what was planted in them: the potential is
// exact, merged pages are counted as merged, and the rest goes to the cause that was arranged.
#include "host/frame_table.h"
#include "host/host.h"
#include "host/qemu.h"
#include "share/measure/process_subject.h"
#include "share/measure/scan.h"
#include "share_child.h"

#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <numeric>
#include <thread>

#include <linux/sched.h>
#include <sys/syscall.h>

namespace brim {
namespace {

using live::Child;
using share::Cause;

constexpr std::uint64_t kEqual = 600;   // pages of one content in each child, more than a KSM chain
constexpr std::uint64_t kUnique = 300;  // in each child
constexpr std::uint64_t kZero = 200;
constexpr std::uint64_t kAll = kEqual + kUnique + kZero;
constexpr std::size_t kBytes = kAll * kPageSize;

void plant(std::byte* memory, std::uint64_t child) {
  std::memset(memory, 1, kBytes);  // present, zero pages too
  for (std::uint64_t page = 0; page < kAll; ++page) {
    std::byte* const at = memory + page * kPageSize;
    if (page < kEqual) {
      live::fill_page(at, 1);
    } else if (page < kEqual + kUnique) {
      live::fill_page(at, 1000 * (child + 1) + page);
    } else {
      std::memset(at, 0, kPageSize);
    }
  }
}

// Only the planted memory of a process, as a VM's guest RAM would be.
std::unique_ptr<share::Subject> planted_memory(int pid, const std::byte* memory) {
  const auto host = host::Host::open("/");
  const auto process = host::Process::open(*host, pid);
  host::VirtualMachine machine;
  machine.pid = pid;
  machine.start_ticks = process ? process->start_ticks() : 0;
  machine.name = "child";
  const auto start = reinterpret_cast<std::uint64_t>(memory);
  machine.ram = {
      {.start = start, .end = start + kBytes, .shared = false, .identified_by = "the test"}};
  auto subject = share::open_vm_subject(*host, machine);
  EXPECT_TRUE(subject.has_value()) << (subject ? "" : error_line(subject.error()));
  return subject ? std::move(*subject) : nullptr;
}

share::ScanResult scan(std::vector<std::unique_ptr<share::Subject>> subjects) {
  share::ScanOptions options;
  options.threads = 2;
  Progress silent;
  const Cancel cancel;
  auto result = share::scan(subjects, options, Rng(1), silent, cancel);
  EXPECT_TRUE(result.has_value()) << (result ? "" : error_line(result.error()));
  return result ? std::move(*result) : share::ScanResult{};
}

std::uint64_t under(const share::ScanResult& result, Cause cause) {
  return result.unrealized_by_cause[static_cast<std::size_t>(cause)];
}

void expect_planted_potential(const share::ScanResult& result) {
  ASSERT_EQ(result.results.size(), 1U);
  const share::Potential& potential = result.results[0].potential;
  EXPECT_EQ(potential.zero_pages.value, 2 * kZero);
  EXPECT_EQ(potential.used_pages.value, 2 * (kEqual + kUnique));
  EXPECT_EQ(potential.minimum_pages.value, 1 + 2 * kUnique);
  EXPECT_EQ(potential.intra_saving_pages.value, 2 * (kEqual - 1));
  EXPECT_EQ(potential.inter_saving_pages.value, 1);
  EXPECT_EQ(std::accumulate(result.unrealized_by_cause.begin(), result.unrealized_by_cause.end(),
                            std::uint64_t{0}),
            result.unrealized_pages);
  EXPECT_EQ(result.unrealized_pages + result.real.saved_pages, 2 * kEqual - 1);
}

class ShareKsm : public testing::Test {
 protected:
  void SetUp() override { BRIM_NEEDS(::geteuid() == 0, "needs root: page flags and KSM's knobs"); }
};

// Two children with planted memory that `map` makes in each of them, scanned.
share::ScanResult scan_two(
    std::byte* memory, const std::function<void()>& prepare_more = [] {}) {
  std::vector<std::unique_ptr<Child>> children;
  std::vector<std::unique_ptr<share::Subject>> subjects;
  for (std::uint64_t number = 0; number < 2; ++number) {
    children.push_back(std::make_unique<Child>([&] {
      ::madvise(memory, kBytes, MADV_NOHUGEPAGE);
      prepare_more();
      plant(memory, number);
    }));
    subjects.push_back(planted_memory(children.back()->pid(), memory));
    if (!subjects.back()) return {};
  }
  return scan(std::move(subjects));
}

TEST_F(ShareKsm, Merged_pages_are_counted_as_merged_and_the_rest_adds_up) {
  const live::KsmRunning ksm;
  BRIM_NEEDS(ksm.works(), "this kernel has no KSM");
  std::byte* const memory = live::map_anonymous(kBytes);
  std::vector<std::unique_ptr<Child>> children;
  for (std::uint64_t number = 0; number < 2; ++number) {
    children.push_back(std::make_unique<Child>([&] {
      ::madvise(memory, kBytes, MADV_NOHUGEPAGE);
      plant(memory, number);
      ::madvise(memory, kBytes, MADV_MERGEABLE);
    }));
  }
  ASSERT_TRUE(live::eventually([&] {
    return live::merged_pages(children[0]->pid()) + live::merged_pages(children[1]->pid()) >=
           2 * kEqual;
  }));
  const live::Setting still("/sys/kernel/mm/ksm/run", "0");
  std::vector<std::unique_ptr<share::Subject>> subjects;
  subjects.reserve(children.size());
  for (const auto& child : children) subjects.push_back(planted_memory(child->pid(), memory));
  const share::ScanResult result = scan(std::move(subjects));
  ASSERT_TRUE(result.has_facts) << result.why_no_facts;
  expect_planted_potential(result);
  EXPECT_GE(result.real.merged_pages, 2 * kEqual - 10);
  EXPECT_LE(result.real.merged_pages, 2 * kEqual);
  // max_page_sharing bounds how many pages a KSM frame stands for.
  EXPECT_EQ(result.real.ksm_saved_pages, result.real.merged_pages - result.real.ksm_frames);
  EXPECT_GE(result.real.saved_pages, 2 * kEqual - 10 - 20);
  ASSERT_TRUE(result.efficiency_percent.has_value());
  EXPECT_GT(*result.efficiency_percent, 95);
  EXPECT_GE(under(result, Cause::max_page_sharing) + 10, result.unrealized_pages);
  ::munmap(memory, kBytes);
}

// Frames of neighbours are not always looked at: what is said of them must be what their flags say.
TEST_F(ShareKsm, What_is_said_of_a_frame_is_what_its_flags_say) {
  const live::KsmRunning ksm;
  BRIM_NEEDS(ksm.works(), "this kernel has no KSM");
  std::byte* const memory = live::map_anonymous(kBytes);
  const Child child([&] {
    ::madvise(memory, kBytes, MADV_NOHUGEPAGE);
    ::madvise(memory, kBytes, MADV_MERGEABLE);
    for (std::uint64_t page = 0; page < kEqual + kUnique; ++page)  // three times two of each
      live::fill_page(memory + page * kPageSize, 1 + page % (kEqual / 2) / 2);
    volatile char seen = 0;
    for (std::uint64_t page = kEqual + kUnique; page < kAll; ++page)  // never written to
      seen = static_cast<char>(memory[page * kPageSize]);
    (void)seen;
  });
  ASSERT_TRUE(live::eventually([&] { return live::merged_pages(child.pid()) >= kEqual; }));
  const live::Setting still("/sys/kernel/mm/ksm/run", "0");
  const auto subject = planted_memory(child.pid(), memory);
  ASSERT_NE(subject, nullptr);
  const auto table = host::FrameTable::open(*host::Host::open("/"));
  ASSERT_TRUE(table.has_value());
  const auto reader = *subject->reader();
  std::uint64_t ksm_pages = 0;
  std::uint64_t zero_pages = 0;
  for (const share::Part& part : subject->parts())
    ASSERT_TRUE(reader->read(part, [&](const share::PageBatch& batch) {
      for (const share::PageFacts& facts : batch.facts) {
        const HostFrame frame(facts.frame);
        std::uint64_t flags = 0;
        std::uint64_t count = 0;
        ASSERT_TRUE(table->read(std::span(&frame, 1), std::span(&flags, 1), std::span(&count, 1)));
        EXPECT_EQ(facts.ksm, host::has(flags, host::PageFlag::ksm)) << facts.frame;
        EXPECT_EQ(facts.zero_frame, host::has(flags, host::PageFlag::zero_page)) << facts.frame;
        EXPECT_EQ(facts.huge, false);
        EXPECT_TRUE(!facts.ksm || facts.map_count == count) << facts.frame;
        ksm_pages += facts.ksm ? 1 : 0;
        zero_pages += facts.zero_frame ? 1 : 0;
      }
    }));
  EXPECT_GE(ksm_pages, kEqual);
  EXPECT_EQ(zero_pages, kZero);
  ::munmap(memory, kBytes);
}

// For ever: marks one page in 64 after the other with its own number, which takes it out of its
// frame, and takes the mark away again: slowly, for ksmd to take it back in.
void mark_pages_in_turn(std::byte* memory) {
  constexpr std::uint64_t kStep = 64;  // of pages read at once the first is read for all
  constexpr auto kPause = std::chrono::milliseconds(1);
  std::uint64_t unmarked = 0;
  std::memcpy(&unmarked, memory, sizeof unmarked);
  const std::uint64_t aligned =
      kStep - reinterpret_cast<std::uintptr_t>(memory) / kPageSize % kStep;
  for (std::uint64_t page = aligned;; page = page + kStep < kAll ? page + kStep : aligned) {
    std::byte* const at = memory + page * kPageSize;
    std::memcpy(at, &page, sizeof page);
    std::this_thread::sleep_for(kPause);
    std::memcpy(at, &unmarked, sizeof unmarked);
    std::this_thread::sleep_for(kPause);
  }
}

// Of pages in one frame only the first is read; one that left it just before must not speak for the
// rest.
TEST_F(ShareKsm, A_page_is_never_said_to_hold_what_only_another_held) {
  const live::KsmRunning ksm;
  BRIM_NEEDS(ksm.works(), "this kernel has no KSM");
  std::byte* const memory = live::map_anonymous(kBytes);
  const Child child([&] {
    ::madvise(memory, kBytes, MADV_NOHUGEPAGE);
    for (std::uint64_t page = 0; page < kAll; ++page) live::fill_page(memory + page * kPageSize, 1);
    ::madvise(memory, kBytes, MADV_MERGEABLE);
    std::thread(mark_pages_in_turn, memory).detach();
  });
  ASSERT_TRUE(live::eventually([&] { return live::merged_pages(child.pid()) > kAll / 2; }));
  const auto subject = planted_memory(child.pid(), memory);
  ASSERT_NE(subject, nullptr);
  const auto reader = *subject->reader();
  std::array<std::byte, kPageSize> page{};
  live::fill_page(page.data(), 1);
  std::uint64_t unmarked = 0;
  std::memcpy(&unmarked, page.data(), sizeof unmarked);
  const std::uint64_t first_page = reinterpret_cast<std::uint64_t>(memory) / kPageSize;
  std::uint64_t copies = 0;
  std::uint64_t wrong = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < end)
    for (const share::Part& part : subject->parts())
      ASSERT_TRUE(reader->read(part, [&](const share::PageBatch& batch) {
        copies += static_cast<std::uint64_t>(std::popcount(batch.copies));
        for (std::size_t i = 0; i < batch.count(); ++i) {
          std::uint64_t told = 0;
          std::memcpy(&told, batch.bytes.data() + i * kPageSize, sizeof told);
          wrong += told != unmarked && told != batch.first_page + i - first_page ? 1 : 0;
        }
      }));
  EXPECT_GT(copies, kAll);
  EXPECT_EQ(wrong, 0U);
  ::munmap(memory, kBytes);
}

TEST_F(ShareKsm, Registered_memory_without_ksmd_is_put_under_ksm_off) {
  const live::Setting off("/sys/kernel/mm/ksm/run", "0");
  BRIM_NEEDS(off.set(), "this kernel has no KSM");
  std::byte* const memory = live::map_anonymous(kBytes);
  const auto result = scan_two(memory, [memory] { ::madvise(memory, kBytes, MADV_MERGEABLE); });
  expect_planted_potential(result);
  EXPECT_EQ(result.real.merged_pages, 0U);
  EXPECT_EQ(under(result, Cause::ksm_off), 2 * kEqual - 1);
  ::munmap(memory, kBytes);
}

TEST_F(ShareKsm, Memory_nobody_registered_is_put_under_not_mergeable) {
  std::byte* const memory = live::map_anonymous(kBytes);
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
  std::byte* const memory = live::map_anonymous(kBytes);
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
  std::byte* const memory = live::map_anonymous(kBytes);
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
  std::byte* const memory = live::map_anonymous(kBytes);
  Child child([memory] { plant(memory, 0); });
  const Error error = error_after([](Child& victim) { victim.stop(); }, child, memory);
  EXPECT_EQ(error.code, ErrorCode::gone);
  EXPECT_NE(error.what.find("exited"), std::string::npos) << error.what;
  ::munmap(memory, kBytes);
}

TEST_F(ShareKsm, A_process_that_execs_meanwhile_is_gone) {
  std::byte* const memory = live::map_anonymous(kBytes);
  Child child([memory] { plant(memory, 0); },
              [](char) { ::execl("/bin/sleep", "sleep", "60", nullptr); });
  const Error error = error_after(
      [](Child& victim) {
        victim.tell('x');
        EXPECT_TRUE(live::eventually(
            [&victim] { return live::read_text(victim.file("comm")) == "sleep\n"; }));
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
  std::byte* const memory = live::map_anonymous(kBytes);
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

// A QEMU that never runs its processor, with a file loaded into its memory.
class Machine {
 public:
  Machine(const std::string& name, const std::string& file, std::uint64_t address)
      : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string loader =
        "loader,file=" + file + ",addr=" + std::to_string(address) + ",force-raw=on";
    ::execlp("qemu-system-x86_64", "qemu-system-x86_64", "-name", name.c_str(), "-accel",
             "tcg,tb-size=8", "-S", "-m", "64", "-nodefaults", "-display", "none", "-device",
             loader.c_str(), nullptr);
    ::_exit(127);
  }
  ~Machine() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

 private:
  pid_t pid_;
};

TEST_F(ShareKsm, Two_virtual_machines_are_found_and_their_planted_memory_is_scanned) {
  BRIM_NEEDS(std::system("command -v qemu-system-x86_64 >/dev/null") == 0,
             "qemu-system-x86_64 is not installed");
  std::vector<std::byte> bytes(kBytes);
  std::vector<std::string> files;
  for (std::uint64_t number = 0; number < 2; ++number) {
    plant(bytes.data(), number);
    std::string path = "/var/tmp/brim-ram-XXXXXX";
    const int fd = ::mkstemp(path.data());
    ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(kBytes));
    ::close(fd);
    files.push_back(path);
  }
  const Machine first("brim-test-1", files[0], 16 << 20);
  const Machine second("brim-test-2", files[1], 16 << 20);
  const auto host = host::Host::open("/");
  std::vector<host::VirtualMachine> machines;
  const auto found = [&] {
    const auto discovery = host::discover_virtual_machines(*host, std::chrono::milliseconds(500));
    machines.clear();
    if (!discovery) return false;
    for (const auto& machine : discovery->machines) {
      if (machine.name.starts_with("brim-test-") && !machine.ram.empty())
        machines.push_back(machine);
    }
    return machines.size() == 2;
  };
  ASSERT_TRUE(live::eventually(found));
  // Guest RAM is mapped before the loader fills it: wait until all of the planted pages are there.
  share::ScanResult result;
  const auto loaded = [&] {
    std::vector<std::unique_ptr<share::Subject>> subjects;
    for (const auto& machine : machines) {
      auto subject = share::open_vm_subject(*host, machine);
      if (!subject) return false;
      subjects.push_back(std::move(*subject));
    }
    result = scan(std::move(subjects));
    return !result.results.empty() &&
           result.results[0].potential.used_pages.value >= 2 * (kEqual + kUnique);
  };
  ASSERT_TRUE(live::eventually(loaded));
  for (const std::string& file : files) std::filesystem::remove(file);
  // Firmware tables aside, which both have alike, the planted figures are all there is.
  const share::Potential& potential = result.results[0].potential;
  const double beside = potential.used_pages.value - 2 * (kEqual + kUnique);
  EXPECT_LE(beside, 400);
  EXPECT_GE(potential.minimum_pages.value, 1 + 2 * kUnique);
  EXPECT_LE(potential.minimum_pages.value, 1 + 2 * kUnique + beside);
  EXPECT_GE(potential.intra_saving_pages.value, 2 * (kEqual - 1));
  EXPECT_LE(potential.intra_saving_pages.value, 2 * (kEqual - 1) + beside);
  EXPECT_GE(potential.inter_saving_pages.value, 1);
  EXPECT_EQ(potential.minimum_pages.value + potential.intra_saving_pages.value +
                potential.inter_saving_pages.value,
            potential.used_pages.value);
  const auto planted =
      std::find_if(result.groups.begin(), result.groups.end(),
                   [](const share::Group& group) { return group.copies == 2 * kEqual; });
  EXPECT_NE(planted, result.groups.end());
}

}  // namespace
}  // namespace brim
