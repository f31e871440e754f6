// SPDX-License-Identifier: Apache-2.0
#pragma once
// A zram device of brim's own that nothing is swapped to, for what is to be timed on it; there as
// long as this object. It is recorded as swap areas are (swap_area.h), so that `brim restore` and
// brim's next start remove what a killed brim left.

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"
#include "host/host.h"
#include "host/zram_device.h"

#include <string>
#include <utility>

namespace brim::host {

// A new device and the file of its record. Until that is written, another tells that one may be
// there. The folder of records is to be locked (swap_record.h) from before until the device is set
// up. Internal to the host room.
[[nodiscard]] Result<std::pair<ZramDevice, std::string>> add_recorded_zram(
    const Host& host, const std::string& records, Bytes disksize);

class ZramDisk {
 public:
  // `size`: what it holds, uncompressed, in whole pages. `host` must outlive it. `missing` or
  // `denied` with the reason where there can be none; after an error nothing is left.
  [[nodiscard]] static Result<ZramDisk> create(const Host& host, const std::string& records,
                                               Bytes size);
  // Not in a forked copy of the process that made it.
  ~ZramDisk();
  ZramDisk(ZramDisk&& other) noexcept;
  ZramDisk& operator=(ZramDisk&&) = delete;

  // As the destructor, and says what is in the way; then it can be tried again.
  [[nodiscard]] Result<void> remove();

  [[nodiscard]] unsigned number() const { return device_.number; }
  // With the flags of open(2); to be closed before the device is removed.
  [[nodiscard]] Result<Fd> open(int flags) const;

 private:
  ZramDisk(const Host& host, const ZramDevice& device, std::string record)
      : host_(&host), device_(device), record_(std::move(record)) {}

  const Host* host_;  // null: moved away, or removed
  ZramDevice device_;
  std::string record_;
};

}  // namespace brim::host
