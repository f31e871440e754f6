// SPDX-License-Identifier: Apache-2.0
#include "share/measure/image_contents.h"

#include "share/measure/image_subject.h"
#include "share/measure/page_hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace brim::share {
namespace {

std::uint64_t number_of(const PageHash& hash) {
  const std::uint64_t number = hash.low ^ std::rotl(hash.high, 32);
  return number == 0 ? 1 : number;
}

void add_batch(const PageBatch& batch, const PageHasher& hasher,
               std::vector<std::uint64_t>& pages) {
  if (batch.known_zero) {
    pages.resize(pages.size() + batch.count());
    return;
  }
  std::array<PageHash, PageHasher::kMost> hashes;
  for (std::size_t first = 0; first < batch.count(); first += hashes.size()) {
    const std::size_t count = std::min(hashes.size(), batch.count() - first);
    const std::uint64_t zero =
        hasher.hash_pages(batch.bytes.data() + first * kPageSize, count, hashes.data());
    for (std::size_t i = 0; i < count; ++i)
      pages.push_back((zero >> i & 1) != 0 ? 0 : number_of(hashes.at(i)));
  }
}

Result<ImageContents> contents_of(const Subject& image, const PageHasher& hasher,
                                  const Cancel& cancel) {
  ImageContents contents{image.name(), {}, Pages(0)};
  contents.pages.reserve(image.readable_pages().count());
  BRIM_TRY(const std::unique_ptr<SubjectReader> reader, image.reader());
  for (const Part& part : image.parts()) {
    if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
    BRIM_TRY(const UnreadPages unread, reader->read(part, [&](const PageBatch& batch) {
      add_batch(batch, hasher, contents.pages);
    }));
    contents.unread += Pages(unread.denied);
  }
  if (auto damage = image.damage()) return fail(std::move(*damage));
  return contents;
}

}  // namespace

Result<std::vector<ImageContents>> read_image_contents(std::span<const std::string> paths,
                                                       const Cancel& cancel) {
  BRIM_TRY(const auto images, open_image_subjects(paths, cancel));
  const PageHasher hasher = PageHasher::stable();
  std::vector<ImageContents> all;
  for (const auto& image : images) {
    BRIM_TRY(all.emplace_back(), contents_of(*image, hasher, cancel));
  }
  return all;
}

}  // namespace brim::share
