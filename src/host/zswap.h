// SPDX-License-Identifier: Apache-2.0
#pragma once
// zswap: compresses pages in memory on their way to a swap area, which it needs behind it
// (Documentation/admin-guide/mm/zswap.rst). What to set is told here; setting it, and putting it
// back, is the journal's work (journal.h).
//
// It is the whole system's, like swap itself. Switched off it keeps what it holds until that is
// read or its area is swapped off: take the area away first, then put the settings back.
// LIMIT: before zswap is switched on for the first time the kernel takes any compressor's name, and
// falls back to its own where it lacks that one (seen on 6.18); later it refuses the name. What
// `compressor` tells after the switching on is what is used.

#include "base/result.h"
#include "host/host.h"

#include <optional>
#include <string>
#include <vector>

namespace brim::host {

struct ZswapWish {
  std::string compressor;                        // "lzo", "lz4", "zstd"; empty: as it is
  std::optional<unsigned> maximum_pool_percent;  // of memory; nothing: as it is
};

struct KernelSetting {
  std::string path;
  std::string value;
};

// What to set, in this order; the switch is the last. `missing` with the reason where there is no
// zswap; `bad_input` for a wish that can't be.
[[nodiscard]] Result<std::vector<KernelSetting>> zswap_settings(const Host& host,
                                                                const ZswapWish& wish);

}  // namespace brim::host
