// SPDX-License-Identifier: Apache-2.0
// Discovery on fixtures, and on real QEMUs (stopped, without guests, under TCG).
#include "host/qemu.h"

#include "host/child.h"
#include "host/qmp.h"
#include "host/scratch_directory.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::host {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;  // NOLINT: literals
using std::chrono::milliseconds;

std::vector<VirtualMachine> discovered(const std::string& fixture) {
  const auto host = Host::open(std::string(BRIM_SOURCE_DIR) + "/tests/fixtures/hosts/" + fixture);
  EXPECT_TRUE(host);
  auto discovery = discover_virtual_machines(*host, 100ms);
  EXPECT_TRUE(discovery) << error_line(discovery.error());
  EXPECT_THAT(discovery->problems, IsEmpty())
      << (discovery->problems.empty() ? "" : error_line(discovery->problems[0]));
  return std::move(discovery->machines);
}

std::uint64_t ram_bytes(const VirtualMachine& machine) {
  std::uint64_t sum = 0;
  for (const GuestRam& ram : machine.ram) sum += ram.end - ram.start;
  return sum;
}

TEST(Discovery, Libvirts_machines_on_debian_6_1_are_found_with_their_ram) {
  const auto machines = discovered("debian-6.1");
  ASSERT_THAT(machines, SizeIs(2)) << "a grep that names QEMU is none";
  EXPECT_EQ(machines[0].pid, 2101);
  EXPECT_EQ(machines[0].name, "web1");
  EXPECT_EQ(ram_bytes(machines[0]), 2ULL << 30);
  EXPECT_FALSE(machines[0].ram.at(0).shared);
  EXPECT_EQ(machines[1].name, "db1");
  EXPECT_EQ(ram_bytes(machines[1]), 4ULL << 30);
  EXPECT_TRUE(machines[1].ram.at(0).shared);
}

TEST(Discovery, The_other_fixtures_machines_are_found_by_rules_alone) {
  const auto tiny = discovered("debian-6.18-hybrid");
  ASSERT_THAT(tiny, SizeIs(1));
  EXPECT_EQ(tiny[0].name, "tiny");
  EXPECT_EQ(tiny[0].name_known_by, "-name");
  EXPECT_EQ(ram_bytes(tiny[0]), 128ULL << 20);
  EXPECT_THAT(tiny[0].qmp_sockets, SizeIs(1));
  const auto router = discovered("no-ksm");
  ASSERT_THAT(router, SizeIs(1));
  EXPECT_FALSE(router[0].merge_requested);
  EXPECT_EQ(ram_bytes(router[0]), 1ULL << 30);
  EXPECT_THAT(discovered("cgroup-v2"), SizeIs(2));
}

// A QEMU that ends with the object.
class RunningQemu {
 public:
  RunningQemu(std::vector<std::string> arguments, std::string socket) : socket_(std::move(socket)) {
    std::vector<std::string> words = {"qemu-system-x86_64", "-accel", "tcg,tb-size=32",
                                      "-machine",           "pc",     "-nodefaults",
                                      "-display",           "none",   "-S"};
    if (!socket_.empty())
      words.insert(words.end(), {"-qmp", "unix:" + socket_ + ",server=on,wait=off"});
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execvp(pointers[0], pointers.data());
      ::_exit(127);
    }
  }
  ~RunningQemu() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  RunningQemu(const RunningQemu&) = delete;
  RunningQemu& operator=(const RunningQemu&) = delete;
  [[nodiscard]] int pid() const { return pid_; }
  // Once its monitor answers, its memory is there.
  [[nodiscard]] bool ready() const {
    for (int i = 0; i < 300; ++i) {
      if (Qmp::connect(socket_, 1s)) return true;
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) return false;
      ::usleep(100000);
    }
    return false;
  }

 private:
  std::string socket_;
  int pid_ = -1;
};

class LiveQemu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (run_program({"qemu-system-x86_64", "--version"}, 30s)) return;
    const char* ci = std::getenv("CI");
    if (ci != nullptr && std::string_view(ci) == "true")
      FAIL() << "qemu-system-x86_64 is missing, and CI must have it";
    GTEST_SKIP() << "no qemu-system-x86_64 on PATH";
  }
  // What discovery says of this process.
  static std::optional<VirtualMachine> find(int pid, milliseconds timeout,
                                            std::vector<std::string>* problems = nullptr) {
    const auto host = Host::open("/");
    const auto discovery = discover_virtual_machines(*host, timeout);
    if (!discovery) return std::nullopt;
    for (const Error& problem : discovery->problems)
      if (problems != nullptr && problem.where.find(std::to_string(pid)) != std::string::npos)
        problems->push_back(error_line(problem));
    for (const VirtualMachine& machine : discovery->machines)
      if (machine.pid == pid) return machine;
    return std::nullopt;
  }
  [[nodiscard]] std::string socket() const { return directory_ / "qmp"; }

  // Starts one, and expects exactly this RAM, asked over QMP and by the rules alone.
  void expect_ram(const std::vector<std::string>& arguments, std::vector<std::uint64_t> mebibytes,
                  bool shared) {
    const RunningQemu qemu(arguments, socket());
    ASSERT_TRUE(qemu.ready());
    for (const milliseconds timeout : {5000ms, 0ms}) {
      std::vector<std::string> problems;
      const auto machine = find(qemu.pid(), timeout, &problems);
      ASSERT_TRUE(machine);
      EXPECT_THAT(problems, IsEmpty());
      std::vector<std::uint64_t> sizes;
      for (const GuestRam& ram : machine->ram) {
        sizes.push_back((ram.end - ram.start) >> 20);
        EXPECT_EQ(ram.shared, shared);
        EXPECT_THAT(ram.identified_by, HasSubstr(timeout == 0ms ? "command line" : "QMP"));
      }
      std::sort(sizes.begin(), sizes.end());
      EXPECT_EQ(sizes, mebibytes);
    }
  }

  ScratchDirectory directory_;
};

