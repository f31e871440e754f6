// SPDX-License-Identifier: Apache-2.0
#include "host/swap_area.h"

#include "host/process.h"
#include "host/swap_record.h"
#include "host/zram_disk.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace brim::host {
namespace {

// As the kernel does.
Bytes up_to_whole_pages(Bytes size) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return Bytes((size.count() + page - 1) / page * page);
}

Result<void> write_header_to_device(const std::string& path, Bytes size) {
  const Fd device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!device) return fail(errno_error(errno, "open a new device", path));
  return write_swap_header(device.get(), size, path);
}

}  // namespace

SwapArea::SwapArea(const Host& host, Holding holding, std::string path, std::string record)
    : host_(&host),
      holding_(std::move(holding)),
      path_(std::move(path)),
      record_(std::move(record)) {}

SwapArea::SwapArea(SwapArea&& other) noexcept
    : host_(std::exchange(other.host_, nullptr)),
      holding_(std::move(other.holding_)),
      path_(std::move(other.path_)),
      record_(std::move(other.record_)) {}

SwapArea::~SwapArea() { static_cast<void>(remove()); }

Result<SwapArea> SwapArea::create_file(const Host& host, const std::string& records,
                                       const SwapFileRequest& request) {
  BRIM_CHECK(check_may_swap(host));
  BRIM_CHECK(swap_header(request.size));
  const Bytes size = up_to_whole_pages(request.size);
  BRIM_TRY(const Fd file, make_nameless_swap_file(request.folder, size, request.reserve));
  BRIM_CHECK(write_swap_header(file.get(), size, request.folder));
  BRIM_TRY(const SwapFile named, name_swap_file(file, request.folder));
  BRIM_TRY(std::string record, write_swap_record(host, records, named));
  SwapArea area(host, named, named.path, std::move(record));
  BRIM_CHECK(give_name(file, named));
  BRIM_CHECK(swap_on(host, area.path_, request.order));
  return area;
}

Result<SwapArea> SwapArea::create_zram(const Host& host, const std::string& records,
                                       const ZramRequest& request) {
  BRIM_CHECK(check_may_swap(host));
  BRIM_CHECK(swap_header(request.disksize));
  const Bytes disksize = up_to_whole_pages(request.disksize);
  BRIM_TRY(const Fd lock, lock_swap_records(records));
  BRIM_TRY(auto added, add_recorded_zram(host, records, disksize));
  const ZramDevice device = added.first;
  SwapArea area(host, device, zram_path(device.number), std::move(added.second));
  BRIM_CHECK(set_up_zram(host, device, request.algorithm));
  BRIM_CHECK(write_header_to_device(area.path_, disksize));
  BRIM_CHECK(swap_on(host, area.path_, request.order));
  return area;
}

Result<void> SwapArea::remove() {
  if (host_ == nullptr) return {};
  if (const SwapFile* const file = std::get_if<SwapFile>(&holding_))
    BRIM_CHECK(remove_swap_file(*host_, *file));
  else
    BRIM_CHECK(remove_zram(*host_, std::get<ZramDevice>(holding_)));
  remove_record_file(record_);
  host_ = nullptr;
  return {};
}

std::optional<unsigned> SwapArea::zram_number() const {
  const ZramDevice* const device = std::get_if<ZramDevice>(&holding_);
  if (device == nullptr) return std::nullopt;
  return device->number;
}

}  // namespace brim::host
