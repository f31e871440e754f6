// SPDX-License-Identifier: Apache-2.0
#include "lab/guest_record.h"

#include "base/fd.h"
#include "base/json_text.h"
#include "host/guest_cgroup.h"
#include "host/process.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace brim::lab {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";

bool is_lab_folder(const std::string& path) {
  return path.starts_with('/') && path.find("/../") == std::string::npos &&
         fs::path(path).filename().string().starts_with(host::kGuestCgroupPrefix);
}

// Nothing for what is no record of brim's: its folder would be removed.
std::optional<GuestRecord> read_record(const fs::path& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto object = parse_json(text);
  if (!object || !object->is_object()) return std::nullopt;
  GuestRecord record;
  try {
    record.directory = object->at("directory").get<std::string>();
    record.cgroup = object->at("cgroup").get<std::string>();
    record.boot_id = object->at("boot_id").get<std::string>();
    record.owner_pid = object->at("owner_pid").get<int>();
    record.owner_start_ticks = object->at("owner_start_ticks").get<std::uint64_t>();
  } catch (const json::exception&) {
    return std::nullopt;
  }
  if (!is_lab_folder(record.directory)) return std::nullopt;
  if (!record.cgroup.empty() && !is_lab_folder(record.cgroup)) return std::nullopt;
  return record;
}

bool owner_lives(const host::Host& host, const GuestRecord& record) {
  const auto process = host::Process::open(host, record.owner_pid);
  if (process) return process->start_ticks() == record.owner_start_ticks;
  return process.error().code == ErrorCode::denied;  // can't be told: leave it alone
}

// A line to tell; nothing where its brim still runs.
std::optional<std::string> end_one(const host::Host& host, const std::string& boot_id,
                                   const fs::path& file) {
  const auto record = read_record(file);
  if (!record) return fmt::format("left {}: not a record of brim's guests", file.string());
  const bool this_boot = record->boot_id == boot_id;
  if (this_boot && owner_lives(host, *record)) return std::nullopt;
  if (this_boot && !record->cgroup.empty()) {
    if (const auto removed = host::remove_guest_cgroup(record->cgroup); !removed)
      return fmt::format("could not end a guest that an interrupted run left: {}",
                         error_line(removed.error()));
  }
  std::error_code error;
  fs::remove_all(record->directory, error);
  if (error) return fmt::format("could not remove {}: {}", record->directory, error.message());
  remove_guest_record(file);
  return fmt::format("ended the guest in {}, which an interrupted run had started",
                     record->directory);
}

}  // namespace

Result<std::string> write_guest_record(const host::Host& host, const std::string& records,
                                       GuestRecord record) {
  BRIM_TRY(record.boot_id, host.read_value(kBootId));
  BRIM_TRY(const host::Process self, host::Process::open(host, ::getpid()));
  const json object = {{"directory", record.directory},
                       {"cgroup", record.cgroup},
                       {"boot_id", record.boot_id},
                       {"owner_pid", self.pid()},
                       {"owner_start_ticks", self.start_ticks()}};
  std::error_code error;
  fs::create_directories(records, error);
  if (error) return fail(errno_error(error.value(), "create the folder of guests", records));
  fs::permissions(records, fs::perms(0700), error);
  const std::string name = fs::path(record.directory).filename().string();
  std::string path = fmt::format("{}/{}.json", records, name);
  const std::string text = json_text(object);
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return fail(errno_error(errno, "create a guest's record", path));
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.get()) != 0)
    return fail(errno_error(errno, "write a guest's record", path));
  return path;
}

void remove_guest_record(const std::string& file) { ::unlink(file.c_str()); }

std::vector<std::string> end_abandoned_guests(const host::Host& host, const std::string& records) {
  std::vector<std::string> lines;
  const auto boot_id = host.read_value(kBootId);
  if (!boot_id || !host.live()) return lines;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(records, error)) {
    if (auto line = end_one(host, *boot_id, item.path())) lines.push_back(std::move(*line));
  }
  return lines;
}

}  // namespace brim::lab
