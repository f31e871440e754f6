// SPDX-License-Identifier: Apache-2.0
#include "host/swap_record.h"

#include "host/process.h"
#include "host/swap_area.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

namespace brim::host {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json swap_holding_json(const SwapFile& file) {
  return {{"swap", "file"}, {"path", file.path}, {"device", file.device}, {"inode", file.inode}};
}
json swap_holding_json(const ZramDevice& device) {
  json object = {{"swap", "zram"},
                 {"number", device.number},
                 {"sequence", nullptr},
                 {"disksize", device.disksize.count()}};
  if (device.sequence) object["sequence"] = *device.sequence;
  return object;
}
json swap_holding_json(const AwaitedZram& awaited) {
  return {{"swap", "awaited zram"}, {"before", awaited.before}};
}

std::string name_in_record(const SwapFile& file) { return fmt::format("file{}", file.inode); }
std::string name_in_record(const ZramDevice& device) {
  return fmt::format("zram{}", device.number);
}
std::string name_in_record(const AwaitedZram& /*awaited*/) { return "awaited"; }

bool is_swap_file_path(const std::string& path) {
  return path.starts_with('/') && path.find("/../") == std::string::npos &&
         fs::path(path).filename().string().starts_with(kSwapFilePrefix);
}

// Throws nlohmann's exceptions.
std::optional<SwapHolding> swap_holding_in(const json& object) {
  const auto kind = object.at("swap").get<std::string>();
  if (kind == "file") {
    SwapFile file{object.at("path").get<std::string>(), object.at("device").get<std::uint64_t>(),
                  object.at("inode").get<std::uint64_t>()};
    if (!is_swap_file_path(file.path)) return std::nullopt;
    return file;
  }
  if (kind == "zram") {
    ZramDevice device{object.at("number").get<unsigned>(), std::nullopt,
                      Bytes(object.at("disksize").get<std::uint64_t>())};
    if (!object.at("sequence").is_null())
      device.sequence = object.at("sequence").get<std::uint64_t>();
    return device;
  }
  if (kind == "awaited zram") return AwaitedZram{object.at("before").get<std::vector<unsigned>>()};
  return std::nullopt;
}

// What became of one record's holding: whether there was anything to remove.
Result<bool> undo_holding(const Host& host, const SwapFile& file) {
  const bool there = ::access(file.path.c_str(), F_OK) == 0;
  BRIM_CHECK(remove_swap_file(host, file));
  return there && ::access(file.path.c_str(), F_OK) != 0;
}

Result<bool> undo_holding(const Host& host, const ZramDevice& device) {
  const std::string folder = fmt::format("/sys/block/zram{}", device.number);
  const bool there = host.exists(folder);
  BRIM_CHECK(remove_zram(host, device));
  return there && !host.exists(folder);
}

Result<bool> undo_holding(const Host& host, const AwaitedZram& awaited) {
  BRIM_TRY(const std::vector<unsigned> numbers, zram_numbers(host));
  std::vector<ZramDevice> fresh;
  for (const unsigned number : numbers) {
    if (std::find(awaited.before.begin(), awaited.before.end(), number) != awaited.before.end())
      continue;
    BRIM_TRY(const ZramDevice device, look_at_zram(host, number));
    if (device.disksize == Bytes()) fresh.push_back(device);
  }
  if (fresh.size() > 1)
    return fail(ErrorCode::io, "several zram devices are new and not set up; one may be brim's",
                "/sys/block");
  if (fresh.empty()) return false;
  return undo_holding(host, fresh.front());
}

std::string words_for(const SwapHolding& holding) {
  if (const SwapFile* const file = std::get_if<SwapFile>(&holding))
    return fmt::format("the swap file {}", file->path);
  if (const ZramDevice* const device = std::get_if<ZramDevice>(&holding))
    return fmt::format("the device zram{}", device->number);
  return "a zram device";
}

// A line to tell, if there is one.
std::optional<std::string> undo_swap_record(const Host& host, const std::string& boot_id,
                                            const std::string& file, const SwapRecord& record) {
  const bool this_boot = record.owner.boot_id == boot_id;
  if (this_boot && owner_lives(host, record.owner)) return std::nullopt;
  std::optional<std::string> line;
  if (this_boot || std::holds_alternative<SwapFile>(record.holding)) {
    const Result<bool> undone =
        std::visit([&host](const auto& held) { return undo_holding(host, held); }, record.holding);
    if (!undone)
      return fmt::format("could not remove {}, which an interrupted run left: {}",
                         words_for(record.holding), error_line(undone.error()));
    if (*undone)
      line =
          fmt::format("removed {}, which an interrupted run had made", words_for(record.holding));
  }
  remove_record_file(file);
  return line;
}

}  // namespace

Result<std::string> write_swap_record(const Host& host, const std::string& records,
                                      const SwapHolding& holding) {
  BRIM_TRY(const Process self, Process::open(host, ::getpid()));
  const std::string what =
      std::visit([](const auto& held) { return name_in_record(held); }, holding);
  return write_record_file(
      host, records, fmt::format("{}-{}-{}", what, self.pid(), self.start_ticks()),
      std::visit([](const auto& held) { return swap_holding_json(held); }, holding));
}

std::optional<SwapRecord> read_swap_record(const std::string& file) {
  const auto object = read_record_file(file);
  if (!object) return std::nullopt;
  try {
    auto holding = swap_holding_in(*object);
    if (!holding) return std::nullopt;
    return SwapRecord{std::move(*holding), owner_in(*object)};
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

Result<Fd> lock_swap_records(const std::string& records) {
  constexpr int kAttempts = 500;
  constexpr useconds_t kPauseMicroseconds = 10000;
  std::error_code error;
  fs::create_directories(records, error);
  if (error) return fail(errno_error(error.value(), "create the folder of records", records));
  Fd folder(::open(records.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail(errno_error(errno, "open the folder of records", records));
  for (int i = 0; ::flock(folder.get(), LOCK_EX | LOCK_NB) != 0; ++i) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail(errno_error(errno, "lock the records of swap areas", records));
    if (i >= kAttempts)
      return fail(ErrorCode::denied, "another brim makes a swap area, or takes one away", records);
    ::usleep(kPauseMicroseconds);
  }
  return folder;
}

std::vector<std::string> remove_abandoned_swap(const Host& host, const std::string& records) {
  std::vector<std::string> lines;
  const auto boot_id = boot_id_of(host);
  std::error_code error;
  if (!boot_id || !host.live() || !fs::exists(records, error)) return lines;
  if (fs::is_empty(records, error) || error) return lines;
  const auto lock = lock_swap_records(records);
  if (!lock)
    return {fmt::format("left swap areas of interrupted runs: {}", error_line(lock.error()))};
  std::vector<std::pair<std::string, SwapRecord>> found;
  for (const auto& item : fs::directory_iterator(records, error)) {
    auto record = read_swap_record(item.path());
    if (record)
      found.emplace_back(item.path(), std::move(*record));
    else
      lines.push_back(fmt::format("left {}: not a record of brim's", item.path().string()));
  }
  // Named ones first: what is awaited besides them is not one of those.
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.second.holding.index() < b.second.holding.index();
  });
  for (const auto& [file, record] : found)
    if (auto line = undo_swap_record(host, *boot_id, file, record))
      lines.push_back(std::move(*line));
  return lines;
}

}  // namespace brim::host
