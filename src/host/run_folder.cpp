// SPDX-License-Identifier: Apache-2.0
#include "host/run_folder.h"

#include "host/process.h"
#include "host/record_file.h"

#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::host {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool is_run_folder(const fs::path& path) {
  return path.is_absolute() && path.filename().string().starts_with(kRunFolderPrefix);
}

// Links in it are removed, not what they lead to. Programs that have been killed may still make
// something for a moment.
Result<void> remove_folder(const std::string& path) {
  constexpr int kAttempts = 100;
  constexpr useconds_t kPauseMicroseconds = 20000;
  std::error_code error;
  for (int i = 0; i < kAttempts; ++i) {
    fs::remove_all(path, error);
    if (!error) return {};
    ::usleep(kPauseMicroseconds);
  }
  return fail(errno_error(error.value(), "remove a run's folder", path));
}

// A line to tell, if there is one.
std::optional<std::string> undo_folder_record(const Host& host, const std::string& boot_id,
                                              const std::string& file) {
  const auto record = read_record_file(file);
  const std::string no_record = fmt::format("left {}: not a record of a run's folder", file);
  if (!record) return no_record;
  try {
    const auto path = record->at("folder").get<std::string>();
    const RecordOwner owner = owner_in(*record);
    if (!is_run_folder(path)) return no_record;
    if (owner.boot_id == boot_id && owner_lives(host, owner)) return std::nullopt;
    std::error_code error;
    const bool there = fs::exists(path, error);
    if (const auto removed = remove_folder(path); !removed)
      return fmt::format("could not remove a folder that an interrupted run left: {}",
                         error_line(removed.error()));
    remove_record_file(file);
    if (!there) return std::nullopt;
    return fmt::format("removed the folder {}, which an interrupted run had made", path);
  } catch (const json::exception&) {
    return no_record;
  }
}

}  // namespace

Result<RunFolder> RunFolder::create(const Host& host, const std::string& records,
                                    const std::string& place) {
  BRIM_TRY(const Process self, Process::open(host, ::getpid()));
  const std::string name = fmt::format("{}{}-{}", kRunFolderPrefix, self.pid(), self.start_ticks());
  std::string path = fmt::format("{}{}{}", place, place.ends_with('/') ? "" : "/", name);
  BRIM_TRY(std::string record, write_record_file(host, records, name, {{"folder", path}}));
  RunFolder folder(std::move(path), std::move(record));
  if (::mkdir(folder.path_.c_str(), 0700) != 0)
    return fail(errno_error(errno, "make a folder for a run's programs", folder.path_));
  folder.made_ = true;
  return folder;
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      record_(std::exchange(other.record_, {})),
      made_(other.made_) {}

RunFolder::~RunFolder() { static_cast<void>(remove()); }

Result<void> RunFolder::remove() {
  if (path_.empty()) return {};
  if (made_) BRIM_CHECK(remove_folder(path_));
  remove_record_file(record_);
  path_.clear();
  return {};
}

std::vector<std::string> remove_abandoned_folders(const Host& host, const std::string& records) {
  std::error_code error;
  if (!fs::exists(records, error)) return {};
  return tend_records(host, records, [&](const std::string& boot_id, const std::string& file) {
    return undo_folder_record(host, boot_id, file);
  });
}

}  // namespace brim::host
