// SPDX-License-Identifier: Apache-2.0
// brim lab start: guests with a load each, in the foreground, to look at with other commands.
#include "cli/lab_start.h"

#include "base/printable.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/lab_guests.h"
#include "cli/lab_places.h"
#include "cli/state.h"
#include "host/system.h"
#include "lab/guest_source.h"
#include "lab/workshop.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace brim::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr unsigned kMostGuests = 256;
constexpr char kGuestsDirectory[] = "/run/brim";  // short: sockets are in it
constexpr char kEmulator[] = "qemu-system-x86_64";

struct LabStartText {
  std::string cache;
  std::string kernel = "6.12-cloud";
  std::string initrd;
  std::string memory = "128MiB";
  std::string load = "idle";
  std::string every = "5s";
  std::string duration;
  unsigned count = 1;
  bool kvm = false;
  Output output;
};

// What was typed, understood.
struct LabStart {
  Bytes memory;
  lab::Load load;
  milliseconds every{};
  std::optional<milliseconds> duration;  // else until it is interrupted
};

template <class Value>
Result<Value> of_option(Result<Value> value, const char* option) {
  if (!value) value.error().where = option;
  return value;
}

Result<milliseconds> parse_wait(const std::string& text, const char* option) {
  BRIM_TRY(const auto time, of_option(parse_duration(text), option));
  if (time < seconds(1) || time > std::chrono::hours(24 * 365))
    return fail(ErrorCode::bad_input, "from 1s to a year", option);
  return std::chrono::duration_cast<milliseconds>(time);
}

Result<LabStart> understand(const LabStartText& typed) {
  constexpr Bytes kLeastMemory = mebibytes(64);
  LabStart start;
  BRIM_TRY(start.memory, of_option(parse_bytes(typed.memory), "--memory"));
  if (start.memory < kLeastMemory || start.memory > gibibytes(1024))
    return fail(ErrorCode::bad_input, "a guest has from 64MiB to 1024GiB", "--memory");
  BRIM_TRY(start.load, of_option(lab::parse_load(typed.load), "--load"));
  BRIM_TRY(start.every, parse_wait(typed.every, "--every"));
  if (!typed.duration.empty()) {
    BRIM_TRY(start.duration, parse_wait(typed.duration, "--for"));
  }
  if (typed.count == 0 || typed.count > kMostGuests)
    return fail(ErrorCode::bad_input, fmt::format("from 1 to {}", kMostGuests), "--count");
  return start;
}

// Guests may take all that they are given, without the host's swapping.
Result<void> check_memory(const host::Host& host, unsigned count, Bytes limit) {
  BRIM_TRY(const host::MemoryInfo memory, host::read_memory_info(host));
  const Bytes needed(limit.count() * count);
  if (needed > Bytes(memory.available_bytes))
    return fail(ErrorCode::missing,
                fmt::format("{} guests may take {}, and {} are available", count,
                            human_bytes(needed), human_bytes(Bytes(memory.available_bytes))));
  return {};
}

Result<lab::GuestOptions> guest_options(const LabStartText& typed, const LabStart& start,
                                        const host::Host& host) {
  lab::GuestOptions options;
  if (!lab::on_path(kEmulator))
    return fail(ErrorCode::missing, "not on PATH; on Debian `apt install qemu-system-x86`",
                kEmulator);
  BRIM_TRY(const std::string directory, lab_cache_directory(typed.cache));
  const auto cache = lab::Cache::open_for_reading(directory);
  if (!cache)
    return fail(cache.error().code, cache.error().what + "; run `brim lab prepare`", directory);
  BRIM_TRY(options.files, lab::find_kernel(*cache, typed.kernel, typed.initrd));
  if (start.load.kind != lab::LoadKind::synthetic) {
    BRIM_TRY(options.root_image, lab::prepared_root(*cache));
  }
  options.memory = start.memory;
  options.host_memory_limit = Bytes(start.memory.count() + lab::kEmulatorMemory.count());
  BRIM_CHECK(check_memory(host, typed.count, options.host_memory_limit));
  BRIM_TRY(options.records, guest_records_directory(host));
  options.directory = kGuestsDirectory;
  std::error_code error;
  std::filesystem::create_directories(kGuestsDirectory, error);
  if (error) return fail(errno_error(error.value(), "create the guests' folder", kGuestsDirectory));
  if (!typed.kvm) return options;
  options.accelerator = lab::usable_accelerator(host, options);
  if (options.accelerator != lab::Accelerator::kvm)
    return fail(ErrorCode::missing, "no guest boots with KVM here; without it they are emulated",
                "--kvm");
  return options;
}

