// SPDX-License-Identifier: Apache-2.0
#include "share/measure/image_subject.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

namespace brim::share {
namespace {

constexpr std::uint64_t kPagesARead = 512;  // 2 MiB: mapped by one system call, and still near

// What a hole's pages read as. Never written: one zero page of the kernel stands behind all of it.
constinit std::array<std::byte, kPagesARead * kPageSize> zeros{};

std::uint64_t end_of(const image::Extent& extent) {
  return extent.first.number() + extent.count.count();
}

// The first extent that ends after `page`.
std::span<const image::Extent> from_page(std::span<const image::Extent> extents,
                                         std::uint64_t page) {
  const auto first =
      std::partition_point(extents.begin(), extents.end(),
                           [page](const image::Extent& extent) { return end_of(extent) <= page; });
  return extents.subspan(static_cast<std::size_t>(first - extents.begin()));
}

class ImageReader final : public SubjectReader {
 public:
  explicit ImageReader(const image::RamImage& image) : image_(image) {}

  Result<UnreadPages> read(const Part& part, const BatchSink& sink) override {
    UnreadPages unread;
    // With the first part, once, what is in none.
    const bool is_first = part.first_page == image_.extents().front().first.number();
    if (is_first) unread.denied = image_.missing_pages().count();
    const std::uint64_t part_end = part.first_page + part.count;
    for (const image::Extent& extent : from_page(image_.extents(), part.first_page)) {
      if (extent.first.number() >= part_end) break;
      const std::uint64_t first = std::max(extent.first.number(), part.first_page);
      BRIM_CHECK(read_data(first, std::min(end_of(extent), part_end), sink, unread));
    }
    // What was handed out counts only if the file still holds it.
    BRIM_CHECK(image_.check_intact());
    return unread;
  }

  Result<void> reread(std::uint64_t page, std::span<std::byte, kPageSize> out) override {
    unavailable_.clear();
    if (!has(page)) return fail(ErrorCode::gone, "the image has no such page");
    if (in_hole(page)) {  // reading it would bring zeros into the page cache
      std::fill(out.begin(), out.end(), std::byte{});
      return {};
    }
    BRIM_TRY(const auto bytes,
             image_.read(GuestFrame(page), Pages(1), page_scratch_, unavailable_));
    if (!unavailable_.empty()) return fail(ErrorCode::gone, "the image doesn't hold this page");
    std::memcpy(out.data(), bytes.data(), kPageSize);
    return image_.check_intact();
  }

  const std::byte* mapped(std::uint64_t page) override {
    unavailable_.clear();
    if (!has(page) || in_hole(page)) return nullptr;
    const auto bytes = image_.read(GuestFrame(page), Pages(1), page_scratch_, unavailable_);
    if (!bytes || !unavailable_.empty()) return nullptr;
    const std::byte* start = page_scratch_.data();
    const bool copied = bytes->data() >= start && bytes->data() < start + page_scratch_.size();
    return copied ? nullptr : bytes->data();
  }

 private:
  [[nodiscard]] bool has(std::uint64_t page) const { return holds(image_.extents(), page); }
  [[nodiscard]] bool in_hole(std::uint64_t page) const {
    return holds(image_.zero_extents(), page);
  }
  static bool holds(std::span<const image::Extent> extents, std::uint64_t page) {
    const auto rest = from_page(extents, page);
    return !rest.empty() && rest.front().first.number() <= page;
  }

  // Pages [first, end) of one extent: holes and data by turns.
  Result<void> read_data(std::uint64_t first, std::uint64_t end, const BatchSink& sink,
                         UnreadPages& unread) {
    for (const image::Extent& hole : from_page(image_.zero_extents(), first)) {
      if (hole.first.number() >= end) break;
      const std::uint64_t hole_end = std::min(end_of(hole), end);
      if (hole.first.number() > first)
        BRIM_CHECK(read_pages(first, hole.first.number(), sink, unread));
      give_zeros(std::max(first, hole.first.number()), hole_end, sink);
      first = hole_end;
    }
    return read_pages(first, end, sink, unread);
  }

  static void give_zeros(std::uint64_t first, std::uint64_t end, const BatchSink& sink) {
    while (first < end) {
      const std::uint64_t count = std::min(end - first, kPagesARead);
      sink(PageBatch{.first_page = first,
                     .bytes = std::span(zeros).first(count * kPageSize),
                     .facts = {},
                     .known_zero = true});
      first += count;
    }
  }

