// SPDX-License-Identifier: Apache-2.0
#pragma once
// Records of swap areas and zram devices (record_file.h) as they are written and read. Internal to
// the host room; swap_area.h says what they are for.

#include "base/fd.h"
#include "base/result.h"
#include "host/host.h"
#include "host/record_file.h"
#include "host/swap_file.h"
#include "host/zram_device.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace brim::host {

// The kernel was asked for a device; it is none of those that were there before.
struct AwaitedZram {
  std::vector<unsigned> before;
};
using SwapHolding = std::variant<SwapFile, ZramDevice, AwaitedZram>;

struct SwapRecord {
  SwapHolding holding;
  RecordOwner owner;
};

[[nodiscard]] Result<std::string> write_swap_record(const Host& host, const std::string& records,
                                                    const SwapHolding& holding);
// Nothing for what is no such record: files and devices would be removed by it.
[[nodiscard]] std::optional<SwapRecord> read_swap_record(const std::string& file);

// One brim at a time asks for devices, or undoes; held until the descriptor closes, also by
// SIGKILL. Makes the folder. `denied` where another holds it for seconds: it swaps off an area.
[[nodiscard]] Result<Fd> lock_swap_records(const std::string& records);

}  // namespace brim::host
