// SPDX-License-Identifier: Apache-2.0
#include "share/measure/beyond.h"

#include "share/measure/page_codec.h"
#include "share/measure/savings.h"
#include "share/measure/similarity.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>
#include <queue>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace brim::share {
namespace {

using PageView = std::span<const std::byte, kPageSize>;
using PageBuffer = std::array<std::byte, kPageSize>;

// Offers wait this long for their buckets to come into the cache.
constexpr std::size_t kPendingOffers = 8;

struct Tallies {
  SavingsTally patched;
  SavingsTally lz4;
  SavingsTally zstd;
  SavingsTally patched_then_lz4;
  SavingsTally patched_then_zstd;

  // `whole`: others are patched against this page.
  void add(double patch, double lz4_saving, double zstd_saving, bool whole) {
    patched.add(patch);
    lz4.add(lz4_saving);
    zstd.add(zstd_saving);
    patched_then_lz4.add(patch > 0 ? patch : whole ? 0 : lz4_saving);
    patched_then_zstd.add(patch > 0 ? patch : whole ? 0 : zstd_saving);
  }

  [[nodiscard]] BeyondIdentity identity(std::uint64_t contents, bool patching) const {
    BeyondIdentity result;
    result.examined = patched.examined();
    result.contents = std::max(contents, result.examined);
    result.lz4_saving_pages = lz4.total_saving(contents);
    result.zstd_saving_pages = zstd.total_saving(contents);
    if (patching)
      result.patching = BeyondIdentity::Patching{
          .contents = patched.total_savers(contents),
          .saving_pages = patched.total_saving(contents),
          .then_lz4_saving_pages = patched_then_lz4.total_saving(contents),
          .then_zstd_saving_pages = patched_then_zstd.total_saving(contents)};
    return result;
  }
};

// The contents with the lowest order, and their bytes.
class BottomSample {
 public:
  explicit BottomSample(std::size_t size)
      : size_(size),
        bytes_(size == 0 ? nullptr
                         : std::make_unique_for_overwrite<std::byte[]>(size * kPageSize)) {}

  struct Entry {
    std::uint64_t order = 0;
    PageLocation location;
    std::uint32_t slot = 0;
    bool operator<(const Entry& other) const { return order < other.order; }
  };

  // Any thread; almost all offers end at the first line.
  void offer(std::uint64_t order, PageLocation location, PageView bytes) {
    if (order >= highest_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    std::uint32_t slot = static_cast<std::uint32_t>(entries_.size());
    if (entries_.size() == size_) {
      if (size_ == 0 || order >= entries_.top().order) return;
      slot = entries_.top().slot;
      entries_.pop();
    }
    std::memcpy(&bytes_[slot * kPageSize], bytes.data(), kPageSize);
    entries_.push(Entry{.order = order, .location = location, .slot = slot});
    if (entries_.size() == size_) highest_ = entries_.top().order;
  }

  // Ascending by order; the sample is empty afterwards.
  [[nodiscard]] std::vector<Entry> take() {
    std::vector<Entry> all(entries_.size());
    for (std::size_t i = all.size(); i > 0; --i) {
      all[i - 1] = entries_.top();
      entries_.pop();
    }
    return all;
  }
  [[nodiscard]] PageView bytes(const Entry& entry) const {
    return PageView(&bytes_[entry.slot * kPageSize], kPageSize);
  }
  [[nodiscard]] std::uint64_t memory_bytes() const { return size_ * kPageSize; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
  std::atomic<std::uint64_t> highest_ = ~0ULL;  // offers at or above it can't enter
  std::mutex mutex_;
  std::priority_queue<Entry> entries_;
};

// One content, for the exact examination.
struct Record {
  std::uint64_t order = 0;
  std::array<std::uint64_t, kSimilarityBlocks> blocks{};
  std::uint64_t page = 0;
  std::uint32_t subject = 0;
  std::uint16_t lz4_size = 0;
  std::uint16_t zstd_size = 0;

  [[nodiscard]] PageLocation location() const { return {.subject = subject, .page = page}; }
};

struct alignas(64) Worker {
  struct Pending {
    std::array<ReferenceTable::Place, kSimilarityBlocks> places{};
    std::uint8_t priority = 0;
    PageLocation location;
  };
  std::array<Pending, kPendingOffers> pending;
  std::size_t offered = 0;
  PageCodec codec;
  std::vector<Record> records;
};

}  // namespace

struct BeyondExaminer::State {
  State(const ScanOptions& options, const Rng& rng, std::uint64_t expected_contents,
        unsigned worker_count)
      : exact(options.beyond == Beyond::exact),
        order_salt(rng.split("beyond order").next()),
        priority_salt(rng.split("beyond reference").next()),
        hasher(rng.split("beyond blocks")),
        sample(exact ? 0 : options.beyond_pages),
        workers(worker_count) {
    const bool all_contents = !options.sample || *options.sample >= 1;
    if (!exact && all_contents) table.emplace(expected_contents);
  }

