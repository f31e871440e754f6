// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/swap_from_scenario.h"

#include "base/text.h"

#include <cmath>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

using std::chrono::nanoseconds;
using study::Settings;
using Kind = decltype(DeviceShape::kind);

Bytes times(Bytes bytes, double factor) {
  return Bytes(
      static_cast<std::uint64_t>(std::llround(static_cast<double>(bytes.count()) * factor)));
}

tl::unexpected<Error> bad_hardware(std::string what) {
  return fail(ErrorCode::bad_input, std::move(what), "hardware");
}

// Bytes a second.
Result<double> rate(const Settings& hardware, std::string_view key) {
  const auto bytes = hardware.get<Bytes>(key);
  if (bytes == Bytes(0)) return bad_hardware(fmt::format("{} is 0: it must be more", key));
  return static_cast<double>(bytes.count());
}

Result<HardDiskShape> disk(const study::Scenario& scenario, double scale) {
  const Settings& hardware = scenario.hardware;
  const Settings& system = scenario.mechanism.settings;
  HardDiskShape shape;
  shape.rpm = hardware.get<double>("disk_rpm");
  shape.average_seek = hardware.get<nanoseconds>("disk_seek");
  shape.track_to_track = hardware.get<nanoseconds>("disk_track_to_track");
  shape.full_stroke = hardware.get<nanoseconds>("disk_full_stroke");
  BRIM_TRY(shape.outer_bytes_per_second, rate(hardware, "disk_outer_rate"));
  BRIM_TRY(shape.inner_bytes_per_second, rate(hardware, "disk_inner_rate"));
  // Seeks go by shares of the disk: what is on it is smaller by as much.
  shape.capacity = times(hardware.get<Bytes>("disk_capacity"), scale);
  shape.buffer = hardware.get<Bytes>("disk_buffer");
  shape.write_cache = hardware.get<bool>("disk_write_cache");
  shape.swap_at = system.get<double>("swap_at");
  shape.reads_first = static_cast<std::uint32_t>(system.get<std::uint64_t>("reads_first"));
  if (hardware.get<Bytes>("disk_capacity") < hardware.get<Bytes>("swap_size"))
    return bad_hardware(fmt::format("swap_size: {} on a disk_capacity of {}",
                                    human_bytes(hardware.get<Bytes>("swap_size")),
                                    human_bytes(hardware.get<Bytes>("disk_capacity"))));
  if (!has_seek_curve(shape))
    return bad_hardware(
        "disk_track_to_track, disk_seek, disk_full_stroke: no seek curve through these; it has to "
        "rise from the first to the last, with the second as its mean");
  return shape;
}

Result<FlashShape> flash(const Settings& hardware) {
  FlashShape shape;
  shape.channels = static_cast<std::uint32_t>(hardware.get<std::uint64_t>("flash_channels"));
  shape.read_latency = hardware.get<nanoseconds>("flash_read_latency");
  shape.write_latency = hardware.get<nanoseconds>("flash_write_latency");
  BRIM_TRY(shape.read_bytes_per_second, rate(hardware, "flash_read_rate"));
  BRIM_TRY(shape.write_bytes_per_second, rate(hardware, "flash_write_rate"));
  return shape;
}

CompressedShape compressed(const Settings& hardware) {
  return {.compress = hardware.get<nanoseconds>("compress"),
          .decompress = hardware.get<nanoseconds>("decompress"),
          .compressed_share = hardware.get<double>("compressed_share"),
          .takes_memory = hardware.get<bool>("pool_in_memory"),
          .most_pool = std::nullopt,
          .backing = std::nullopt};
}

Result<Kind> kind_of(const study::Scenario& scenario, double scale) {
  const Settings& hardware = scenario.hardware;
  const auto& swap = hardware.get<std::string>("swap");
  if (swap == "nvme") return kNvmeFlash;
  if (swap == "sata_flash") return kSataFlash;
  if (swap == "flash") {
    BRIM_TRY(const FlashShape told, flash(hardware));
    return told;
  }
  if (swap == "zram") return compressed(hardware);
  if (swap == "remote") {
    RemoteShape shape;
    shape.round_trip = hardware.get<nanoseconds>("remote_round_trip");
    BRIM_TRY(shape.bytes_per_second, rate(hardware, "remote_rate"));
    const auto fails_at = hardware.get<nanoseconds>("remote_fails_at");
    shape.fails_at = fails_at == nanoseconds(0) ? kNever : fails_at;
    return shape;
  }
  BRIM_TRY(const HardDiskShape on_disk, disk(scenario, scale));
  if (swap == "disk") return on_disk;
  BRIM_ASSERT(swap == "zswap");
  CompressedShape shape = compressed(hardware);
  shape.most_pool =
      whole_pages(times(hardware.get<Bytes>("memory"), scale * hardware.get<double>("zswap_pool")));
  shape.backing = on_disk;
  return shape;
}

}  // namespace

Result<DeviceShape> swap_from_scenario(const study::Scenario& scenario, double scale) {
  const auto all = scenario.hardware.get<Bytes>("swap_size");
  const auto taken = scenario.mechanism.settings.get<Bytes>("swapped_at_start");
  if (taken > all)
    return fail(ErrorCode::bad_input,
                fmt::format("swapped_at_start: {} of a hardware.swap_size of {}",
                            human_bytes(taken), human_bytes(all)),
                "mechanism");
  DeviceShape shape;
  shape.slots = whole_pages(times(all - taken, scale));
  BRIM_TRY(shape.kind, kind_of(scenario, scale));
  return shape;
}

}  // namespace brim::thrash::model
