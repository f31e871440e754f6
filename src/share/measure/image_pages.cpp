// SPDX-License-Identifier: Apache-2.0
#include "share/measure/image_pages.h"

#include "share/measure/page_codec.h"

#include <bit>
#include <utility>

#include <fmt/format.h>

namespace brim::share {

std::uint64_t content_number(const PageHash& hash) {
  const std::uint64_t number = hash.low ^ std::rotl(hash.high, 32);
  return number == 0 ? 1 : number;
}

void DistinctPages::add(std::uint64_t number, std::uint32_t image, std::uint64_t page,
                        std::span<const std::byte, kPageSize> bytes) {
  const auto place = static_cast<std::uint32_t>(pages_.size());
  if (!places_.try_emplace(number, place).second) return;
  Known& known = pages_.emplace_back();
  known.blocks = hasher_.hash(bytes);
  known.page = page;
  known.image = image;
}

std::optional<std::uint32_t> DistinctPages::find(std::uint64_t number) const {
  const auto at = places_.find(number);
  if (at == places_.end()) return std::nullopt;
  return at->second;
}

// What one thread works with at a time.
struct ImagePages::Bench {
  std::vector<std::unique_ptr<SubjectReader>> readers;  // by image; null: not needed yet
  PageCodec codec;
  PageBuffer page{};
  PageBuffer reference{};
};

class ImagePages::Borrowed {
 public:
  explicit Borrowed(const ImagePages& from) : from_(from) {
    const std::lock_guard lock(from_.mutex_);
    if (from_.benches_.empty()) {
      bench_ = std::make_unique<Bench>();
      bench_->readers.resize(from_.images_.size());
      return;
    }
    bench_ = std::move(from_.benches_.back());
    from_.benches_.pop_back();
  }
  ~Borrowed() {
    const std::lock_guard lock(from_.mutex_);
    from_.benches_.push_back(std::move(bench_));
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  [[nodiscard]] Bench& bench() { return *bench_; }

 private:
  const ImagePages& from_;
  std::unique_ptr<Bench> bench_;
};

ImagePages::ImagePages(DistinctPages pages, std::vector<std::unique_ptr<Subject>> images)
    : pages_(std::move(pages)),
      images_(std::move(images)),
      compressed_(std::make_unique<std::atomic<std::uint16_t>[]>(pages_.size())) {}

ImagePages::~ImagePages() = default;

BlockHashes ImagePages::blocks(std::uint64_t number) const {
  const auto place = pages_.find(number);
  return place ? pages_[*place].blocks : BlockHashes{};
}

Result<void> ImagePages::read(Bench& bench, std::uint32_t place, std::uint64_t number,
                              PageBuffer& out) const {
  const DistinctPages::Known& known = pages_[place];
  const Subject& image = *images_[known.image];
  std::unique_ptr<SubjectReader>& reader = bench.readers[known.image];
  if (!reader) {
    BRIM_TRY(reader, image.reader());
  }
  if (auto reread = reader->reread(known.page, out); !reread) {
    if (reread.error().where.empty()) reread.error().where = image.name();
    return reread;
  }
  if (content_number(hasher_.hash(out)) != number)
    return fail(ErrorCode::gone,
                fmt::format("page {} changed after it was read for the first time",
                            std::uint64_t{known.page}),
                image.name());
  return {};
}

Result<std::uint32_t> ImagePages::measure_compressed(std::uint32_t place,
                                                     std::uint64_t number) const {
  Borrowed borrowed(*this);
  Bench& bench = borrowed.bench();
  BRIM_CHECK(read(bench, place, number, bench.page));
  return bench.codec.lz4_size(bench.page);
}

Result<std::uint32_t> ImagePages::measure_patch(std::uint32_t place, std::uint64_t number,
                                                std::uint32_t reference_place,
                                                std::uint64_t reference) const {
  Borrowed borrowed(*this);
  Bench& bench = borrowed.bench();
  BRIM_CHECK(read(bench, place, number, bench.page));
  BRIM_CHECK(read(bench, reference_place, reference, bench.reference));
  return bench.codec.patch_size(bench.page, bench.reference);
}

std::uint32_t ImagePages::size_or_page(const Result<std::uint32_t>& size) const {
  if (size) return *size;
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = size.error();
  return kPageSize;
}

std::uint32_t ImagePages::compressed_size(std::uint64_t number) const {
  const auto place = pages_.find(number);
  if (!place) return kPageSize;
  // Two threads that ask at once find the same.
  std::atomic<std::uint16_t>& known = compressed_[*place];
  if (const std::uint16_t size = known.load(std::memory_order_relaxed); size != 0) return size;
  const std::uint32_t size = size_or_page(measure_compressed(*place, number));
  known.store(static_cast<std::uint16_t>(size), std::memory_order_relaxed);
  return size;
}

std::uint32_t ImagePages::patch_size(std::uint64_t number, std::uint64_t reference) const {
  const auto place = pages_.find(number);
  const auto other = pages_.find(reference);
  if (!place || !other) return kPageSize;
  const std::uint64_t both = std::uint64_t{*place} << 32 | *other;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = patches_.find(both); known != patches_.end()) return known->second;
  }
  const std::uint32_t size = size_or_page(measure_patch(*place, number, *other, reference));
  const std::lock_guard lock(mutex_);
  patches_.try_emplace(both, static_cast<std::uint16_t>(size));
  return size;
}

Result<void> ImagePages::check() const {
  const std::lock_guard lock(mutex_);
  if (error_) return fail(*error_);
  return {};
}

}  // namespace brim::share