  void offer_reference(Worker& worker, std::uint8_t priority, PageLocation location,
                       PageView bytes);
  void enter(const Worker::Pending& pending);
  void record(Worker& worker, std::uint64_t order, PageLocation location, PageView bytes);
  // Nothing but the sample's order decides which pages come first.
  void examine_sample(const Reread& reread, const Cancel& cancel);
  // What patching the page against its best candidate saves.
  [[nodiscard]] double patch_saving(const Reread& reread, const BottomSample::Entry& entry,
                                    PageView page);
  std::vector<Record> take_records();
  void examine_all(const Reread& reread, const Cancel& cancel);
  [[nodiscard]] bool read_page(const Reread& read, PageLocation location, PageBuffer& out);

  bool exact;
  std::uint64_t order_salt;
  std::uint64_t priority_salt;
  BlockHasher hasher;
  BottomSample sample;
  std::optional<ReferenceTable> table;  // none: patching isn't estimated
  std::vector<Worker> workers;
  PageCodec codec;
  Tallies tallies;
  std::uint64_t references_gone = 0;
};

void BeyondExaminer::State::offer_reference(Worker& worker, std::uint8_t priority,
                                            PageLocation location, PageView bytes) {
  Worker::Pending& pending = worker.pending[worker.offered++ % kPendingOffers];
  if (worker.offered > kPendingOffers) enter(pending);
  pending = {.places = {}, .priority = priority, .location = location};
  const auto hashes = hasher.hash(bytes);
  for (unsigned block = 0; block < kSimilarityBlocks; ++block) {
    pending.places[block] = table->place(block, hashes[block]);
    table->prefetch(pending.places[block]);
  }
}

void BeyondExaminer::State::enter(const Worker::Pending& pending) {
  for (const ReferenceTable::Place place : pending.places)
    table->offer(place, pending.priority, pending.location);
}

void BeyondExaminer::State::record(Worker& worker, std::uint64_t order, PageLocation location,
                                   PageView bytes) {
  worker.records.push_back(
      Record{.order = order,
             .blocks = hasher.hash(bytes),
             .page = location.page,
             .subject = location.subject,
             .lz4_size = static_cast<std::uint16_t>(worker.codec.lz4_size(bytes)),
             .zstd_size = static_cast<std::uint16_t>(worker.codec.zstd_size(bytes))});
}

bool BeyondExaminer::State::read_page(const Reread& read, PageLocation location, PageBuffer& out) {
  if (read(location.subject, location.page, out)) return true;
  ++references_gone;
  return false;
}

double BeyondExaminer::State::patch_saving(const Reread& reread, const BottomSample::Entry& entry,
                                           PageView page) {
  if (!table) return 0;
  PageBuffer reference;
  const auto hashes = hasher.hash(page);
  double patch = 0;
  for (unsigned block = 0; block < kSimilarityBlocks; ++block) {
    const auto candidate = table->find(table->place(block, hashes[block]));
    // A page that is kept itself is the reference of its block.
    if (!candidate || *candidate == entry.location) continue;
    if (!read_page(reread, *candidate, reference)) continue;
    if (!hasher.same_block(block, page, reference)) continue;  // of another hash, or changed
    if (std::memcmp(page.data(), reference.data(), kPageSize) == 0) continue;
    patch = std::max(patch, saved_by_half_rule(codec.patch_size(page, reference)));
  }
  return patch;
}

void BeyondExaminer::State::examine_sample(const Reread& reread, const Cancel& cancel) {
  for (Worker& worker : workers) {
    for (std::size_t i = 0; i < std::min(worker.offered, kPendingOffers); ++i)
      enter(worker.pending[i]);
  }
  for (const BottomSample::Entry& entry : sample.take()) {
    if (cancel.requested()) return;
    const PageView page = sample.bytes(entry);
    tallies.add(patch_saving(reread, entry, page), saved_by_half_rule(codec.lz4_size(page)),
                saved_by_half_rule(codec.zstd_size(page)), false);
  }
}

std::vector<Record> BeyondExaminer::State::take_records() {
  std::vector<Record> all;
  for (Worker& worker : workers) {
    all.insert(all.end(), worker.records.begin(), worker.records.end());
    worker.records = {};
  }
  std::sort(all.begin(), all.end(),
            [](const Record& a, const Record& b) { return a.order < b.order; });
  return all;
}

void BeyondExaminer::State::examine_all(const Reread& reread, const Cancel& cancel) {
  const std::vector<Record> records = take_records();
  // Per block: hash to the whole page that stands for it, by its place in `records`.
  std::array<boost::unordered_flat_map<std::uint64_t, std::uint32_t>, kSimilarityBlocks> holders;
  std::vector<double> patches(records.size());
  std::vector<bool> whole(records.size());
  PageBuffer page;
  PageBuffer reference;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (cancel.requested()) return;
    const Record& record = records[i];
    std::array<std::optional<std::uint32_t>, kSimilarityBlocks> candidates;
    for (unsigned block = 0; block < kSimilarityBlocks; ++block) {
      const auto [holder, is_new] =
          holders[block].try_emplace(record.blocks[block], static_cast<std::uint32_t>(i));
      if (!is_new) candidates[block] = holder->second;
    }
    if (candidates[0] == candidates[1]) candidates[1].reset();
    if (!candidates[0] && !candidates[1]) continue;
    if (!read_page(reread, record.location(), page)) continue;
    std::optional<std::uint32_t> best;
    for (const auto& candidate : candidates) {
      if (!candidate || !read_page(reread, records[*candidate].location(), reference)) continue;
      if (std::memcmp(page.data(), reference.data(), kPageSize) == 0) continue;
      const double saving = saved_by_half_rule(codec.patch_size(page, reference));
      if (saving <= patches[i]) continue;
      patches[i] = saving;
      best = candidate;
    }
    if (!best) continue;
    whole[*best] = true;
    // A patched page can't be a reference: it gives back the block it has just been entered for.
    for (unsigned block = 0; block < kSimilarityBlocks; ++block) {
      const auto holder = holders[block].find(record.blocks[block]);
      if (holder->second == i) holders[block].erase(holder);
    }
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    tallies.add(patches[i], saved_by_half_rule(records[i].lz4_size),
                saved_by_half_rule(records[i].zstd_size), whole[i]);
  }
}

BeyondExaminer::BeyondExaminer(const ScanOptions& options, const Rng& rng,
                               std::uint64_t expected_contents, unsigned workers)
    : state_(std::make_unique<State>(options, rng, expected_contents, workers)) {
  BRIM_ASSERT(options.beyond != Beyond::none);
}

BeyondExaminer::~BeyondExaminer() = default;

void BeyondExaminer::offer(unsigned worker, const PageHash& hash, std::uint32_t subject,
                           std::uint64_t page, PageView bytes) {
  // The hash may be unkeyed (stable_hash): salted, the sample is another in each run all the same.
  const std::uint64_t order = mix_bits(hash.low ^ state_->order_salt);
  const PageLocation location{.subject = subject, .page = page};
  Worker& mine = state_->workers[worker];
  if (state_->exact) {
    state_->record(mine, order, location, bytes);
    return;
  }
  // Independent of the order, or the pages of the sample would be references more or less often.
  const auto priority =
      static_cast<std::uint8_t>(mix_bits(hash.high ^ state_->priority_salt) >> 56);
  if (state_->table) state_->offer_reference(mine, priority, location, bytes);
  state_->sample.offer(order, location, bytes);
}

std::optional<BeyondIdentity> BeyondExaminer::finish(const Reread& reread, std::uint64_t contents,
                                                     const Cancel& cancel) {
  if (state_->exact)
    state_->examine_all(reread, cancel);
  else
    state_->examine_sample(reread, cancel);
  const bool nothing = state_->tallies.patched.examined() == 0;
  if (nothing && cancel.requested()) return std::nullopt;
  BeyondIdentity result =
      state_->tallies.identity(contents, state_->exact || state_->table.has_value());
  result.sampled = !state_->exact;
  result.references_gone = state_->references_gone;
  return result;
}

std::uint64_t BeyondExaminer::memory_bytes() const {
  std::uint64_t bytes = state_->sample.memory_bytes();
  if (state_->table) bytes += state_->table->memory_bytes();
  for (const Worker& worker : state_->workers) {
    bytes += worker.records.capacity() * sizeof(Record);
  }
  return bytes;
}

}  // namespace brim::share
