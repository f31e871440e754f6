// SPDX-License-Identifier: Apache-2.0
#include "host/processor_times.h"

#include "base/text.h"
#include "host/process_text.h"

#include <array>
#include <charconv>
#include <string>

#include <fmt/format.h>

namespace brim::host {
namespace {

// Columns of the line "cpu" (proc(5)): user and nice hold guest and guest_nice, too.
constexpr std::size_t kColumns = 8;  // user nice system idle iowait irq softirq steal
constexpr std::size_t kNice = 1;
constexpr std::size_t kIdle = 3;
constexpr std::size_t kWaiting = 4;
constexpr std::size_t kStolen = 7;
constexpr int kLeastColumns = 4;  // of Linux 2.4

}  // namespace

Result<ProcessorTimes> parse_processor_times(std::string_view text, std::string_view where) {
  constexpr std::string_view kKey = "cpu ";
  if (!text.starts_with(kKey))
    return fail(ErrorCode::io, "expected a line 'cpu ' first", std::string(where));
  const char* at = text.data() + kKey.size();
  const char* end = text.data() + std::min(text.find('\n'), text.size());
  ProcessorTimes times;
  int columns = 0;
  for (; columns < static_cast<int>(kColumns); ++columns) {
    while (at != end && *at == ' ') ++at;
    std::int64_t ticks = 0;
    const auto [stop, error] = std::from_chars(at, end, ticks);
    if (error != std::errc()) break;
    at = stop;
    times.all += ProcessorTime(ticks);
    if (columns != kIdle && columns != kWaiting && columns != kStolen)
      (columns <= static_cast<int>(kNice) ? times.user : times.system) += ProcessorTime(ticks);
    if (columns == kWaiting) times.waiting += ProcessorTime(ticks);
  }
  if (columns < kLeastColumns)
    return fail(ErrorCode::io, "the line 'cpu' has fewer than four numbers", std::string(where));
  times.busy = times.user + times.system;
  return times;
}

Result<ProcessorTimes> read_processor_times(const Host& host) {
  BRIM_TRY(const std::string text, host.read_file("/proc/stat"));
  return parse_processor_times(text, host.place("/proc/stat"));
}

ProcessorTime processor_time_of(const ProcessStat& stat) {
  return ProcessorTime(static_cast<std::int64_t>(stat.user_ticks + stat.system_ticks));
}

Result<Process> find_kernel_thread(const Host& host, std::string_view name) {
  constexpr int kKthreadd = 2;  // the parent of all of them
  BRIM_TRY(const std::vector<int> pids, list_pids(host));
  for (const int pid : pids) {
    auto process = Process::open(host, pid);
    if (!process) continue;
    const auto stat = process->stat();
    if (stat && stat->parent == kKthreadd && stat->name == name) return process;
  }
  return fail(ErrorCode::missing, fmt::format("no kernel thread {} can be seen", name),
              host.place("/proc"));
}

}  // namespace brim::host
