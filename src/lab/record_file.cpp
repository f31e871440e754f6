// SPDX-License-Identifier: Apache-2.0
#include "lab/record_file.h"

#include "base/fd.h"
#include "base/json_text.h"
#include "host/process.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace brim::lab {

namespace fs = std::filesystem;
using nlohmann::json;

Result<std::string> boot_id_of(const host::Host& host) {
  return host.read_value("/proc/sys/kernel/random/boot_id");
}

Result<std::string> write_record_file(const host::Host& host, const std::string& records,
                                      const std::string& name, json object) {
  BRIM_TRY(const std::string boot_id, boot_id_of(host));
  BRIM_TRY(const host::Process self, host::Process::open(host, ::getpid()));
  object["boot_id"] = boot_id;
  object["owner_pid"] = self.pid();
  object["owner_start_ticks"] = self.start_ticks();
  std::error_code error;
  fs::create_directories(records, error);
  if (error) return fail(errno_error(error.value(), "create the folder of records", records));
  fs::permissions(records, fs::perms(0700), error);
  std::string path = fmt::format("{}/{}.json", records, name);
  const std::string text = json_text(object);
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return fail(errno_error(errno, "create a record", path));
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.get()) != 0)
    return fail(errno_error(errno, "write a record", path));
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

bool owner_lives(const host::Host& host, const RecordOwner& owner) {
  const auto process = host::Process::open(host, owner.pid);
  if (process) return process->start_ticks() == owner.start_ticks;
  return process.error().code == ErrorCode::denied;
}

}  // namespace brim::lab
