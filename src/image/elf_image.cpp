// SPDX-License-Identifier: Apache-2.0
// An ELF core's pages: straight from the file's mapping where they lie in one segment, put together
// in scratch where segments meet inside a page, or begin or end inside one.

#include "image/elf_layout.h"
#include "image/extents.h"
#include "image/mapped_file.h"
#include "image/readers.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace brim::image {
namespace {

constexpr std::uint64_t page_of(std::uint64_t address) { return address / kPageSize; }

// The pages of which the segments hold at least a part.
std::vector<Extent> extents_of(std::span<const ElfSegment> segments) {
  std::vector<Extent> extents;
  std::uint64_t next = 0;  // the first page not yet in an extent
  for (const ElfSegment& segment : segments) {
    const std::uint64_t first = std::max(next, page_of(segment.address));
    const std::uint64_t end = page_of(segment.file_end() - 1) + 1;
    if (end > first) append_pages(extents, first, end - first);
    next = std::max(next, end);
  }
  return extents;
}

// Pages of which the file holds only a part. Segments that touch count as one run of bytes.
Pages partial_pages(std::span<const ElfSegment> segments) {
  Pages partial;
  std::uint64_t last = UINT64_MAX;  // the page counted last
  const auto count = [&](std::uint64_t address) {
    if (address % kPageSize == 0 || page_of(address) == last) return;
    last = page_of(address);
    ++partial;
  };
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::uint64_t end = segments[i].file_end();
    const bool continues = i > 0 && segments[i - 1].file_end() == segments[i].address;
    const bool continued = i + 1 < segments.size() && end == segments[i + 1].address;
    if (!continues) count(segments[i].address);
    if (!continued) count(end);
  }
  return partial;
}

// The pages at the segments' ends of which the file holds nothing.
Pages count_missing(std::span<const ElfSegment> segments) {
  Pages missing;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::uint64_t first = page_of(segments[i].file_end() - 1) + 1;
    std::uint64_t end = page_of(segments[i].end() - 1) + 1;
    // The last of them may be the page that the next segment begins in.
    if (i + 1 < segments.size()) end = std::min(end, page_of(segments[i + 1].address));
    if (end > first) missing += Pages(end - first);
  }
  return missing;
}

void append_zeros(const ElfSegment& segment, std::span<const ByteRange> holes,
                  std::vector<Extent>& zeros) {
  const std::uint64_t file_end = segment.offset + segment.file_size;
  auto hole = std::upper_bound(
      holes.begin(), holes.end(), segment.offset,
      [](std::uint64_t offset, const ByteRange& range) { return offset < range.end; });
  for (; hole != holes.end() && hole->begin < file_end && zeros.size() < kMostZeroExtents; ++hole) {
    const std::uint64_t begin = std::max(hole->begin, segment.offset) - segment.offset;
    const std::uint64_t end = std::min(hole->end, file_end) - segment.offset;
    append_whole_pages(zeros, {segment.address + begin, segment.address + end});
  }
}

class ElfImage final : public RamImage {
 public:
  ElfImage(std::unique_ptr<MappedFile> file, std::vector<ElfSegment> segments, bool was_flattened)
      : file_(std::move(file)),
        was_flattened_(was_flattened),
        segments_(std::move(segments)),
        extents_(extents_of(segments_)),
        missing_(count_missing(segments_)),
        padded_(partial_pages(segments_)) {
    const std::vector<ByteRange> holes = file_->holes(kMostZeroExtents);
    for (const ElfSegment& segment : segments_) append_zeros(segment, holes, zeros_);
  }

  [[nodiscard]] ImageFormat format() const override { return ImageFormat::elf; }
  [[nodiscard]] bool was_flattened() const override { return was_flattened_; }
  [[nodiscard]] std::span<const Extent> extents() const override { return extents_; }
  [[nodiscard]] std::span<const Extent> zero_extents() const override { return zeros_; }
  [[nodiscard]] Pages padded_pages() const override { return padded_; }
  [[nodiscard]] Pages missing_pages() const override { return missing_; }

  Result<std::span<const std::byte>> read(GuestFrame first, Pages count, Scratch& scratch,
                                          std::vector<GuestFrame>&) const override {
    BRIM_ASSERT(holds(extents_, first, count));
    const std::uint64_t begin = first.number() * kPageSize;
    const std::uint64_t length = bytes_of(count).count();
    const auto segment = first_ending_after(begin);
    if (segment->address <= begin && begin + length <= segment->file_end()) {
      const std::uint64_t offset = segment->offset + (begin - segment->address);
      BRIM_CHECK(file_->prefetch(offset, length));
      return file_->bytes().subspan(offset, length);
    }
    return assemble(begin, length, scratch);
  }

  [[nodiscard]] Result<void> check_intact() const override { return file_->check_intact(); }

 private:
  using Iterator = std::vector<ElfSegment>::const_iterator;

  [[nodiscard]] Iterator first_ending_after(std::uint64_t address) const {
    return std::upper_bound(
        segments_.begin(), segments_.end(), address,
        [](std::uint64_t wanted, const ElfSegment& segment) { return wanted < segment.end(); });
  }

  Result<std::span<const std::byte>> assemble(std::uint64_t begin, std::uint64_t length,
                                              Scratch& scratch) const {
    scratch.assign(length, std::byte{0});
    const std::uint64_t end = begin + length;
    for (auto segment = first_ending_after(begin);
         segment != segments_.end() && segment->address < end; ++segment) {
      const std::uint64_t from = std::max(begin, segment->address);
      const std::uint64_t to = std::min(end, segment->file_end());
      if (to <= from) continue;  // of this segment, only what the file doesn't hold
      const std::uint64_t offset = segment->offset + (from - segment->address);
      BRIM_CHECK(file_->prefetch(offset, to - from));
      std::memcpy(scratch.data() + (from - begin), file_->bytes().data() + offset, to - from);
    }
    return std::span<const std::byte>(scratch);
  }

  std::unique_ptr<MappedFile> file_;
  bool was_flattened_;
  std::vector<ElfSegment> segments_;
  std::vector<Extent> extents_;
  std::vector<Extent> zeros_;
  Pages missing_;
  Pages padded_;
};

}  // namespace

Result<std::unique_ptr<RamImage>> open_elf_image(ImageSource source) {
  BRIM_TRY(auto file, MappedFile::create(std::move(source.fd), std::move(source.name)));
  auto segments = parse_elf_core(file->bytes(), file->name());
  BRIM_CHECK(file->check_intact());  // headers of a shrunk file read as zeros: say that instead
  if (!segments) return fail(std::move(segments).error());
  return std::make_unique<ElfImage>(std::move(file), std::move(*segments), source.was_flattened);
}

}  // namespace brim::image
