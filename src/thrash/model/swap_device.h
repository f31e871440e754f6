// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where pages go that have no frame: requests for runs of page-sized slots, and when each is done.
//
// A device takes a request at once and reports it when it is complete; those that the processor
// itself serves (compressed memory) are done as they are submitted, and cost processor time.
//
// LIMIT: a device never returns an error for a single request; only remote memory is lost, as a
// whole.

#include "base/units.h"
#include "thrash/model/model_time.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

namespace brim::thrash::model {

using Slot = std::uint32_t;  // a page's place on the device, from 0
inline constexpr Slot kNoSlot = UINT32_MAX;

enum class Transfer : std::uint8_t { in, out };  // to memory (a read), from it (a write)

struct SwapRequest {
  Transfer transfer = Transfer::in;
  Slot first = 0;
  std::uint32_t count = 1;

  bool operator==(const SwapRequest&) const = default;
};

// One arm over turning disks. The study's is 7200 rpm, 40 GB, 8.5 ms, with a 2 MB buffer; assumed,
// after drives of its time: 58 MB/s at the rim and 40 MB/s at the hub, 1 ms from track to track,
// 17 ms over all tracks, 0.1 ms for a command, and 100 MB/s on the bus (as its maker says).
//
// A seek over the share x of all tracks takes t0 + (s - t0) sqrt(3x) up to a third of them, and
// then grows with x to the full stroke's: the form that Ruemmler and Wilkes measured ("An
// introduction to disk drive modeling", IEEE Computer 27(3), 1994); where it bends is assumed. s is
// such that the mean over all pairs of places is the average seek. A request then waits until its
// slot comes round; tracks are skewed by a track-to-track seek. After a read the drive reads on
// into its buffer until the next request; what is found there costs the bus alone.
//
// With a write cache a write is done as it is in the drive's buffer; once the drive has had no
// request for a turn (assumed) it puts what is there on the disk, and a write that finds no room
// waits until some of it is. Neighbours go together. What is read from there costs the bus alone.
//
// LIMIT: one surface; a seek's distance is reckoned in slots; one request at a time, as ATA without
// command queueing; what is written and what is read ahead do not take room from each other.
struct HardDiskShape {
  double rpm = 7200;
  ModelTime track_to_track = std::chrono::microseconds(1000);
  ModelTime average_seek = std::chrono::microseconds(8500);
  ModelTime full_stroke = std::chrono::microseconds(17000);
  ModelTime command = std::chrono::microseconds(100);
  double outer_bytes_per_second = 58e6;
  double inner_bytes_per_second = 40e6;
  double bus_bytes_per_second = 100e6;
  Bytes capacity{40'000'000'000};
  Bytes buffer = mebibytes(2);
  bool write_cache = false;
  double swap_at = 0.9;  // where the swap area begins: 0 at the rim, 1 at the hub
  // C-LOOK: upwards from where the arm is, then from the lowest again. With `reads_first` writes
  // wait while there are reads, but for one after so many of these (as Linux's deadline elevator
  // does); 0: all alike.
  std::uint32_t reads_first = 0;
};

// Whether a curve of that form rises from track to track to the full stroke with this mean.
[[nodiscard]] bool has_seek_curve(const HardDiskShape& shape);

// Flash behind SATA or PCIe: so many requests at a time, each of which waits its latency and then
// has its part of the bandwidth. Assumed, after data sheets of ordinary drives; a machine's own is
// measured by `brim thrash calibrate`.
// LIMIT: no erasing, no garbage collection, no queue's own limit.
struct FlashShape {
  std::uint32_t channels = 8;
  ModelTime read_latency = std::chrono::microseconds(100);
  ModelTime write_latency = std::chrono::microseconds(60);
  double read_bytes_per_second = 500e6;
  double write_bytes_per_second = 400e6;
};
inline constexpr FlashShape kSataFlash{};
inline constexpr FlashShape kNvmeFlash{.channels = 32,
                                       .read_latency = std::chrono::microseconds(70),
                                       .write_latency = std::chrono::microseconds(20),
                                       .read_bytes_per_second = 3e9,
                                       .write_bytes_per_second = 2e9};

using BackingShape = std::variant<HardDiskShape, FlashShape>;

// zram; with a device behind it, zswap: what the pool has no room for goes there. Assumed: the
// times of LZ4 at about 1.4 and 2.7 GB/s, pages that become a third. LIMIT: all pages compress
// alike; zswap's pool does not make room by moving its oldest pages out.
struct CompressedShape {
  ModelTime compress = std::chrono::nanoseconds(3000);  // of a page
  ModelTime decompress = std::chrono::nanoseconds(1500);
  double compressed_share = 0.35;  // of a page's bytes; with the pool's own losses
  bool takes_memory = true;        // of that which processes can have
  std::optional<Pages> most_pool;  // of RAM; none: no limit
  std::optional<BackingShape> backing;
};

// Another machine's memory over a network: Markatos and Dramitinos ("Implementation of a reliable
// remote memory pager", USENIX 1996) had 10 Mbit/s Ethernet. One transfer at a time on the link,
// each reported a round trip later. The defaults are an assumed gigabit network.
struct RemoteShape {
  ModelTime round_trip = std::chrono::microseconds(100);
  double bytes_per_second = 117e6;
  ModelTime fails_at = kNever;  // what is there is lost then
};

struct DeviceShape {
  Pages slots{0};
  std::variant<HardDiskShape, FlashShape, CompressedShape, RemoteShape> kind;
};

class SwapDevice {
 public:
  virtual ~SwapDevice() = default;

  struct Submitted {
    ModelTime processor{0};  // that it took
    bool done = false;       // already; it is not reported again
  };
  [[nodiscard]] virtual Submitted submit(const SwapRequest& request, ModelTime now) = 0;
  // kNever where none is under way.
  [[nodiscard]] virtual ModelTime next_completion() const = 0;
  // The request that is complete at next_completion(), which has come.
  [[nodiscard]] virtual SwapRequest complete() = 0;

  // What is in the slot is no longer needed.
  virtual void discard(Slot /*slot*/) {}
  // RAM that it takes.
  [[nodiscard]] virtual Pages pool() const { return Pages(0); }
  // Time with any request under way, so far.
  [[nodiscard]] virtual ModelTime busy(ModelTime now) const = 0;
  // When all that is there is lost.
  [[nodiscard]] virtual ModelTime fails_at() const { return kNever; }
};

[[nodiscard]] std::unique_ptr<SwapDevice> make_device(const DeviceShape& shape);
// By the processor itself, whatever is read: no device is behind it.
[[nodiscard]] bool is_read_at_once(const DeviceShape& shape);

}  // namespace brim::thrash::model
