// SPDX-License-Identifier: Apache-2.0
#include "lab/guest_record.h"

#include "host/guest_cgroup.h"
#include "host/record_file.h"

#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace brim::lab {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct GuestRecord {
  std::string directory;
  std::string cgroup;
  host::RecordOwner owner;
};

bool is_lab_folder(const std::string& path) {
  return path.starts_with('/') && path.find("/../") == std::string::npos &&
         fs::path(path).filename().string().starts_with(host::kGuestCgroupPrefix);
}

// Nothing for what is no record of brim's: its folder would be removed.
std::optional<GuestRecord> read_record(const std::string& file) {
  const auto object = host::read_record_file(file);
  if (!object) return std::nullopt;
  GuestRecord record;
  try {
    record.directory = object->at("directory").get<std::string>();
    record.cgroup = object->at("cgroup").get<std::string>();
    record.owner = host::owner_in(*object);
  } catch (const json::exception&) {
    return std::nullopt;
  }
  if (!is_lab_folder(record.directory)) return std::nullopt;
  if (!record.cgroup.empty() && !is_lab_folder(record.cgroup)) return std::nullopt;
  return record;
}

// A line to tell; nothing where its brim still runs.
std::optional<std::string> end_one(const host::Host& host, const std::string& boot_id,
                                   const std::string& file) {
  const auto record = read_record(file);
  if (!record) return fmt::format("left {}: not a record of brim's guests", file);
  const bool this_boot = record->owner.boot_id == boot_id;
  if (this_boot && host::owner_lives(host, record->owner)) return std::nullopt;
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
                                       const std::string& directory, const std::string& cgroup) {
  return host::write_record_file(host, records, fs::path(directory).filename().string(),
                                 {{"directory", directory}, {"cgroup", cgroup}});
}

void remove_guest_record(const std::string& file) { host::remove_record_file(file); }

std::vector<std::string> end_abandoned_guests(const host::Host& host, const std::string& records) {
  return host::tend_records(host, records,
                            [&host](const std::string& boot_id, const std::string& file) {
                              return end_one(host, boot_id, file);
                            });
}

}  // namespace brim::lab
