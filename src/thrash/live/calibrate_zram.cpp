// SPDX-License-Identifier: Apache-2.0
// What it takes to compress a page of a consumer's and to get it back, on a zram device.
#include "base/own_time.h"
#include "base/rng.h"
#include "base/stats.h"
#include "host/swap_table.h"
#include "host/zram_disk.h"
#include "thrash/live/calibrate.h"
#include "thrash/live/direct_io.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fcntl.h>

namespace brim::thrash::live {
namespace {

constexpr std::array<unsigned, kZramSteps> kWrites = {1, kWritesOfEntry, 64, 256};
constexpr std::size_t kPages = 2048;        // of each content
constexpr std::size_t kPagesTogether = 64;  // for the clock's sake
constexpr Bytes kDisksize(kPages* kPageSize*(kWrites.size() + 1));

// Places on the device: those of the contents, one after the other, and then those of zeros.
constexpr std::uint64_t place_of(std::size_t content, std::size_t page) {
  return (content * kPages + page) * kPageSize;
}
constexpr std::size_t kZeros = kWrites.size();

// As a consumer that fills nothing leaves its pages: each was written to, or it would not be there;
// by the rule of lab/agent/consumer.cpp, which never writes a zero.
void write_as_consumers(const IoBuffer& pages, unsigned writes, Rng rng) {
  const auto write_to = [&](std::size_t page) {
    const std::uint64_t drawn = rng.next();
    pages.page(page)[drawn % kPageSize] = static_cast<std::byte>(drawn >> 56U) | std::byte{1};
  };
  for (std::size_t page = 0; page < kPages; ++page) write_to(page);
  for (std::size_t i = 0; i < kPages * (writes - 1); ++i) write_to(rng.below(kPages));
}

// Processor time of a page, over some in order.
Result<double> time_pages_of_zram(int device, IoKind kind, const IoBuffer& pages, std::size_t first,
                                  std::uint64_t place) {
  const auto start = thread_time();
  for (std::size_t page = 0; page < kPagesTogether; ++page)
    BRIM_CHECK(transfer(device, kind, pages.page(first + page), place + page * kPageSize));
  const std::chrono::duration<double, std::nano> took = thread_time() - start;
  return took.count() / static_cast<double>(kPagesTogether);
}

class TimedZram {
 public:
  static Result<TimedZram> make(const host::Host& host, const std::string& records) {
    BRIM_TRY(host::ZramDisk disk, host::ZramDisk::create(host, records, kDisksize));
    BRIM_TRY(Fd device, disk.open(O_RDWR | O_DIRECT));
    return TimedZram(host, std::move(disk), std::move(device));
  }

  // The content's own places and memory are fresh.
  Result<ContentFigures> time(std::size_t content) {
    ContentFigures found{.writes = kWrites.at(content), .compress_ns = {}, .decompress_ns = {}};
    const IoBuffer pages{Bytes(kPages * kPageSize)};
    write_as_consumers(pages, found.writes, Rng(1).split("content", content));
    BRIM_TRY(const host::ZramUse before, host::read_zram_use(*host_, disk_.number()));
    BRIM_CHECK(time_kind(IoKind::write, pages, content, found.compress_ns));
    BRIM_TRY(const host::ZramUse after, host::read_zram_use(*host_, disk_.number()));
    BRIM_CHECK(time_kind(IoKind::read, pages, content, found.decompress_ns));
    found.compressed_share =
        (static_cast<double>(after.memory.count()) - static_cast<double>(before.memory.count())) /
        static_cast<double>(kPages * kPageSize);
    return found;
  }

 private:
  TimedZram(const host::Host& host, host::ZramDisk disk, Fd device)
      : host_(&host), disk_(std::move(disk)), device_(std::move(device)) {}

  // In turns with pages of zeros, whose time is taken off.
  Result<void> time_kind(IoKind kind, const IoBuffer& pages, std::size_t content,
                         std::vector<double>& ns) {
    for (std::size_t page = 0; page < kPages; page += kPagesTogether) {
      BRIM_TRY(const double own,
               time_pages_of_zram(device_.get(), kind, pages, page, place_of(content, page)));
      BRIM_TRY(const double bare,
               time_pages_of_zram(device_.get(), kind, zeros_, 0, place_of(kZeros, page)));
      ns.push_back(own - bare);
    }
    return {};
  }

  const host::Host* host_;
  host::ZramDisk disk_;
  Fd device_;  // closed before the device is removed
  IoBuffer zeros_{Bytes(kPagesTogether * kPageSize)};
};

Result<std::vector<ContentFigures>> time_contents(const host::Host& host,
                                                  const std::string& records, Progress& progress,
                                                  const Cancel& cancel) {
  BRIM_TRY(TimedZram zram, TimedZram::make(host, records));
  std::vector<ContentFigures> found;
  for (std::size_t content = 0; content < kWrites.size(); ++content) {
    if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
    BRIM_TRY(ContentFigures one, zram.time(content));
    found.push_back(std::move(one));
    progress.advance(1);
  }
  return found;
}

void take_ns(std::vector<double> ns, MeasuredFigure& figure) {
  if (percentile(ns, 50) > 0)
    figure.values = std::move(ns);
  else
    figure.reason = "it is lost in the spread of what is taken from it";
}

}  // namespace

ZramFigures without_zram(std::string_view reason) {
  using enum FigureUnit;
  const std::string why(reason);
  return {
      .figures = {{"compress", "a page written to zram, less one of zeros", nanoseconds, {}, why},
                  {"decompress", "a page read from zram, less one of zeros", nanoseconds, {}, why},
                  {"compressed_share", "memory that zram takes for a page", share, {}, why}},
      .contents = {}};
}

Result<ZramFigures> measure_zram(const host::Host& host, const std::string& records,
                                 Progress& progress, const Cancel& cancel) {
  auto contents = time_contents(host, records, progress, cancel);
  if (!contents && contents.error().code == ErrorCode::interrupted)
    return fail(std::move(contents).error());
  if (!contents) return without_zram(error_line(contents.error()));
  ZramFigures found = without_zram("");
  const auto of_entry = std::ranges::find(*contents, kWritesOfEntry, &ContentFigures::writes);
  BRIM_ASSERT(of_entry != contents->end());
  take_ns(of_entry->compress_ns, found.figures[0]);
  take_ns(of_entry->decompress_ns, found.figures[1]);
  found.figures[2].values = {of_entry->compressed_share};
  found.contents = std::move(*contents);
  return found;
}

}  // namespace brim::thrash::live
