// SPDX-License-Identifier: Apache-2.0
#include "lab/guest.h"

#include "base/json_text.h"
#include "base/text.h"
#include "host/qmp.h"
#include "lab/agent/root_file_system.h"
#include "lab/agent/service.h"
#include "lab/guest_record.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace brim::lab {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// Under QEMU 7.2's emulation Linux 6.12 corrupts its memory where the processor has cmpxchg16b: six
// boots with richer processors never came to init, two of qemu64 panicked; without that one
// instruction three of three came up. Whether its emulation is at fault was not looked into.
constexpr char kEmulatedProcessor[] = "qemu64,-cx16";
constexpr auto kMonitorTimeout = seconds(10);
constexpr auto kLookAgain = milliseconds(50);

milliseconds left_until(steady_clock::time_point deadline) {
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(deadline - steady_clock::now()));
}

// The kernel unpacks archives that follow one another into one tree.
Result<void> join_files(const std::vector<std::string>& parts, const std::string& to) {
  std::ofstream joined(to, std::ios::binary | std::ios::trunc);
  for (const std::string& part : parts) {
    std::ifstream file(part, std::ios::binary);
    if (!file) return fail(errno_error(errno, "open", part));
    joined << file.rdbuf();
  }
  if (!joined.flush()) return fail(errno_error(errno, "write", to));
  return {};
}

std::string last_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!trim(line).empty()) last = trim(line);
  return last;
}

// "Kernel panic - not syncing: ...", without the time before it; empty where it did not.
std::string panic_of(const std::string& path) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (const std::size_t at = line.find("Kernel panic"); at != std::string::npos)
      return std::string(trim(line.substr(at)));
  return {};
}

// As QEMU's options take a comma.
std::string with_doubled_commas(const std::string& text) {
  std::string doubled;
  for (const char letter : text) doubled.append(letter == ',' ? 2 : 1, letter);
  return doubled;
}

bool is_gone(const Error& error) {
  return error.code == ErrorCode::missing || error.code == ErrorCode::gone;
}

}  // namespace

std::string_view name_of(Accelerator accelerator) {
  return accelerator == Accelerator::kvm ? "kvm" : "tcg";
}

std::vector<std::string> guest_arguments(const GuestOptions& options,
                                         const std::string& directory) {
  const bool kvm = options.accelerator == Accelerator::kvm;
  // A small buffer for translated code: by default it is a quarter of the guest's memory or more,
  // and would drown what is measured.
  std::vector<std::string> words = {
      "qemu-system-x86_64", "-name", options.name, "-accel", kvm ? "kvm" : "tcg,tb-size=32",
      "-machine", "pc", "-cpu", kvm ? "host" : kEmulatedProcessor, "-smp",
      std::to_string(options.processors), "-m", fmt::format("{}B", options.memory.count()),
      "-nodefaults", "-display", "none", "-no-reboot", "-serial",
      fmt::format("file:{}/console", directory), "-qmp",
      fmt::format("unix:{}/qmp,server=on,wait=off", directory), "-kernel", options.files.kernel,
      "-initrd", directory + "/initrd", "-append",
      // Version 2 of cgroups alone, as distributions of today mount it.
      // The timer's check at boot counts its interrupts against time, and panics on a host too busy
      // to emulate them.
      fmt::format("console=ttyS0 quiet panic=-1 no_timer_check cgroup_no_v1=all {}",
                  options.kernel_arguments),
      "-device", "virtio-serial-pci", "-chardev",
      fmt::format("socket,id=agent,path={}/agent,server=on,wait=off", directory), "-device",
      fmt::format("virtserialport,chardev=agent,name={}", kAgentPort), "-device",
      "virtio-balloon-pci,id=balloon"};
  if (!options.root_image.empty()) {
    // What the guest writes goes to a scratch file without a name, which ends with QEMU.
    words.insert(words.end(),
                 {"-drive",
                  fmt::format("if=none,id=root,format=raw,snapshot=on,file={}",
                              with_doubled_commas(options.root_image)),
                  "-device", fmt::format("virtio-blk-pci,drive=root,serial={}", kRootDiskSerial)});
  }
  words.insert(words.end(), options.emulator_arguments.begin(), options.emulator_arguments.end());
  return words;
}

