// SPDX-License-Identifier: Apache-2.0
#pragma once
// Makes a file or block device a swap area and takes it into use: the header that mkswap(8) writes,
// swapon(2), swapoff(2). The header is brim's own: one page of a format that has not changed since
// Linux 2.2 (union swap_header, include/linux/swap.h), so that util-linux need not be there and a
// file that has no name yet can get one. Internal to the host room.

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"

#include <cstdint>
#include <string>

namespace brim::host {

// Used before all areas there are, or after them.
enum class SwapOrder : std::uint8_t { first, last };

// The first page of an area of this size; at least 10 pages, as the kernel asks for.
[[nodiscard]] Result<std::string> swap_header(Bytes size);
[[nodiscard]] Result<void> write_swap_header(int file, Bytes size, const std::string& where);

// `denied`, or `missing` with the reason, where this process can't switch areas on.
[[nodiscard]] Result<void> check_may_swap(const Host& host);

// LIMIT: `last` leaves the priority to the kernel: below all others up to Linux 6.18 (seen there),
// but an area that an admin gave no priority either may share its rank on others.
[[nodiscard]] Result<void> swap_on(const Host& host, const std::string& path, SwapOrder order);

// Comes back when all that is in it is in memory again, which takes as long as reading it does:
// seconds a GiB, more under load; what does not fit makes the kernel refuse, or kill this process
// first (it marks the caller of swapoff(2) so). Signals that are handled don't end it.
[[nodiscard]] Result<void> swap_off(const std::string& path);

}  // namespace brim::host