TEST_F(LiveQemu, Plain_memory_is_one_private_mapping) { expect_ram({"-m", "128"}, {128}, false); }

TEST_F(LiveQemu, A_size_that_thread_arenas_have_too_is_told_apart) {
  expect_ram({"-m", "64"}, {64}, false);
}

TEST_F(LiveQemu, A_shared_memfd_is_found) {
  expect_ram({"-m", "128", "-object", "memory-backend-memfd,id=m0,size=128M,share=on", "-machine",
              "memory-backend=m0"},
             {128}, true);
}

TEST_F(LiveQemu, A_private_memfd_is_found) {
  expect_ram({"-m", "128", "-object", "memory-backend-memfd,id=m0,size=128M,share=off", "-machine",
              "memory-backend=m0"},
             {128}, false);
}

TEST_F(LiveQemu, A_shared_file_is_found) {
  expect_ram({"-m", "128", "-object",
              R"({"qom-type":"memory-backend-file","id":"m0","size":134217728,"share":true,)"
              R"("mem-path":"/dev/shm"})",
              "-machine", "memory-backend=m0"},
             {128}, true);
}

TEST_F(LiveQemu, Mem_path_is_found) {
  expect_ram({"-m", "96", "-mem-path", "/dev/shm"}, {96}, false);
}

TEST_F(LiveQemu, Two_numa_backends_are_two_mappings) {
  expect_ram(
      {"-m", "128", "-object", "memory-backend-ram,id=n0,size=64M", "-object",
       "memory-backend-ram,id=n1,size=64M", "-numa", "node,memdev=n0", "-numa", "node,memdev=n1"},
      {64, 64}, false);
}

TEST_F(LiveQemu, A_dimm_counts_and_an_unused_backend_does_not) {
  expect_ram({"-m", "128,slots=2,maxmem=512M", "-object", "memory-backend-ram,id=d,size=32M",
              "-device", "pc-dimm,memdev=d", "-object", "memory-backend-ram,id=idle,size=48M"},
             {32, 128}, false);
}

TEST_F(LiveQemu, A_dimm_plugged_in_later_is_found_over_qmp) {
  const RunningQemu qemu({"-m", "128,slots=2,maxmem=512M"}, socket());
  ASSERT_TRUE(qemu.ready());
  {
    auto qmp = Qmp::connect(socket(), 10s);
    ASSERT_TRUE(qmp) << error_line(qmp.error());
    EXPECT_EQ(qmp->peer_pid(), qemu.pid());
    const auto object = qmp->execute(
        "object-add",
        {{"qom-type", "memory-backend-memfd"}, {"id", "late"}, {"size", 33554432}, {"share", true}},
        10s);
    ASSERT_TRUE(object) << error_line(object.error());
    const auto device = qmp->execute(
        "device_add", {{"driver", "pc-dimm"}, {"memdev", "late"}, {"id", "dimm0"}}, 10s);
    ASSERT_TRUE(device) << error_line(device.error());
    const auto status = qmp->execute("query-status", 10s);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->value("status", ""), "prelaunch");
  }
  const auto machine = find(qemu.pid(), 5000ms);
  ASSERT_TRUE(machine);
  EXPECT_EQ(ram_bytes(*machine), 160ULL << 20);
}

TEST_F(LiveQemu, A_held_monitor_costs_the_timeout_and_the_rules_answer) {
  const RunningQemu qemu({"-m", "128", "-name", "held", "-machine", "mem-merge=off"}, socket());
  ASSERT_TRUE(qemu.ready());
  auto holder = Qmp::connect(socket(), 10s);
  ASSERT_TRUE(holder);
  const auto machine = find(qemu.pid(), 100ms);
  ASSERT_TRUE(machine);
  EXPECT_EQ(machine->name, "held");
  EXPECT_FALSE(machine->merge_requested);
  ASSERT_THAT(machine->ram, SizeIs(1));
  EXPECT_THAT(machine->ram[0].identified_by, HasSubstr("command line"));
  EXPECT_TRUE(holder->execute("query-status", 10s)) << "the holder was disturbed";
}

TEST_F(LiveQemu, One_that_waits_for_its_first_client_is_left_waiting) {
  const RunningQemu qemu({"-m", "128", "-qmp", "unix:" + socket() + ",server=on"}, "");
  for (int i = 0; i < 300 && !std::filesystem::exists(socket()); ++i) ::usleep(100000);
  ASSERT_TRUE(std::filesystem::exists(socket()));
  std::vector<std::string> problems;
  const auto before = find(qemu.pid(), 200ms, &problems);
  ASSERT_TRUE(before);
  EXPECT_THAT(before->ram, IsEmpty());
  EXPECT_THAT(problems, SizeIs(1)) << "without RAM there is a problem to tell";
  const auto after = find(qemu.pid(), 200ms);
  ASSERT_TRUE(after);
  EXPECT_THAT(after->ram, IsEmpty()) << "looking at it made it start";
}

TEST_F(LiveQemu, Without_a_name_it_is_called_by_its_pid) {
  const RunningQemu qemu({"-m", "128"}, socket());
  ASSERT_TRUE(qemu.ready());
  const auto machine = find(qemu.pid(), 5000ms);
  ASSERT_TRUE(machine);
  EXPECT_EQ(machine->name, "qemu-" + std::to_string(qemu.pid()));
  EXPECT_EQ(machine->name_known_by, "pid");
}

}  // namespace
}  // namespace brim::host
