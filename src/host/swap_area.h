// SPDX-License-Identifier: Apache-2.0
#pragma once
// A swap area of brim's own, in a file or in zram, that is there as long as this object is: made,
// taken into use, swapped off again and removed.
//
// Swap is the whole system's: while the area is in use any process's pages may go to it, not only
// those of the one that is measured, and its counters (swap_table.h) are moved by all of them. Used
// first (SwapOrder) it takes them before an admin's own areas do.
//
// A record on disk names the area before it is there, the file by inode and device, the zram device
// by number, sequence and size, so that `brim restore` and brim's next start take away what a
// killed brim left. A device that the kernel has just added, and that was not named yet, is known
// by being new and not set up; records are written and undone one brim at a time for that (a lock
// on their folder). What a boot made the next one does not have, but for the file: that is removed
// after a reboot, too.
//
// Taking it away (destructor, remove(), a restore) brings all that is in it back into memory, which
// can take seconds a GiB (swap_switch.h): end first what was swapped out.
// LIMIT: where the kernel refuses, because there is no room, area and record stay; remove() says
// so, and `brim restore` tries again.

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"
#include "host/swap_file.h"
#include "host/swap_switch.h"
#include "host/zram_device.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace brim::host {

struct SwapFileRequest {
  std::string folder;
  Bytes size;
  SwapOrder order = SwapOrder::first;
  Bytes reserve = gibibytes(1);  // of the file system, to be left free
};

struct ZramRequest {
  Bytes disksize;         // what it holds, uncompressed
  std::string algorithm;  // "lz4"; empty: the kernel's own choice
  SwapOrder order = SwapOrder::first;
};

class SwapArea {
 public:
  // `records`: the folder of records. `host` must outlive the area. `missing` or `denied` with the
  // reason where there can be none; after an error nothing is left.
  [[nodiscard]] static Result<SwapArea> create_file(const Host& host, const std::string& records,
                                                    const SwapFileRequest& request);
  [[nodiscard]] static Result<SwapArea> create_zram(const Host& host, const std::string& records,
                                                    const ZramRequest& request);
  // Not in a forked copy of the process that made it.
  ~SwapArea();
  SwapArea(SwapArea&& other) noexcept;
  SwapArea& operator=(SwapArea&&) = delete;

  // As the destructor, and says what is in the way; then it can be tried again.
  [[nodiscard]] Result<void> remove();

  [[nodiscard]] const std::string& path() const { return path_; }  // as in /proc/swaps
  [[nodiscard]] std::optional<unsigned> zram_number() const;

 private:
  using Holding = std::variant<SwapFile, ZramDevice>;
  SwapArea(const Host& host, Holding holding, std::string path, std::string record);

  const Host* host_;  // null: moved away, or removed
  Holding holding_;
  std::string path_;
  std::string record_;
};

// Takes away what dead brims left. A line for each area, and for what could not be.
[[nodiscard]] std::vector<std::string> remove_abandoned_swap(const Host& host,
                                                             const std::string& records);

}  // namespace brim::host
