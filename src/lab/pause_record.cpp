// SPDX-License-Identifier: Apache-2.0
#include "lab/pause_record.h"

#include "host/paused_process.h"
#include "host/record_file.h"

#include <cstdint>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace brim::lab {
namespace {

using nlohmann::json;

struct PauseRecord {
  int pid = 0;
  std::uint64_t start_ticks = 0;
  host::RecordOwner owner;
};

std::optional<PauseRecord> read_pause_record(const std::string& file) {
  const auto object = host::read_record_file(file);
  if (!object) return std::nullopt;
  try {
    return PauseRecord{object->at("paused_pid").get<int>(),
                       object->at("paused_start_ticks").get<std::uint64_t>(),
                       host::owner_in(*object)};
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

// Whether it stood still; nothing to do for a process that is no more.
Result<bool> go_on(const host::Host& host, const PauseRecord& record) {
  const auto process = host::Process::open(host, record.pid);
  if (!process && process.error().code == ErrorCode::denied) return fail(process.error());
  if (!process || process->start_ticks() != record.start_ticks) return false;
  BRIM_TRY(const bool still, host::stands_still(*process));
  if (still) BRIM_CHECK(host::let_go_on(*process));
  return still;
}

// A line to tell, if there is one.
std::optional<std::string> go_on_after(const host::Host& host, const std::string& boot_id,
                                       const std::string& file) {
  const auto record = read_pause_record(file);
  if (!record) return fmt::format("left {}: not a record of brim's", file);
  std::optional<std::string> line;
  if (record->owner.boot_id == boot_id) {
    if (host::owner_lives(host, record->owner)) return std::nullopt;
    const Result<bool> gone_on = go_on(host, *record);
    if (!gone_on)
      return fmt::format("could not let go on what an interrupted run had paused: {}",
                         error_line(gone_on.error()));
    if (*gone_on)
      line = fmt::format("let process {} go on, which an interrupted run had paused", record->pid);
  }
  host::remove_record_file(file);
  return line;
}

}  // namespace

Result<std::string> write_pause_record(const host::Host& host, const std::string& records,
                                       const host::Process& process) {
  return host::write_record_file(
      host, records, fmt::format("{}-{}", process.pid(), process.start_ticks()),
      {{"paused_pid", process.pid()}, {"paused_start_ticks", process.start_ticks()}});
}

std::vector<std::string> let_abandoned_go_on(const host::Host& host, const std::string& records) {
  return host::tend_records(host, records,
                            [&host](const std::string& boot_id, const std::string& file) {
                              return go_on_after(host, boot_id, file);
                            });
}

}  // namespace brim::lab
