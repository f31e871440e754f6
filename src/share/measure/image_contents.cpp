// SPDX-License-Identifier: Apache-2.0
#include "share/measure/image_contents.h"

#include "share/measure/image_subject.h"
#include "share/measure/page_hash.h"

#include <algorithm>
#include <array>
#include <utility>

namespace brim::share {
namespace {

// Takes in the pages of one image after the other.
class ImageIntake {
 public:
  // `known` gets the distinct pages; null: nobody asks for them.
  explicit ImageIntake(DistinctPages* known) : known_(known) {}

  Result<ImageContents> take(const Subject& image, const Cancel& cancel) {
    ImageContents contents{image.name(), {}, Pages(0)};
    contents.pages.reserve(image.readable_pages().count());
    BRIM_TRY(const std::unique_ptr<SubjectReader> reader, image.reader());
    for (const Part& part : image.parts()) {
      if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
      BRIM_TRY(const UnreadPages unread,
               reader->read(part, [&](const PageBatch& batch) { take(batch, contents.pages); }));
      contents.unread += Pages(unread.denied);
    }
    if (auto damage = image.damage()) return fail(std::move(*damage));
    ++image_;
    return contents;
  }

 private:
  void take(const PageBatch& batch, std::vector<std::uint64_t>& pages) {
    if (batch.known_zero) {
      pages.resize(pages.size() + batch.count());
      return;
    }
    std::array<PageHash, PageHasher::kMost> hashes;
    for (std::size_t first = 0; first < batch.count(); first += hashes.size()) {
      const std::size_t count = std::min(hashes.size(), batch.count() - first);
      const std::byte* const bytes = batch.bytes.data() + first * kPageSize;
      const std::uint64_t zero = hasher_.hash_pages(bytes, count, hashes.data());
      for (std::size_t i = 0; i < count; ++i) {
        const bool is_zero = (zero >> i & 1) != 0;
        pages.push_back(is_zero ? 0 : content_number(hashes.at(i)));
        if (known_ != nullptr && !is_zero)
          known_->add(pages.back(), image_, batch.first_page + first + i,
                      std::span<const std::byte, kPageSize>(bytes + i * kPageSize, kPageSize));
      }
    }
  }

  PageHasher hasher_ = PageHasher::stable();
  DistinctPages* known_;
  std::uint32_t image_ = 0;
};

Result<std::vector<ImageContents>> take_all(std::span<const std::unique_ptr<Subject>> images,
                                            DistinctPages* known, const Cancel& cancel) {
  ImageIntake intake(known);
  std::vector<ImageContents> all;
  for (const auto& image : images) {
    BRIM_TRY(all.emplace_back(), intake.take(*image, cancel));
  }
  return all;
}

}  // namespace

Result<std::vector<ImageContents>> read_image_contents(std::span<const std::string> paths,
                                                       const Cancel& cancel) {
  BRIM_TRY(const auto images, open_image_subjects(paths, cancel));
  return take_all(images, nullptr, cancel);
}

Result<ImageReading> read_image_pages(std::span<const std::string> paths, const Rng& rng,
                                      const Cancel& cancel) {
  BRIM_TRY(auto images, open_image_subjects(paths, cancel));
  DistinctPages known(rng);
  ImageReading reading;
  BRIM_TRY(reading.contents, take_all(images, &known, cancel));
  known.finish();
  reading.pages = std::make_shared<const ImagePages>(std::move(known), std::move(images));
  return reading;
}

}  // namespace brim::share
