// SPDX-License-Identifier: Apache-2.0
#pragma once
// From timed requests to the keys of a flash device (thrash/model/swap_device.h, FlashShape): so
// many channels, each of which takes a request for its latency and the time that the request's
// pages take at the channel's part of the rate. Pure.
//
// Channels: more and more random reads of a page at a time, until no number that is tried brings a
// tenth more. In the model a read takes as long beside others as alone, up to so many as there are
// channels; so these are the reads that are under way then if each took as long as alone, by
// Little's law: throughput times the time alone. Where requests don't disturb each other that is
// the number tried; where they do it is less, and what both bring at most is the same.
//
// How latency and bandwidth are taken apart: a page's share of the bandwidth is 4 KiB times the
// channels over the rate, as the model has it; the latency is what a request of one page took alone
// less that share. So the model's request of one page takes alone what it took here. (A straight
// line through the medians of short and long requests has another slope: here a long request alone
// has all of the device, there a channel. With that line's latency all requests of the model were
// off, and with this one they are off by the slopes' difference for each page after the first.)
//
// LIMIT: one number of channels for reads and writes, told by reads.

#include <span>

namespace brim::thrash::live {

struct Throughput {
  unsigned requests = 1;  // at a time
  double pages_per_s = 0;
};

// Of the fewest requests at a time beyond which no number that was tried brings a tenth more. By
// ascending requests, at least one.
[[nodiscard]] Throughput where_more_bring_little(std::span<const Throughput> tried);
// A whole number from 1 to the requests at a time. `alone_ns`: of one such request.
[[nodiscard]] double channels_of(const Throughput& most, double alone_ns);

// One direction of a device.
struct FlashFit {
  double channels = 1;
  double latency_ns = 0;
  double bytes_per_s = 1;

  [[nodiscard]] double transfer_ns(double pages) const;
  // A request alone.
  [[nodiscard]] double request_ns(double pages) const { return latency_ns + transfer_ns(pages); }
  // So many requests of one page, always.
  [[nodiscard]] double pages_per_s(double requests) const;
};

// Of a request of one page that took so long alone; 0 where the share of the bandwidth is all of
// it.
[[nodiscard]] double latency_without_transfer(double took_ns, double channels, double bytes_per_s);

}  // namespace brim::thrash::live
