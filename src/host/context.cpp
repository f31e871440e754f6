// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "host/files.h"
#include "host/process_text.h"
#include "host/system.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace brim::host {
namespace {

// What not every kernel or machine has: empty where it is absent, or not for this user's eyes.
Result<std::string> value_or_empty(const Host& host, std::string_view path) {
  auto value = host.read_value(path);
  if (value) return value;
  const ErrorCode code = value.error().code;
  if (code == ErrorCode::missing || code == ErrorCode::denied) return std::string();
  return value;
}

// x86 names the model of each processor; other architectures may not.
void set_processors(std::string_view cpuinfo, Context& context) {
  Lines lines(cpuinfo);
  while (const std::optional<std::string_view> line = lines.next()) {
    const std::size_t colon = line->find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = trim(line->substr(0, colon));
    if (key == "processor") ++context.processors;
    if (key == "model name" && context.cpu_model.empty())
      context.cpu_model = std::string(trim(line->substr(colon + 1)));
  }
}

Result<double> first_load(const Host& host) {
  BRIM_TRY(const std::string text, value_or_empty(host, "/proc/loadavg"));
  if (text.empty()) return 0.0;
  double load = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), load);
  if (error != std::errc() || !std::isfinite(load))
    return fail(malformed("expected a load", host.place("/proc/loadavg"), 1, text));
  return load;
}

}  // namespace

Result<Context> read_context(const Host& host) {
  Context context;
  BRIM_TRY(context.kernel, host.read_value("/proc/sys/kernel/osrelease"));
  BRIM_TRY(const MemoryInfo memory, read_memory_info(host));
  context.memory_bytes = memory.total_bytes;
  context.swap_bytes = memory.swap_total_bytes;
  BRIM_TRY(const std::string cpuinfo, value_or_empty(host, "/proc/cpuinfo"));
  set_processors(cpuinfo, context);
  BRIM_TRY(context.governor,
           value_or_empty(host, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
  BRIM_TRY(context.load1, first_load(host));
  BRIM_TRY(context.boot_id, value_or_empty(host, "/proc/sys/kernel/random/boot_id"));
  BRIM_TRY(context.hostname, value_or_empty(host, "/proc/sys/kernel/hostname"));
  BRIM_TRY(const std::string thp,
           value_or_empty(host, "/sys/kernel/mm/transparent_hugepage/enabled"));
  context.thp = chosen_word(thp);
  return context;
}

}  // namespace brim::host
