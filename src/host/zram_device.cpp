// SPDX-License-Identifier: Apache-2.0
#include "host/zram_device.h"

#include "base/text.h"
#include "host/swap_switch.h"
#include "host/swap_table.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr char kControl[] = "/sys/class/zram-control";

std::string folder_of(unsigned number) { return fmt::format("/sys/block/zram{}", number); }

// Somebody (udev) may look into a new device for a moment, which keeps it busy.
Result<void> hot_remove(const Host& host, unsigned number) {
  constexpr int kAttempts = 500;
  constexpr useconds_t kPauseMicroseconds = 10000;
  const std::string path = fmt::format("{}/hot_remove", kControl);
  BRIM_TRY(const Fd file, host.open_file(path, O_WRONLY));
  const std::string text = std::to_string(number);
  for (int i = 0; i < kAttempts; ++i) {
    if (::write(file.get(), text.data(), text.size()) > 0 || errno == ENODEV) return {};
    if (errno != EBUSY && errno != EINTR)
      return fail(errno_error(errno, fmt::format("remove zram{}", number), path));
    ::usleep(kPauseMicroseconds);
  }
  return fail(ErrorCode::io, "somebody uses it, so it can't be removed", zram_path(number));
}

Result<void> choose_algorithm(const Host& host, unsigned number, const std::string& algorithm) {
  if (algorithm.empty()) return {};
  const std::string path = folder_of(number) + "/comp_algorithm";
  BRIM_TRY(const std::string offered, host.read_value(path));
  for (std::string_view word : split(offered, ' ')) {
    if (word.starts_with('[')) word = word.substr(1, word.size() - 2);
    if (!word.empty() && word == algorithm) return host.write_file(path, algorithm);
  }
  return fail(ErrorCode::bad_input,
              fmt::format("this kernel's zram has no '{}'; it has {}", algorithm, offered), path);
}

}  // namespace

std::string zram_path(unsigned number) { return fmt::format("/dev/zram{}", number); }

Result<std::vector<unsigned>> zram_numbers(const Host& host) {
  constexpr std::string_view kName = "zram";
  BRIM_TRY(const std::vector<std::string> names, host.list("/sys/block"));
  std::vector<unsigned> numbers;
  for (const std::string& name : names) {
    if (!name.starts_with(kName)) continue;
    const auto number = parse_number(name.substr(kName.size()));
    if (number && *number <= std::numeric_limits<unsigned>::max())
      numbers.push_back(static_cast<unsigned>(*number));
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<ZramDevice> look_at_zram(const Host& host, unsigned number) {
  ZramDevice device;
  device.number = number;
  BRIM_TRY(const std::uint64_t bytes, host.read_number(folder_of(number) + "/disksize"));
  device.disksize = Bytes(bytes);
  auto sequence = host.read_number(folder_of(number) + "/diskseq");
  if (sequence)
    device.sequence = *sequence;
  else if (sequence.error().code != ErrorCode::missing)
    return fail(std::move(sequence).error());
  return device;
}

Result<ZramDevice> add_zram(const Host& host) {
  const std::string path = fmt::format("{}/hot_add", kControl);
  auto number = host.read_number(path);
  if (!number && number.error().code == ErrorCode::missing)
    return fail(ErrorCode::missing,
                "the zram module is not loaded, or the kernel has none; modprobe zram",
                host.place(path));
  if (!number) return fail(std::move(number).error());
  return look_at_zram(host, static_cast<unsigned>(*number));
}

Result<void> set_up_zram(const Host& host, const ZramDevice& device, const std::string& algorithm) {
  BRIM_CHECK(choose_algorithm(host, device.number, algorithm));
  return host.write_file(folder_of(device.number) + "/disksize",
                         std::to_string(device.disksize.count()));
}

Result<void> remove_zram(const Host& host, const ZramDevice& device) {
  if (!host.exists(folder_of(device.number))) return {};
  BRIM_TRY(const ZramDevice there, look_at_zram(host, device.number));
  const bool same_size = there.disksize == Bytes() || there.disksize == device.disksize;
  if (there.sequence != device.sequence || !same_size) return {};
  const std::string path = zram_path(device.number);
  BRIM_TRY(const auto used, find_swap(host, path));
  if (used) BRIM_CHECK(swap_off(path));
  return hot_remove(host, device.number);
}

}  // namespace brim::host
