// SPDX-License-Identifier: Apache-2.0
#include "host/zram_disk.h"

#include "host/swap_record.h"
#include "host/swap_switch.h"

#include <vector>

namespace brim::host {

Result<std::pair<ZramDevice, std::string>> add_recorded_zram(const Host& host,
                                                             const std::string& records,
                                                             Bytes disksize) {
  BRIM_TRY(const std::vector<unsigned> before, zram_numbers(host));
  BRIM_TRY(const std::string awaited, write_swap_record(host, records, AwaitedZram{before}));
  auto device = add_zram(host);
  if (!device) {
    remove_record_file(awaited);
    return fail(std::move(device).error());
  }
  device->disksize = disksize;
  auto record = write_swap_record(host, records, *device);
  // Left, with the record that awaits it, where it can't be removed either.
  if (record || remove_zram(host, *device)) remove_record_file(awaited);
  if (!record) return fail(std::move(record).error());
  return std::pair(*device, std::move(*record));
}

ZramDisk::ZramDisk(ZramDisk&& other) noexcept
    : host_(std::exchange(other.host_, nullptr)),
      device_(other.device_),
      record_(std::move(other.record_)) {}

ZramDisk::~ZramDisk() { static_cast<void>(remove()); }

// What may swap may do this, too; removing it needs /proc/swaps.
Result<ZramDisk> ZramDisk::create(const Host& host, const std::string& records, Bytes size) {
  BRIM_CHECK(check_may_swap(host));
  BRIM_TRY(const Fd lock, lock_swap_records(records));
  BRIM_TRY(auto added, add_recorded_zram(host, records, size));
  ZramDisk disk(host, added.first, std::move(added.second));
  BRIM_CHECK(set_up_zram(host, disk.device_, ""));
  return disk;
}

Result<void> ZramDisk::remove() {
  if (host_ == nullptr) return {};
  BRIM_CHECK(remove_zram(*host_, device_));
  remove_record_file(record_);
  host_ = nullptr;
  return {};
}

Result<Fd> ZramDisk::open(int flags) const {
  return host_->open_file(zram_path(device_.number), flags);
}

}  // namespace brim::host