  Result<void> read_pages(std::uint64_t first, std::uint64_t end, const BatchSink& sink,
                          UnreadPages& unread) {
    while (first < end) {
      const std::uint64_t count = std::min(end - first, kPagesARead);
      unavailable_.clear();
      BRIM_TRY(const auto bytes,
               image_.read(GuestFrame(first), Pages(count), scratch_, unavailable_));
      unread.denied += unavailable_.size();
      std::uint64_t from = first;
      for (const GuestFrame missing : unavailable_) {
        give(from, missing.number(), first, bytes, sink);
        from = missing.number() + 1;
      }
      give(from, first + count, first, bytes, sink);
      first += count;
    }
    return {};
  }

  // Pages [from, to) of `bytes`, which begin at page `first`.
  static void give(std::uint64_t from, std::uint64_t to, std::uint64_t first,
                   std::span<const std::byte> bytes, const BatchSink& sink) {
    if (from >= to) return;
    sink(PageBatch{from, bytes.subspan((from - first) * kPageSize, (to - from) * kPageSize), {}});
  }

  const image::RamImage& image_;
  image::Scratch scratch_;
  image::Scratch page_scratch_;  // apart: reread() may come while a batch is in use
  std::vector<GuestFrame> unavailable_;
};

// One part for each 64 MiB of the image's address space that holds pages.
std::vector<Part> parts_of(std::span<const image::Extent> extents) {
  std::vector<Part> parts;
  for (const image::Extent& extent : extents) {
    std::uint64_t first = extent.first.number();
    while (first < end_of(extent)) {
      const std::uint64_t window = first / kPartPages;
      const std::uint64_t end = std::min(end_of(extent), (window + 1) * kPartPages);
      if (!parts.empty() && parts.back().first_page / kPartPages == window)
        parts.back().count = end - parts.back().first_page;
      else
        parts.push_back({first, end - first});
      first = end;
    }
  }
  return parts;
}

// The last `count` components of a path.
std::string path_end(const std::string& path, std::size_t count) {
  std::size_t at = path.size();
  for (; count > 0 && at != 0; --count) {
    const std::size_t slash = path.rfind('/', at - 1);
    if (slash == std::string::npos) return path;
    at = slash;
  }
  return at == path.size() ? path : path.substr(at + 1);
}

std::vector<std::string> short_names(std::span<const std::string> paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    std::size_t components = 1;
    const auto clashes = [&] {
      return std::any_of(paths.begin(), paths.end(), [&](const std::string& other) {
        return &other != &path && path_end(other, components) == path_end(path, components);
      });
    };
    while (clashes() && path_end(path, components).size() < path.size()) ++components;
    names.push_back(path_end(path, components));
  }
  return names;
}

// The file behind a path; a device node is the device, whatever the node.
using FileIdentity = std::pair<std::uint64_t, std::uint64_t>;

std::optional<FileIdentity> identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  if (S_ISBLK(status.st_mode)) return FileIdentity{~0ULL, status.st_rdev};
  return FileIdentity{status.st_dev, status.st_ino};
}

}  // namespace

ImageSubject::ImageSubject(std::unique_ptr<image::RamImage> image, std::string name)
    : image_(std::move(image)), name_(std::move(name)), parts_(parts_of(image_->extents())) {
  for (const image::Extent& extent : image_->extents()) readable_ += extent.count;
}

std::string ImageSubject::identified_by() const {
  return fmt::format("{}{} image", image_->was_flattened() ? "flattened " : "",
                     image::name_of(image_->format()));
}

std::string ImageSubject::why_no_facts() const {
  return "memory images don't tell which host frames held them";
}

Result<std::unique_ptr<SubjectReader>> ImageSubject::reader() const {
  return std::make_unique<ImageReader>(*image_);
}

Result<std::vector<std::unique_ptr<Subject>>> open_image_subjects(
    std::span<const std::string> paths, const Cancel& cancel) {
  std::map<FileIdentity, std::string> seen;
  for (const std::string& path : paths) {
    if (path.empty()) return fail(ErrorCode::bad_input, "an image's file name is empty");
    const auto identity = identity_of(path);
    if (!identity) continue;  // opening it says why
    const auto [known, added] = seen.emplace(*identity, path);
    if (!added)
      return fail(ErrorCode::bad_input,
                  known->second == path
                      ? std::string("given twice")
                      : fmt::format("the same file as {}, which is given too", known->second),
                  path);
  }
  const std::vector<std::string> names = short_names(paths);
  std::vector<std::unique_ptr<Subject>> subjects;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    auto image = image::open_ram_image(paths[i], cancel);
    if (!image) return fail(named_by_user(std::move(image).error()));
    subjects.push_back(std::make_unique<ImageSubject>(std::move(*image), names[i]));
  }
  return subjects;
}

}  // namespace brim::share
