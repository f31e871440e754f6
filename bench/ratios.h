// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the parts of share_scan_bench have in common. Figures are ratios within one run, of medians
// over repetitions that take turns, so that a slower or busier machine moves both sides.

#include "base/units.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

namespace brim::bench {

constexpr int kRepetitions = 7;

struct BenchOptions {
  bool check = false;
  bool ksm = false;             // also measure merged memory: turns ksmd on and back
  std::size_t mib = 1024;       // of each image
  std::size_t live_mib = 512;   // of the process scanned
  std::size_t memory_gib = 16;  // of the image for `memory`
  std::string folder = "/dev/shm";
  std::string program;  // brim
  std::string only;     // images, live or memory; empty: all
};

// Each prints its lines and tells whether all floors held; false also when it could not measure.
bool measure_images(const BenchOptions& options);
bool measure_live(const BenchOptions& options);
bool measure_command_memory(const BenchOptions& options);

// Eight bytes at a time, as fast as memory gives them.
[[nodiscard]] std::uint64_t sum_words(const std::byte* bytes, std::size_t size);
// Keeps a result from being optimized away.
void use(std::uint64_t value);
// Pages of random words, none like another; with `copies` = 2 every page twice in a row.
void fill_pages(std::span<std::byte> bytes, std::uint64_t seed, std::size_t copies);

template <class Do>
double seconds(Do&& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

[[nodiscard]] inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

enum class Bound : std::uint8_t { at_least, at_most };
inline bool show(const std::string& what, double value, Bound bound, double limit) {
  const bool held = bound == Bound::at_least ? value >= limit : value <= limit;
  fmt::print("{:<52} {:8.2f}  {} {:6.2f}  {}\n", what, value,
             bound == Bound::at_least ? ">=" : "<=", limit, held ? "held" : "MISSED");
  return held;
}

}  // namespace brim::bench
