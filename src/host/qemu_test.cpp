// SPDX-License-Identifier: Apache-2.0
// Discovery on fixtures, and on real QEMUs (stopped, without guests, under TCG).
#include "host/qemu.h"

#include "base/fd.h"
#include "host/child.h"
#include "host/qmp.h"
#include "host/scratch_directory.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
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

// A process with the command line of a QEMU whose monitor is `socket`. It is awk, from `program`,
// and waits until the object ends.
class Impostor {
 public:
  Impostor(const std::string& program, const std::string& socket) {
    std::array<int, 2> input{};
    EXPECT_EQ(::pipe2(input.data(), O_CLOEXEC), 0);
    held_ = Fd(input[1]);
    const Fd reading(input[0]);
    const std::string monitor = "unix:" + socket + ",server=on,wait=off";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(reading.get(), 0);
      ::execl(program.c_str(), "qemu-system-x86_64", "BEGIN { getline line < \"/dev/stdin\" }",
              "-qmp", monitor.c_str(), nullptr);
      ::_exit(127);
    }
    const std::string words = "/proc/" + std::to_string(pid_) + "/cmdline";
    for (int i = 0; i < 1000; ++i, ::usleep(5000)) {
      std::ifstream file(words);
      std::string text;
      if (std::getline(file, text) && text.starts_with("qemu-system-x86_64")) return;
    }
    ADD_FAILURE() << "it did not start";
  }
  ~Impostor() {
    held_.reset();
    ::waitpid(pid_, nullptr, 0);
  }
  Impostor(const Impostor&) = delete;
  Impostor& operator=(const Impostor&) = delete;
  [[nodiscard]] int pid() const { return pid_; }

 private:
  Fd held_;
  int pid_ = -1;
};

// The socket of a service that has nothing to do with QEMU, though it greets as a monitor does.
class Service {
 public:
  explicit Service(const std::string& path)
      : listening_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listening_.get(), 8), 0);
  }
  // What the first client sends; nothing where none comes in time.
  [[nodiscard]] std::optional<std::string> heard(milliseconds patience) const {
    pollfd waiting{listening_.get(), POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(patience.count()));
    const Fd client(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) return std::nullopt;
    constexpr std::string_view kGreeting = R"({"QMP": {"version": {}, "capabilities": []}})";
    ::send(client.get(), kGreeting.data(), kGreeting.size(), MSG_NOSIGNAL);
    std::array<char, 64> text{};
    const ssize_t n = ::recv(client.get(), text.data(), text.size(), 0);
    return std::string(text.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }

 private:
  Fd listening_;
};

void discover_on_this_machine(int pid) {
  const auto host = Host::open("/");
  const auto discovery = discover_virtual_machines(*host, 200ms);
  ASSERT_TRUE(discovery);
  EXPECT_TRUE(std::any_of(discovery->machines.begin(), discovery->machines.end(),
                          [&](const VirtualMachine& machine) { return machine.pid == pid; }));
}

TEST(Discovery, A_program_that_is_no_emulator_leads_to_no_socket) {
  const ScratchDirectory directory;
  const Service service(directory / "service");
  const Impostor impostor("/usr/bin/awk", directory / "service");
  discover_on_this_machine(impostor.pid());
  EXPECT_EQ(service.heard(0ms), std::nullopt);
}

TEST(Discovery, A_command_line_that_names_the_socket_of_another_sends_nothing_there) {
  const ScratchDirectory directory;
  const std::string program = directory / "qemu-system-x86_64";
  std::filesystem::copy_file("/usr/bin/awk", program);
  const Service service(directory / "service");
  const Impostor impostor(program, directory / "service");
  auto heard = std::async(std::launch::async, [&] { return service.heard(10s); });
  discover_on_this_machine(impostor.pid());
  EXPECT_EQ(heard.get(), "");
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
    pointers.reserve(words.size() + 1);
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
  void expect_ram(const std::vector<std::string>& arguments,
                  const std::vector<std::uint64_t>& mebibytes, bool shared) {
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
  const std::string memory =
      R"({"qom-type":"memory-backend-file","id":"m0","size":134217728,"share":true,)"
      R"("mem-path":"/dev/shm"})";
  expect_ram({"-m", "128", "-object", memory, "-machine", "memory-backend=m0"}, {128}, true);
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