Result<Guest> Guest::start(const host::Host& host, const GuestOptions& options) {
  Guest guest;
  guest.directory_ = fmt::format("{}/{}XXXXXX", options.directory, host::kGuestCgroupPrefix);
  if (::mkdtemp(guest.directory_.data()) == nullptr) {
    const int why = errno;
    return fail(errno_error(why, "make a folder for a guest",
                            std::exchange(guest.directory_, std::string())));
  }
  const std::string name = fs::path(guest.directory_).filename().string();
  BRIM_TRY(const std::string cgroup, host::guest_cgroup_path(host, name));
  BRIM_TRY(guest.record_, write_guest_record(host, options.records, guest.directory_, cgroup));
  BRIM_CHECK(join_files(options.files.initramfs, guest.directory_ + "/initrd"));
  BRIM_TRY(auto limits, host::GuestCgroup::create(host, name, options.host_memory_limit));
  guest.cgroup_.emplace(std::move(limits));
  BRIM_TRY(auto process, host::DependentProcess::start({guest_arguments(options, guest.directory_),
                                                        guest.directory_ + "/emulator.log", cgroup,
                                                        options.huge_pages}));
  guest.process_.emplace(std::move(process));
  return guest;
}

Guest::Guest(Guest&& other) noexcept
    : directory_(std::exchange(other.directory_, {})),
      record_(std::exchange(other.record_, {})),
      cgroup_(std::move(other.cgroup_)),
      process_(std::move(other.process_)),
      agent_(std::move(other.agent_)),
      last_request_(other.last_request_) {
  other.cgroup_.reset();
  other.process_.reset();
}

Guest::~Guest() { clean_up(); }

// The record last: until then a killed brim's successor knows of the rest.
void Guest::clean_up() {
  agent_.reset();
  process_.reset();
  cgroup_.reset();
  std::error_code ignored;
  if (!directory_.empty()) fs::remove_all(directory_, ignored);
  if (!record_.empty()) remove_guest_record(record_);
  directory_.clear();
  record_.clear();
}

Result<json> Guest::ask_monitor(const std::string& command, const json& arguments,
                                milliseconds timeout) const {
  BRIM_TRY(host::Qmp monitor, host::Qmp::connect(directory_ + "/qmp", kMonitorTimeout));
  return monitor.execute(command, arguments, timeout);
}

Result<void> Guest::connect(steady_clock::time_point deadline) {
  while (!agent_) {
    auto socket = host::LineSocket::connect(directory_ + "/agent");
    if (socket) {
      agent_.emplace(std::move(*socket));
    } else if (socket.error().code != ErrorCode::missing || !process_->running() ||
               steady_clock::now() >= deadline) {
      return fail(socket.error());
    } else {
      std::this_thread::sleep_for(kLookAgain);
    }
  }
  return {};
}

// With what QEMU or the guest's kernel said last.
Error Guest::not_ready(const Error& error) {
  std::string said = panic_of(directory_ + "/console");
  if (said.empty())
    said = last_line_of(directory_ + (process_->running() ? "/console" : "/emulator.log"));
  return {
      ErrorCode::io,
      fmt::format("{}: {}{}", process_->running() ? "the guest did not get ready" : "QEMU ended",
                  error_line(error), said.empty() ? "" : fmt::format(" ({})", said)),
      directory_};
}

Result<json> Guest::wait_ready(milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  if (const auto connected = connect(deadline); !connected)
    return fail(not_ready(connected.error()));
  auto hello = command({{"command", "hello"}}, left_until(deadline));
  if (!hello) return fail(not_ready(hello.error()));
  return hello;
}

