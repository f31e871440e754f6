// SPDX-License-Identifier: Apache-2.0
// Real QEMU processes with planted memory.
#include "planted_memory.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace brim::live {
namespace {

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
  ASSERT_TRUE(eventually(found));
  // Guest RAM is mapped before the loader fills it: wait until all of the planted pages are there,
  // among others, and no more come.
  share::ScanResult result;
  double before = 0;
  const auto loaded = [&] {
    std::vector<std::unique_ptr<share::Subject>> subjects;
    for (const auto& machine : machines) {
      auto subject = share::open_vm_subject(*host, machine);
      if (!subject) return false;
      subjects.push_back(std::move(*subject));
    }
    result = scan(std::move(subjects));
    if (result.results.empty()) return false;
    const double used = result.results[0].potential.used_pages.value;
    return std::exchange(before, used) == used && used >= 2 * (kEqual + kUnique);
  };
  ASSERT_TRUE(eventually(loaded));
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
}  // namespace brim::live
