// SPDX-License-Identifier: Apache-2.0
#include "host/record_file.h"

#include "base/fd.h"
#include "base/json_text.h"
#include "host/files.h"
#include "host/process.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace brim::host {

namespace fs = std::filesystem;
using nlohmann::json;

Result<std::string> boot_id_of(const Host& host) {
  return host.read_value("/proc/sys/kernel/random/boot_id");
}

namespace {

Result<void> write_whole(const Fd& file, const std::string& text, const std::string& path) {
  if (!file) return fail(errno_error(errno, "create a record", path));
  if (!write_all(file.get(), text) || ::fsync(file.get()) != 0)
    return fail(errno_error(errno, "write a record", path));
  return {};
}

// A file without a name gets one once it is written. Where the file system has none of those, a
// brim that is killed in between leaves a part of a record.
Result<void> write_new_file(const std::string& folder, const std::string& path,
                            const std::string& text) {
  const Fd nameless(::open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
  if (!nameless) {
    const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    auto written = write_whole(file, text, path);
    if (file && !written) ::unlink(path.c_str());
    return written;
  }
  BRIM_CHECK(write_whole(nameless, text, path));
  const std::string link = fmt::format("/proc/self/fd/{}", nameless.get());
  if (::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
    return fail(errno_error(errno, "create a record", path));
  return {};
}

}  // namespace

Result<std::string> write_record_file(const Host& host, const std::string& records,
                                      const std::string& name, json object) {
  BRIM_TRY(const std::string boot_id, boot_id_of(host));
  BRIM_TRY(const Process self, Process::open(host, ::getpid()));
  object["boot_id"] = boot_id;
  object["owner_pid"] = self.pid();
  object["owner_start_ticks"] = self.start_ticks();
  std::error_code error;
  fs::create_directories(records, error);
  if (error) return fail(errno_error(error.value(), "create the folder of records", records));
  fs::permissions(records, fs::perms(0700), error);
  std::string path = fmt::format("{}/{}.json", records, name);
  BRIM_CHECK(write_new_file(records, path, json_text(object)));
  return path;
}

void remove_record_file(const std::string& file) { ::unlink(file.c_str()); }

std::optional<json> read_record_file(const std::string& file) {
  std::ifstream stream(file);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  auto object = parse_json(text);
  if (!object || !object->is_object()) return std::nullopt;
  return std::move(*object);
}

RecordOwner owner_in(const json& object) {
  return {object.at("boot_id").get<std::string>(), object.at("owner_pid").get<int>(),
          object.at("owner_start_ticks").get<std::uint64_t>()};
}

std::vector<std::string> tend_records(const Host& host, const std::string& records,
                                      const TendRecord& tend) {
  std::vector<std::string> lines;
  const auto boot_id = boot_id_of(host);
  if (!boot_id || !host.live()) return lines;
  std::error_code error;
  std::vector<std::string> files;  // all of them first: what is done removes some
  for (const auto& item : fs::directory_iterator(records, error)) files.push_back(item.path());
  std::sort(files.begin(), files.end());
  for (const std::string& file : files)
    if (auto line = tend(*boot_id, file)) lines.push_back(std::move(*line));
  return lines;
}

bool owner_lives(const Host& host, const RecordOwner& owner) {
  const auto process = Process::open(host, owner.pid);
  if (process) return process->start_ticks() == owner.start_ticks;
  return process.error().code == ErrorCode::denied;
}

}  // namespace brim::host
