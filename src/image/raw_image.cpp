// SPDX-License-Identifier: Apache-2.0
// Linear guest-physical memory: the page at file offset 4096 n is guest frame n.

#include "image/extents.h"
#include "image/mapped_file.h"
#include "image/readers.h"

#include <utility>

namespace brim::image {
namespace {

class RawImage final : public RamImage {
 public:
  RawImage(std::unique_ptr<MappedFile> file, bool was_flattened)
      : file_(std::move(file)),
        was_flattened_(was_flattened),
        all_{GuestFrame(0), whole_pages(Bytes(file_->padded_bytes().size()))} {
    for (ByteRange hole : file_->holes(kMostZeroExtents)) {
      // What pads the last page is zero as well.
      if (hole.end == file_->size()) hole.end = file_->padded_bytes().size();
      append_whole_pages(zeros_, hole);
    }
  }

  [[nodiscard]] ImageFormat format() const override { return ImageFormat::raw; }
  [[nodiscard]] bool was_flattened() const override { return was_flattened_; }
  [[nodiscard]] std::span<const Extent> extents() const override { return {&all_, 1}; }
  [[nodiscard]] std::span<const Extent> zero_extents() const override { return zeros_; }
  [[nodiscard]] Pages padded_pages() const override {
    return Pages(file_->size() % kPageSize != 0 ? 1 : 0);
  }

  Result<std::span<const std::byte>> read(GuestFrame first, Pages count, Scratch& /*scratch*/,
                                          std::vector<GuestFrame>& /*unavailable*/) const override {
    BRIM_ASSERT(holds(extents(), first, count));
    const std::uint64_t offset = first.number() * kPageSize;
    const std::uint64_t length = bytes_of(count).count();
    BRIM_CHECK(file_->prefetch(offset, length));
    return file_->padded_bytes().subspan(offset, length);
  }

  [[nodiscard]] Result<void> check_intact() const override { return file_->check_intact(); }

 private:
  std::unique_ptr<MappedFile> file_;
  bool was_flattened_;
  Extent all_;
  std::vector<Extent> zeros_;
};

}  // namespace

Result<std::unique_ptr<RamImage>> open_raw_image(ImageSource source) {
  BRIM_TRY(auto file, MappedFile::create(std::move(source.fd), std::move(source.name)));
  return std::make_unique<RawImage>(std::move(file), source.was_flattened);
}

}  // namespace brim::image
