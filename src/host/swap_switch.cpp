// SPDX-License-Identifier: Apache-2.0
#include "host/swap_switch.h"

#include "base/text.h"
#include "host/probe.h"
#include "host/swap_table.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string_view>

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/swap.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr std::uint64_t kLeastSwapPages = 10;
constexpr int kHighestPriority = SWAP_FLAG_PRIO_MASK;

void put_number(std::string& page, std::size_t at, std::uint32_t number) {
  std::memcpy(page.data() + at, &number, sizeof number);  // in the machine's own order
}

// What first swapon(2) is to be told: above all there are, or nothing.
Result<int> flags_of(const Host& host, SwapOrder order) {
  BRIM_TRY(const std::vector<SwapEntry> entries, read_swap_table(host));
  if (order == SwapOrder::last) return 0;
  int highest = 0;
  for (const SwapEntry& entry : entries) highest = std::max(highest, entry.priority);
  if (highest >= kHighestPriority)
    return fail(ErrorCode::missing,
                fmt::format("a swap area of the highest priority, {}, is in use", kHighestPriority),
                host.place("/proc/swaps"));
  return SWAP_FLAG_PREFER | (highest + 1);
}

}  // namespace

Result<std::string> swap_header(Bytes size) {
  const auto page_size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t pages = size.count() / page_size;
  if (pages < kLeastSwapPages || pages > std::numeric_limits<std::uint32_t>::max())
    return fail(ErrorCode::bad_input, fmt::format("a swap area of {} can't be", human_bytes(size)));
  constexpr std::string_view kMagic = "SWAPSPACE2";
  constexpr std::string_view kLabel = "brim";
  constexpr std::size_t kInfo = 1024;  // after room for a boot loader
  std::string page(page_size, '\0');
  put_number(page, kInfo, 1);                                          // version
  put_number(page, kInfo + 4, static_cast<std::uint32_t>(pages - 1));  // the last page
  kLabel.copy(page.data() + kInfo + 28, kLabel.size());  // after no bad pages, and a UUID of zeros
  kMagic.copy(page.data() + page_size - kMagic.size(), kMagic.size());
  return page;
}

Result<void> write_swap_header(int file, Bytes size, const std::string& where) {
  BRIM_TRY(const std::string page, swap_header(size));
  if (::pwrite(file, page.data(), page.size(), 0) != static_cast<ssize_t>(page.size()) ||
      ::fsync(file) != 0)
    return fail(errno_error(errno, "write the header of a swap area", where));
  return {};
}

Result<void> check_may_swap(const Host& host) {
  if (!host.live())
    return fail(ErrorCode::missing, "swap areas are made on the live machine only", host.root());
  BRIM_CHECK(read_swap_table(host));
  if (!has_effective_capability(host, CAP_SYS_ADMIN))
    return fail(ErrorCode::denied, "swap areas need CAP_SYS_ADMIN; run brim as root");
  return {};
}

Result<void> swap_on(const Host& host, const std::string& path, SwapOrder order) {
  BRIM_TRY(const int flags, flags_of(host, order));
  if (::swapon(path.c_str(), flags) == 0) return {};
  Error error = errno_error(errno, "swap to it", path);
  if (errno == EINVAL) error.what += " (the kernel can't swap to this file system, or device)";
  return fail(std::move(error));
}

Result<void> swap_off(const std::string& path) {
  while (::swapoff(path.c_str()) != 0)
    if (errno != EINTR) {
      Error error = errno_error(errno, "stop swapping to it", path);
      if (errno == ENOMEM) error.what += " (what is swapped out has no room in memory)";
      return fail(std::move(error));
    }
  return {};
}

}  // namespace brim::host
