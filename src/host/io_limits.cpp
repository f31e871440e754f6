// SPDX-License-Identifier: Apache-2.0
#include "host/io_limits.h"

#include "base/text.h"
#include "host/process_text.h"

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace brim::host {
namespace {

constexpr std::string_view kNoThrottling =
    "this kernel limits no cgroup's I/O (CONFIG_BLK_DEV_THROTTLING)";

// What is limited, in either version; of version 1 a file each, of version 2 a key in io.max.
struct IoLimitName {
  std::string_view v1_file;
  std::string_view v2_key;
};
constexpr std::array<IoLimitName, 4> kIoLimitNames = {{
    {"blkio.throttle.read_iops_device", "riops"},
    {"blkio.throttle.write_iops_device", "wiops"},
    {"blkio.throttle.read_bps_device", "rbps"},
    {"blkio.throttle.write_bps_device", "wbps"},
}};
std::array<std::uint64_t, 4> in_order(const IoLimits& limits) {
  return {limits.reads_per_s, limits.writes_per_s, limits.read_rate.count(),
          limits.write_rate.count()};
}

// "8:1", of a disk or a partition; nothing where it has no number, as a path of a multipath disk.
Result<std::optional<std::string>> device_number_in(const Host& host, const std::string& folder) {
  auto number = host.read_value(folder + "/dev");
  if (number) return std::optional(std::move(*number));
  if (number.error().code == ErrorCode::missing) return std::optional<std::string>();
  return fail(std::move(number).error());
}

// Whether one of the disk's partitions has this number: folders that begin with its name.
Result<bool> has_partition(const Host& host, const std::string& disk, const std::string& number) {
  const std::string folder = "/sys/block/" + disk;
  BRIM_TRY(const std::vector<std::string> names, host.list(folder));
  for (const std::string& name : names) {
    const std::string part = fmt::format("{}/{}", folder, name);
    if (!name.starts_with(disk) || !host.exists(part + "/partition")) continue;
    BRIM_TRY(const std::optional<std::string> found, device_number_in(host, part));
    if (found == number) return true;
  }
  return false;
}

using KernelNumbers = std::pair<std::uint64_t, std::uint64_t>;  // 6, 12
constexpr KernelNumbers kSwapPassesFrom{6, 12};                 // tg_dispatch_in_debt()

// Of "6.12.95+deb12-amd64".
std::optional<KernelNumbers> numbers_of(std::string_view release) {
  const auto parts = split(release, '.');
  if (parts.size() < 2) return std::nullopt;
  const auto first = parse_number(parts[0]);
  const auto second = parse_number(parts[1].substr(0, parts[1].find_first_not_of("0123456789")));
  if (!first || !second) return std::nullopt;
  return KernelNumbers(*first, *second);
}

Result<void> write_limit(const Host& host, const std::string& path, const std::string& text) {
  if (!host.exists(path)) return fail(ErrorCode::missing, std::string(kNoThrottling), path);
  return host.write_file(path, text);
}

}  // namespace

Result<std::string> disk_of(const Host& host, std::uint64_t device) {
  const std::string number = fmt::format("{}:{}", major(device), minor(device));
  // Without a number of their own file systems get one of major 0.
  if (major(device) == 0)
    return fail(ErrorCode::missing,
                "its file system is on no block device of its own (btrfs, overlay and tmpfs are "
                "not): name a folder on another one, such as ext4 or XFS",
                number);
  BRIM_TRY(const std::vector<std::string> disks, host.list("/sys/block"));
  for (const std::string& disk : disks) {
    BRIM_TRY(const std::optional<std::string> whole, device_number_in(host, "/sys/block/" + disk));
    if (!whole) continue;
    if (*whole == number) return number;
    BRIM_TRY(const bool in_it, has_partition(host, disk, number));
    if (in_it) return *whole;
  }
  return fail(ErrorCode::missing, fmt::format("no disk here has the device {}", number),
              host.place("/sys/block"));
}

Result<std::string> disk_below(const Host& host, const std::string& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0)
    return fail(errno_error(errno, "look for the disk of", folder));
  auto disk = disk_of(host, status.st_dev);
  if (!disk && disk.error().code == ErrorCode::missing)
    return fail(ErrorCode::missing, std::move(disk).error().what, folder);
  return disk;
}

Result<void> check_io_limits(const Host& host, const GroupPlaces& places) {
  const PartPlace& place = places[GroupPart::io];
  if (place.folder.empty()) return fail(ErrorCode::missing, place.why_not);
  if (place.v2) return {};  // its root, all there is yet, has no limits
  const std::string root = place.folder.substr(0, place.folder.rfind('/'));
  const std::string path = fmt::format("{}/{}", root, kIoLimitNames.front().v1_file);
  if (!host.exists(path)) return fail(ErrorCode::missing, std::string(kNoThrottling), path);
  return {};
}

Result<void> check_swap_writes(const Host& host, const GroupPlaces& places) {
  BRIM_CHECK(check_io_limits(host, places));
  if (places[GroupPart::io].folder != places[GroupPart::memory].folder)
    return fail(ErrorCode::missing,
                "this kernel can't tell whose page is swapped out, for its cgroups have memory and "
                "I/O in two hierarchies (version 1)");
  const std::string path = "/proc/sys/kernel/osrelease";
  BRIM_TRY(const std::string release, host.read_value(path));
  const std::optional<KernelNumbers> kernel = numbers_of(release);
  if (!kernel) return fail(malformed("expected a release as 6.12", host.place(path), 1, release));
  if (*kernel < kSwapPassesFrom) return {};
  return fail(ErrorCode::missing,
              fmt::format("Linux 6.12 and later let what is swapped out pass any limit of I/O, and "
                          "this is {}",
                          release));
}

Result<void> limit_io(const Host& host, const GroupPlaces& places, const IoLimits& limits) {
  const PartPlace& place = places[GroupPart::io];
  if (place.folder.empty()) return fail(ErrorCode::missing, place.why_not);
  const auto values = in_order(limits);
  std::string line = limits.disk;  // of version 2
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    line += fmt::format(" {}={}", kIoLimitNames[i].v2_key, values[i]);
    if (place.v2) continue;
    BRIM_CHECK(write_limit(host, fmt::format("{}/{}", place.folder, kIoLimitNames[i].v1_file),
                           fmt::format("{} {}", limits.disk, values[i])));
  }
  if (!place.v2 || line == limits.disk) return {};
  return write_limit(host, place.folder + "/io.max", line);
}

}  // namespace brim::host
