// SPDX-License-Identifier: Apache-2.0
#include "host/process.h"

#include "base/text.h"
#include "host/files.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace brim::host {
namespace {

bool exited(char state) { return state == 'Z' || state == 'X' || state == 'x'; }

Error exited_error(int pid, std::string_view how, std::string where) {
  return {ErrorCode::gone, fmt::format("process {} has {}", pid, how), std::move(where)};
}

}  // namespace

Result<Process> Process::open(const Host& host, int pid) {
  if (pid <= 0)
    return fail(ErrorCode::bad_input,
                fmt::format("{} is not a process id; expected a number above 0", pid));
  Process process;
  process.pid_ = pid;
  process.live_ = host.live();
  const std::string path = fmt::format("/proc/{}", pid);
  process.directory_name_ = host.place(path);
  auto directory = host.open_file(path, O_PATH | O_DIRECTORY);
  if (!directory) {
    const ErrorCode code = directory.error().code;
    if (code == ErrorCode::missing || code == ErrorCode::gone)
      return fail(ErrorCode::missing, fmt::format("there is no process {}", pid),
                  process.directory_name_);
    return fail(std::move(directory).error());
  }
  process.directory_ = std::move(*directory);
  BRIM_TRY(const ProcessStat stat, process.read_stat());
  if (exited(stat.state))
    return fail(
        exited_error(pid, "exited and waits for its parent (a zombie)", process.directory_name_));
  process.start_ticks_ = stat.start_ticks;
  return process;
}

std::string Process::place(std::string_view name) const {
  return fmt::format("{}/{}", directory_name_, name);
}

Error Process::failure(int errno_value, std::string_view tried, std::string_view name) const {
  Error error = errno_error(errno_value, tried, place(name));
  if (error.code == ErrorCode::denied) {
    error.what += ::geteuid() != 0
                      ? "; run as root, or with CAP_SYS_PTRACE, or as the process's own user"
                      : "; not even root may here: CAP_SYS_PTRACE was taken away, or another user "
                        "namespace or a security module forbids it";
    return error;
  }
  if (error.code != ErrorCode::missing && error.code != ErrorCode::gone) return error;
  // ENOENT: no such file on this kernel, or no process any more. ESRCH: no process, or one without
  // memory. The directory's descriptor stands for this one process, so a reused pid can't answer.
  if (!check_alive()) return exited_error(pid_, "exited", directory_name_);
  if (error.code == ErrorCode::gone) {
    error.code = ErrorCode::missing;
    error.what = fmt::format("process {} has no memory of its own (a kernel thread)", pid_);
  }
  return error;
}

Result<Fd> Process::open_file(std::string_view name, int flags) const {
  const std::string path(name);
  int fd = -1;
  do {
    fd = live_ ? ::openat(directory_.get(), path.c_str(), flags | O_CLOEXEC)
               : open_confined(directory_.get(), path, flags);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail(failure(errno, "open", name));
  return Fd(fd);
}

Result<std::string> Process::read_file(std::string_view name) const {
  BRIM_TRY(const Fd file, open_file(name, O_RDONLY));
  auto text = read_to_end(file.get(), place(name));
  if (text) return text;
  // The code is all that tells what happened here; put it back into an errno for failure().
  switch (text.error().code) {
    case ErrorCode::gone:
      return fail(failure(ESRCH, "read", name));
    case ErrorCode::denied:
      return fail(failure(EACCES, "read", name));
    default:
      return text;
  }
}

// Without check_alive and failure, which call it.
Result<ProcessStat> Process::read_stat() const {
  const int fd = live_ ? ::openat(directory_.get(), "stat", O_RDONLY | O_CLOEXEC)
                       : open_confined(directory_.get(), "stat", O_RDONLY);
  const Fd file(fd);
  if (!file && (errno == ENOENT || errno == ESRCH))
    return fail(exited_error(pid_, "exited", directory_name_));
  if (!file) return fail(errno_error(errno, "open", place("stat")));
  auto text = read_to_end(file.get(), place("stat"));
  if (!text && text.error().code == ErrorCode::gone)
    return fail(exited_error(pid_, "exited", directory_name_));
  if (!text) return fail(std::move(text).error());
  return parse_stat(*text, place("stat"));
}

Result<void> Process::check_alive() const {
  BRIM_TRY(const ProcessStat now, read_stat());
  if (exited(now.state)) return fail(exited_error(pid_, "exited", directory_name_));
  if (now.start_ticks != start_ticks_)
    return fail(
        exited_error(pid_, "exited; its number belongs to another process now", directory_name_));
  return {};
}

Result<std::vector<Mapping>> Process::maps() const {
  BRIM_TRY(const std::string text, read_file("maps"));
  return parse_maps(text, place("maps"));
}

Result<std::vector<SmapsEntry>> Process::smaps() const {
  BRIM_TRY(const std::string text, read_file("smaps"));
  return parse_smaps(text, place("smaps"));
}

Result<SmapsRollup> Process::smaps_rollup() const {
  BRIM_TRY(const std::string text, read_file("smaps_rollup"));
  return parse_smaps_rollup(text, place("smaps_rollup"));
}

Result<ProcessStat> Process::stat() const { return read_stat(); }

Result<ProcessStatus> Process::status() const {
  BRIM_TRY(const std::string text, read_file("status"));
  return parse_status(text, place("status"));
}

Result<KsmStat> Process::ksm_stat() const {
  BRIM_TRY(const std::string text, read_file("ksm_stat"));
  return parse_ksm_stat(text);
}

Result<std::vector<std::string>> Process::command_line() const {
  BRIM_TRY(const std::string text, read_file("cmdline"));
  std::vector<std::string> arguments;
  if (text.empty()) return arguments;  // a kernel thread, or a process on its way out
  std::string_view rest = text;
  if (rest.ends_with('\0')) rest.remove_suffix(1);
  for (const std::string_view argument : split(rest, '\0')) arguments.emplace_back(argument);
  return arguments;
}

Result<std::string> Process::executable() const {
  BRIM_TRY(const Fd link, open_file("exe", O_PATH | O_NOFOLLOW));
  auto target = link_target(link.get(), place("exe"));
  if (target) return target;
  // Opening the link itself always succeeds; what it leads to is asked for, and refused, only now.
  switch (target.error().code) {
    case ErrorCode::missing: {
      if (!check_alive()) return fail(exited_error(pid_, "exited", directory_name_));
      return fail(ErrorCode::missing,
                  fmt::format("process {} has no executable (a kernel thread)", pid_),
                  place("exe"));
    }
    case ErrorCode::gone:
      return fail(failure(ESRCH, "read link", "exe"));
    case ErrorCode::denied:
      return fail(failure(EACCES, "read link", "exe"));
    default:
      return target;
  }
}

Result<std::map<std::string, std::string>> Process::cgroups() const {
  BRIM_TRY(const std::string text, read_file("cgroup"));
  return parse_process_cgroups(text, place("cgroup"));
}

Result<std::vector<int>> list_pids(const Host& host) {
  BRIM_TRY(const std::vector<std::string> names, host.list("/proc"));
  std::vector<int> pids;
  for (const std::string& name : names) {
    const std::optional<std::uint64_t> pid = parse_number(name);
    if (pid && *pid > 0 && *pid <= std::numeric_limits<int>::max())
      pids.push_back(static_cast<int>(*pid));
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

}  // namespace brim::host
