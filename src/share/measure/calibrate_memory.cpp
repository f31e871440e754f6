// SPDX-License-Identifier: Apache-2.0
// Costs of a page's handling that are timed in this process.
#include "base/rng.h"
#include "base/units.h"
#include "share/measure/calibrate.h"
#include "share/measure/page_codec.h"
#include "share/measure/similarity.h"

#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <span>

#include <boost/unordered_map.hpp>
#include <xxhash.h>

namespace brim::share {
namespace {

constexpr std::size_t kCalibrationPages = 16'384;  // 64 MiB: more than the caches hold
constexpr int kTimes = 11;
constexpr std::uint64_t kTableBlocks = 1ULL << 22;  // of 4 KiB: a disk image of 16 GiB
constexpr std::size_t kLookups = 65'536;

struct FreePages {
  void operator()(std::byte* bytes) const { ::operator delete(bytes, std::align_val_t{kPageSize}); }
};

// Pages that all differ in their first bytes, each twice: the second half is a copy of the first.
class PagePairs {
 public:
  PagePairs() {
    Rng rng(1);
    const std::size_t half = kCalibrationPages / 2 * kPageSize;
    for (std::size_t at = 0; at < half; at += sizeof(std::uint64_t)) {
      // Half of each page is alike throughout, so that it compresses as ordinary data does.
      const std::uint64_t word = at % kPageSize < kPageSize / 2 ? rng.next() : 0x2020202020202020;
      std::memcpy(bytes_.get() + at, &word, sizeof word);
    }
    std::memcpy(bytes_.get() + half, bytes_.get(), half);
  }
  [[nodiscard]] std::byte* page(std::size_t number) const {
    return bytes_.get() + number * kPageSize;
  }
  [[nodiscard]] std::span<const std::byte, kPageSize> view(std::size_t number) const {
    return std::span<const std::byte, kPageSize>(page(number), kPageSize);
  }

 private:
  std::unique_ptr<std::byte, FreePages> bytes_{static_cast<std::byte*>(
      ::operator new(kCalibrationPages* kPageSize, std::align_val_t{kPageSize}))};
};

// The answer of each is used, or the compiler would leave it out.
volatile std::uint64_t timed_answers;

// Nanoseconds a page, each time over all of them; once before, to warm up.
std::vector<double> time_pages(std::size_t pages,
                               const std::function<std::uint64_t(std::size_t)>& work) {
  using std::chrono::steady_clock;
  std::vector<double> ns;
  for (int time = 0; time <= kTimes; ++time) {
    const auto start = steady_clock::now();
    std::uint64_t answers = 0;
    for (std::size_t page = 0; page < pages; ++page) answers += work(page);
    const std::chrono::duration<double, std::nano> took = steady_clock::now() - start;
    timed_answers = answers;
    if (time > 0) ns.push_back(took.count() / static_cast<double>(pages));
  }
  return ns;
}

int compare_pages(const std::byte* a, const std::byte* b) { return std::memcmp(a, b, kPageSize); }

// Of a table as an I/O path keeps one: chained, in no order, and more than the caches hold. Which
// block comes next is told by the one found, so that no two lookups overlap.
std::vector<double> time_lookups() {
  boost::unordered_map<std::uint64_t, std::uint64_t> blocks;
  blocks.reserve(kTableBlocks);
  for (std::uint64_t block = 0; block < kTableBlocks; ++block)
    blocks.emplace(mix_bits(block), block);
  std::uint64_t found = 0;
  return time_pages(kLookups, [&](std::size_t) {
    found = mix_bits(found + blocks.find(mix_bits(found % kTableBlocks))->second + 1);
    return found;
  });
}

}  // namespace

std::vector<MeasuredCost> measure_memory_costs() {
  const PagePairs pairs;
  constexpr std::size_t kHalf = kCalibrationPages / 2;
  constexpr std::size_t kFew = 512;  // of those that take microseconds
  Rng rng(2);
  PageCodec codec;
  return {
      {"checksum_ns", "XXH64 of 4 KiB",
       time_pages(kCalibrationPages,
                  [&](std::size_t i) { return XXH64(pairs.page(i), kPageSize, 0); })},
      {"comparison_ns", "memcmp of two pages at random, unequal from the first bytes",
       time_pages(kCalibrationPages,
                  [&](std::size_t i) {
                    const std::size_t other = (i + 1 + rng.below(kHalf - 1)) % kCalibrationPages;
                    return static_cast<std::uint64_t>(
                        compare_pages(pairs.page(i), pairs.page(other)) > 0);
                  })},
      {"confirmation_ns", "memcmp of two equal pages",
       time_pages(kHalf,
                  [&](std::size_t i) {
                    return static_cast<std::uint64_t>(
                        compare_pages(pairs.page(i), pairs.page(i + kHalf)) == 0);
                  })},
      {"write_ns", "a byte at a random place of 64 MiB",
       time_pages(kCalibrationPages,
                  [&](std::size_t) {
                    volatile std::byte& byte =
                        pairs.page(0)[rng.below(kCalibrationPages * kPageSize)];
                    byte = byte;
                    return std::uint64_t{0};
                  })},
      {"compression_ns", "lz4 of a page half of which is random",
       time_pages(kFew, [&](std::size_t i) { return codec.lz4_size(pairs.view(i)); })},
      {"patch_ns", "zstd of a page against another",
       time_pages(
           kFew,
           [&](std::size_t i) { return codec.patch_size(pairs.view(i), pairs.view(i + 1)); })},
      {"lookup_ns", "a lookup in a hash table of 4,194,304 blocks, at random", time_lookups()},
  };
}

}  // namespace brim::share
