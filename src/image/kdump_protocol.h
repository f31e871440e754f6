// SPDX-License-Identifier: Apache-2.0
#pragma once
// What brim and its confined libkdumpfile child say to each other: one request and one answer at a
// time over a SOCK_SEQPACKET pair, pages and the like through shared memory. The child is not
// trusted: the parent copies what it gets and checks the copy.

#include "base/units.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace brim::image::kdump {

enum class Operation : std::uint32_t {
  extents,  // pages of memory from frame `first` on, as runs; fewer than Shared holds are the last
  read,     // `count` pages from `first`
  verify,   // whether the file is whole (kdump_completeness.h)
};

struct Request {
  Operation operation = Operation::extents;
  std::uint32_t count = 0;
  std::uint64_t first = 0;  // frame (4 KiB)
};

enum class Status : std::uint32_t {
  ok,
  unconfined,  // the child could not lock itself in; nothing was read
  failed,      // libkdumpfile's words are in Shared::message
  damaged,     // brim's own are
};

// The child sends one of its own accord when the file is open.
struct Answer {
  Status status = Status::ok;
  std::uint32_t count = 0;  // runs or pages
};

struct Run {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

inline constexpr std::size_t kBatchPages = 256;
inline constexpr std::size_t kMessageSize = 512;

struct Shared {
  union {
    std::array<std::byte, kBatchPages * kPageSize> pages;
    std::array<Run, kBatchPages * kPageSize / sizeof(Run)> runs;
  };
  std::array<std::uint8_t, kBatchPages> unavailable;  // 1: the file does not hold this page
  std::array<char, kMessageSize> message;             // ends with 0
};

// Names of numbers that the child finds its descriptors at.
inline constexpr int kDumpFd = 3;
inline constexpr int kSocketFd = 4;

// Ends a request that takes longer, on either side. Verifying reads all page descriptors: 6 GB for
// a guest of 1 TiB.
constexpr int seconds_for(Operation operation) {
  return operation == Operation::verify ? 1800 : 60;
}

}  // namespace brim::image::kdump
