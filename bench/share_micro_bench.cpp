// SPDX-License-Identifier: Apache-2.0
// What the steps of a scan cost a page, with Google Benchmark: to see which step a change moved,
// where share_scan_bench tells whether the whole holds its floors.

#include "base/rng.h"
#include "ratios.h"
#include "share/measure/page_hash.h"
#include "share/measure/page_index.h"

#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

namespace brim::bench {
namespace {

using share::PageHash;
using share::PageHasher;
using share::PageIndex;

constexpr std::size_t kNear = 64;           // pages that stay in the first two caches
constexpr std::size_t kFar = 1 << 16;       // 256 MiB: in memory
constexpr std::size_t kContents = 1 << 20;  // 4 GiB of pages, an index of 32 MB

struct Free {
  void operator()(std::byte* bytes) const { ::operator delete(bytes, std::align_val_t{kPageSize}); }
};
using Pages = std::unique_ptr<std::byte, Free>;

Pages make_pages(std::size_t count) {
  auto* bytes =
      static_cast<std::byte*>(::operator new(count* kPageSize, std::align_val_t{kPageSize}));
  fill_pages(std::span(bytes, count * kPageSize), 1, 1);
  return Pages(bytes);
}

void count_pages(benchmark::State& state, std::size_t pages) {
  const auto all = static_cast<std::int64_t>(pages) * state.iterations();
  state.SetItemsProcessed(all);
  state.SetBytesProcessed(all * static_cast<std::int64_t>(kPageSize));
}

void sum_of_pages(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Pages pages = make_pages(count);
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(sum_words(pages.get(), count * kPageSize));
  count_pages(state, count);
}
BENCHMARK(sum_of_pages)->Arg(kNear)->Arg(kFar)->UseRealTime();

void hash_of_pages(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Pages pages = make_pages(count);
  const PageHasher hasher{Rng(1)};
  std::array<PageHash, PageHasher::kMost> hashes{};
  for ([[maybe_unused]] auto _ : state)
    for (std::size_t at = 0; at < count; at += hashes.size())
      benchmark::DoNotOptimize(
          hasher.hash_pages(pages.get() + at * kPageSize, hashes.size(), hashes.data()));
  count_pages(state, count);
}
BENCHMARK(hash_of_pages)->Arg(kNear)->Arg(kFar)->UseRealTime();

void hash_of_zero_pages(benchmark::State& state) {
  const std::vector<std::byte> pages(PageHasher::kMost * kPageSize);
  const PageHasher hasher{Rng(1)};
  std::array<PageHash, PageHasher::kMost> hashes{};
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(hasher.hash_pages(pages.data(), hashes.size(), hashes.data()));
  count_pages(state, hashes.size());
}
BENCHMARK(hash_of_zero_pages)->UseRealTime();

std::vector<PageHash> random_hashes() {
  std::vector<PageHash> hashes(kContents);
  Rng rng(2);
  for (PageHash& hash : hashes) hash = {rng.next(), rng.next()};
  return hashes;
}

// As a scan does: prefetch the places of a chunk, then insert it.
void add_all(PageIndex& index, std::span<const PageHash> hashes, std::uint32_t subject) {
  for (std::size_t at = 0; at < hashes.size(); at += PageHasher::kMost) {
    const auto chunk = hashes.subspan(at, PageHasher::kMost);
    for (const PageHash& hash : chunk) index.prefetch(hash);
    for (const PageHash& hash : chunk) {
      PageIndex::Page page;
      page.hash = hash;
      page.subject = subject;
      benchmark::DoNotOptimize(index.add(page));
    }
  }
}

PageIndex::Options index_options(bool concurrent) {
  return {.expected_contents = kContents, .concurrent = concurrent};
}

// Argument: with locks, as for several threads.
void index_insert_new(benchmark::State& state) {
  const std::vector<PageHash> hashes = random_hashes();
  for ([[maybe_unused]] auto _ : state) {
    auto index = PageIndex::create(index_options(state.range(0) != 0));
    add_all(*index, hashes, 0);
    state.PauseTiming();
    index = PageIndex::create({});  // giving the memory back is not the insert's
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kContents) * state.iterations());
}
BENCHMARK(index_insert_new)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);

void index_insert_known(benchmark::State& state) {
  const std::vector<PageHash> hashes = random_hashes();
  auto index = PageIndex::create(index_options(state.range(0) != 0));
  add_all(*index, hashes, 0);
  for ([[maybe_unused]] auto _ : state) add_all(*index, hashes, 0);
  state.SetItemsProcessed(static_cast<std::int64_t>(kContents) * state.iterations());
}
BENCHMARK(index_insert_known)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace brim::bench

BENCHMARK_MAIN();