// One line on a terminal, written over; elsewhere a line only where something changed.
class StateLine {
 public:
  void show(const std::string& line) {
    if (is_terminal(stderr)) {
      const int columns = terminal_columns(stderr, 80);
      fmt::print(stderr, "\r\033[K{}", printable(line).substr(0, std::size_t(columns) - 1));
      (void)std::fflush(stderr);
    } else if (line != last_) {
      fmt::print(stderr, "brim: {}\n", printable(line));
    }
    last_ = line;
  }
  ~StateLine() {
    if (is_terminal(stderr) && !last_.empty()) fmt::print(stderr, "\r\033[K");
  }
  StateLine() = default;
  StateLine(const StateLine&) = delete;
  StateLine& operator=(const StateLine&) = delete;

 private:
  std::string last_;
};

void sleep_unless_cancelled(steady_clock::time_point until, const Cancel& cancel) {
  while (!cancel.requested() && steady_clock::now() < until)
    std::this_thread::sleep_for(milliseconds(100));
}

// Until the time is over, or Ctrl-C: which is how guests without --for are ended.
void watch(LabGuests& guests, const LabStart& start, const Cancel& cancel) {
  StateLine line;
  const auto begin = steady_clock::now();
  const auto end = start.duration ? begin + *start.duration : steady_clock::time_point::max();
  for (auto next = begin; !cancel.requested() && next < end;) {
    guests.look();
    line.show(guests.state_line());
    next = std::min(end, std::max(next + start.every, steady_clock::now()));
    sleep_unless_cancelled(next, cancel);
  }
  guests.look();
}

Result<int> lab_start(const Session& session, const LabStartText& typed) {
  BRIM_CHECK(check_output(typed.output));
  BRIM_TRY(const LabStart start, understand(typed));
  BRIM_TRY(const host::Host host, open_host(session));
  BRIM_TRY(const lab::GuestOptions options, guest_options(typed, start, host));
  const StopOnSignal stop;
  BRIM_TRY(LabGuests guests, LabGuests::start(host, options, typed.count));
  BRIM_CHECK(guests.wait_ready(start.load, stop.cancel()));
  watch(guests, start, stop.cancel());
  auto document = guests.document(options, start.load);
  guests.end();
  BRIM_CHECK(write_document(document, typed.output));
  if (start.duration && stop.cancel().requested()) return exit_status(ErrorCode::interrupted);
  return guests.any_failed() ? 1 : 0;
}

void declare_lab_start(CLI::App& command, LabStartText& typed) {
  add_lab_cache_option(command, typed.cache);
  command
      .add_option("--kernel", typed.kernel, "6.1, 6.1-cloud, 6.12, 6.12-cloud, or a file of yours")
      ->type_name("NAME|FILE")
      ->capture_default_str();
  command
      .add_option("--initrd", typed.initrd,
                  "With a kernel of yours: the initramfs that has its modules")
      ->type_name("FILE");
  command.add_option("--count", typed.count, "How many guests")->capture_default_str();
  command.add_option("--memory", typed.memory, "Of each guest; MariaDB wants 256MiB")
      ->type_name("SIZE")
      ->capture_default_str();
  command
      .add_option("--load", typed.load,
                  "What each guest does: idle, bytes=SIZE,..., mariadb,..., compile,... "
                  "(docs/lab.md); `machine` is counted up from guest to guest")
      ->type_name("LOAD")
      ->capture_default_str();
  command.add_flag("--kvm", typed.kvm, "With KVM, where a guest boots so; else emulated");
  command.add_option("--every", typed.every, "Look at the loads so often")
      ->type_name("TIME")
      ->capture_default_str();
  command.add_option("--for", typed.duration, "End after this time (default: at Ctrl-C)")
      ->type_name("TIME");
  add_output_options(command, typed.output);
  command.footer(
      "Runs in the foreground and ends its guests at Ctrl-C. Needs root, QEMU, and what\n"
      "`brim lab prepare` makes. Exit status 1 when a guest or its load failed.\n"
      "Example:\n"
      "  sudo brim lab start --count 2 --load bytes=64MiB,write_rate=1/32\n"
      "  sudo brim lab start --memory 256MiB --load mariadb,clients=8,iterations=0");
}

}  // namespace

void add_lab_start_command(CLI::App& area, Session& session) {
  CLI::App* command =
      area.add_subcommand("start", "Start guests with a load each, and end them at Ctrl-C");
  auto typed = std::make_shared<LabStartText>();
  declare_lab_start(*command, *typed);
  command->callback([&session, typed] {
    session.action = [&session, typed] { return lab_start(session, *typed); };
  });
}

}  // namespace brim::cli