Result<json> Guest::command(json request, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  BRIM_CHECK(connect(deadline));
  request["id"] = ++last_request_;
  BRIM_CHECK(agent_->send(json_line(request), timeout));
  for (;;) {
    BRIM_TRY(const std::string line, agent_->receive(left_until(deadline)));
    const auto answer = parse_json(line);
    // An answer to a request that was given up comes late.
    if (!answer || !answer->is_object() || answer->value("id", json()) != request["id"]) continue;
    if (const auto result = answer->find("return"); result != answer->end()) return *result;
    const json why = answer->value("error", json("no reason told"));
    return fail(ErrorCode::io, why.is_string() ? why.get<std::string>() : json_line(why),
                "the guest's agent");
  }
}

Result<void> Guest::pause() {
  BRIM_CHECK(ask_monitor("stop", json::object(), kMonitorTimeout));
  return {};
}

Result<void> Guest::resume() {
  BRIM_CHECK(ask_monitor("cont", json::object(), kMonitorTimeout));
  return {};
}

Result<std::string> Guest::run_state() {
  BRIM_TRY(const json state, ask_monitor("query-status", json::object(), kMonitorTimeout));
  return state.value("status", std::string());
}

Result<void> Guest::dump(const std::string& path, const std::string& format, milliseconds timeout) {
  BRIM_CHECK(ask_monitor("dump-guest-memory",
                         {{"paging", false}, {"protocol", "file:" + path}, {"format", format}},
                         timeout));
  return {};
}

Result<Bytes> Guest::memory_now() const {
  BRIM_TRY(const json balloon, ask_monitor("query-balloon", json::object(), kMonitorTimeout));
  return Bytes(balloon.value("actual", std::uint64_t{0}));
}

Result<Bytes> Guest::balloon(Bytes target, milliseconds timeout) {
  BRIM_TRY(const Bytes before, memory_now());
  BRIM_CHECK(ask_monitor("balloon", {{"value", target.count()}}, kMonitorTimeout));
  const auto deadline = steady_clock::now() + timeout;
  Bytes now = before;
  while (now != target && steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kLookAgain);
    BRIM_TRY(now, memory_now());
  }
  if (now == before && before != target)
    return fail(ErrorCode::missing, "the balloon does not move: the guest has no driver for it",
                directory_);
  return now;
}

Result<void> Guest::migrate(const std::string& uri, milliseconds timeout) {
  BRIM_CHECK(ask_monitor("migrate", {{"uri", uri}}, kMonitorTimeout));
  const auto deadline = steady_clock::now() + timeout;
  while (steady_clock::now() < deadline) {
    BRIM_TRY(const json state, ask_monitor("query-migrate", json::object(), kMonitorTimeout));
    const std::string status = state.value("status", std::string());
    if (status == "completed") return {};
    if (status == "failed" || status == "cancelled")
      return fail(ErrorCode::io, state.value("error-desc", "the migration " + status), uri);
    std::this_thread::sleep_for(kLookAgain);
  }
  return fail(ErrorCode::io, fmt::format("not migrated within {} ms", timeout.count()), uri);
}

Result<void> Guest::quit(milliseconds timeout) {
  const auto asked = ask_monitor("quit", json::object(), kMonitorTimeout);
  const bool ended = process_->wait(timeout);
  clean_up();
  if (ended) return {};
  if (!asked && !is_gone(asked.error())) return fail(asked.error());
  return fail(ErrorCode::io, "QEMU did not quit in time, and was killed");
}

Accelerator usable_accelerator(const host::Host& host, GuestOptions options) {
  if (::access("/dev/kvm", R_OK | W_OK) != 0) return Accelerator::tcg;
  options.accelerator = Accelerator::kvm;
  options.name += "-probe";
  auto probe = Guest::start(host, options);
  return probe && probe->wait_ready(seconds(20)) ? Accelerator::kvm : Accelerator::tcg;
}

}  // namespace brim::lab
