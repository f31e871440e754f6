// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/peer_control.h"

#include "host/system.h"
#include "lab/workshop.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::thrash::live {

std::string memory_info_of(Bytes limit, Bytes used, Bytes swap, Bytes swap_used) {
  std::string text;
  const auto line = [&text](std::string_view key, Bytes value) {
    text += fmt::format("{:<15}{:>12} kB\n", fmt::format("{}:", key), value.count() >> 10);
  };
  const Bytes taken = std::min(used, limit);
  line("MemTotal", limit);
  line("MemFree", limit - taken);
  line("MemAvailable", limit - taken);
  for (const char* none : {"Buffers", "Cached", "SwapCached", "SReclaimable"}) line(none, Bytes(0));
  line("AnonPages", taken);
  line("Shmem", Bytes(0));
  line("SwapTotal", swap);
  line("SwapFree", swap - std::min(swap_used, swap));
  return text;
}

Result<ShownMemory> ShownMemory::create() {
  std::string name = "/tmp/brim-meminfo-XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) return fail(errno_error(errno, "could not make a file", name));
  return ShownMemory(Fd(fd), std::move(name));
}

ShownMemory::~ShownMemory() {
  if (file_) ::unlink(name_.c_str());
}

Result<void> ShownMemory::show(const std::string& text) {
  if (::pwrite(file_.get(), text.data(), text.size(), 0) < 0)
    return fail(errno_error(errno, "could not write", name_));
  return {};
}

PeerControl::PeerControl(const host::Host& host, const std::string& program)
    : ProgramControl(fmt::format("see what '{}' says when it is started", program)), host_(host) {}

Result<LiveControl::Time> PeerControl::step(ConsumerControls& consumers, Time now) {
  constexpr auto kBetweenUpdates = std::chrono::milliseconds(100);
  if (shown_) BRIM_CHECK(update(consumers));
  BRIM_CHECK(ProgramControl::step(consumers, now));
  return now + kBetweenUpdates;
}

std::string PeerControl::hint() const {
  const std::string said = log_ ? log_->last_line() : "";
  return said.empty() ? ProgramControl::hint() : fmt::format("it said '{}'", said);
}

Result<host::ProgramStart> PeerControl::beside(const ConsumerControls& consumers,
                                               const Program& program) {
  std::string script = "exec \"$@\"";
  if (!program.prepare.empty()) script = fmt::format("{} && {}", program.prepare, script);
  if (consumers.group() != nullptr) {
    BRIM_TRY(ShownMemory shown, ShownMemory::create());
    shown_.emplace(std::move(shown));
    BRIM_CHECK(update(consumers));
    script =
        fmt::format("mount --bind {0} /proc/meminfo && rm -f {0} && {1}", shown_->name(), script);
  }
  if (!program.input.empty()) script += fmt::format(" <<'brim-end'\n{}\nbrim-end\n", program.input);
  BRIM_TRY(host::ProgramLog log, host::ProgramLog::create());
  log_.emplace(std::move(log));
  host::ProgramStart start;
  start.log = log_->name();
  start.arguments = {"unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"};
  start.arguments.insert(start.arguments.end(), program.arguments.begin(), program.arguments.end());
  return start;
}

Result<void> PeerControl::update(const ConsumerControls& consumers) {
  const host::GroupReading group = consumers.group()->read();
  if (!group.memory) return fail(group.memory.error());
  BRIM_TRY(const host::MemoryInfo machine, host::read_memory_info(host_));
  return shown_->show(memory_info_of(consumers.memory(), *group.memory,
                                     Bytes(machine.swap_total_bytes),
                                     Bytes(machine.swap_total_bytes - machine.swap_free_bytes)));
}

Result<void> check_installed(const std::string& program) {
  if (lab::on_path(program)) return {};
  return fail(ErrorCode::missing, fmt::format("{0} is not installed: apt-get install {0}", program),
              "mechanism.control");
}

}  // namespace brim::thrash::live
