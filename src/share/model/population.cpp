// SPDX-License-Identifier: Apache-2.0
#include "share/model/population.h"

#include "base/result.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace brim::share::model {
namespace {

constexpr std::array<std::string_view, kPageClasses> kClassNames{"kernel", "libraries",
                                                                 "page_cache", "heap"};

bool comes_from_disk(PageClass page_class) { return page_class != PageClass::heap; }

std::uint64_t share_of(double share, std::uint64_t pages) {
  return static_cast<std::uint64_t>(std::llround(share * static_cast<double>(pages)));
}

constexpr std::uint64_t kClassBits = 3;  // of a block's number
static_assert(kPageClasses <= kClassBits + 1);

}  // namespace

PageUse use_of(PageClass page_class) {
  switch (page_class) {
    case PageClass::kernel:
    case PageClass::libraries:
      return PageUse::code;
    case PageClass::page_cache:
      return PageUse::read_only;
    case PageClass::heap:
      break;
  }
  return PageUse::data;
}

Block block_of(PageClass page_class, Content content) {
  return Block{(static_cast<std::uint64_t>(content) & ~kClassBits) |
               static_cast<std::uint64_t>(page_class)};
}

PageClass class_of(Block block) {
  return static_cast<PageClass>(static_cast<std::uint64_t>(block) & kClassBits);
}

// FNV-1a (Fowler, Noll, Vo), spread.
std::uint64_t content_key(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return spread(hash);
}

Content content_of(std::uint64_t key, std::uint64_t index) {
  const std::uint64_t mixed = spread(key + spread(index + 1));
  return Content{mixed == 0 ? 1 : mixed};
}

Pages GuestShape::free() const {
  std::uint64_t used = zero.count();
  for (const ClassShape& shape : classes) used += shape.pages.count();
  return Pages(memory.count() - std::min(memory.count(), used));
}

std::uint64_t GuestShape::contents_key(PageClass page_class, std::uint64_t number) const {
  const auto place = static_cast<std::size_t>(page_class);
  const std::string_view name = kClassNames.at(place);
  switch (classes.at(place).scope) {
    case Scope::family:
      return content_key(fmt::format("{}//{}", family, name));
    case Scope::version:
      return content_key(fmt::format("{}/{}/{}", family, version, name));
    case Scope::instance:
      break;
  }
  return content_key(fmt::format("guest {}/{}", number, name));
}

Pages distinct_pages(const ClassShape& shape) {
  return shape.distinct.count() == 0 ? shape.pages : std::min(shape.distinct, shape.pages);
}

Guest::Guest(GuestShape shape, SimulatedMemory::Range pages, std::uint64_t number,
             GuestWriter& writer, Rng rng)
    : shape_(std::move(shape)),
      number_(number),
      writer_(writer),
      rng_(rng),
      changes_key_(content_key(fmt::format("guest {} changes", number))) {
  Page at = pages.first;
  const auto take = [&at](Pages count) {
    const Page first = at;
    at += static_cast<Page>(count.count());
    return SimulatedMemory::Range{first, at};
  };
  for (std::size_t i = 0; i < kPageClasses; ++i) {
    regions_.at(i).pages = take(shape_.classes.at(i).pages);
    regions_.at(i).key = shape_.contents_key(static_cast<PageClass>(i), number);
    regions_.at(i).next = shape_.classes.at(i).period;
  }
  zero_ = take(shape_.zero);
  BRIM_ASSERT(at <= pages.end);
  free_ = {at, pages.end};
}

void Guest::boot() {
  for (std::size_t i = 0; i < kPageClasses; ++i) {
    const auto page_class = static_cast<PageClass>(i);
    const Region& region = regions_.at(i);
    const std::uint64_t distinct = distinct_pages(shape_.classes.at(i)).count();
    for (Page page = region.pages.first; page < region.pages.end; ++page) {
      writer_.set_use(page, use_of(page_class));
      fill(page_class, page, content_of(region.key, (page - region.pages.first) % distinct));
    }
  }
  for (Page page = zero_.first; page < zero_.end; ++page) writer_.write(page, kZeroContent);
}

void Guest::fill(PageClass page_class, Page page, Content content) {
  if (comes_from_disk(page_class))
    writer_.read_block(page, content, page_class);
  else
    writer_.write(page, content);
}

void Guest::run(ModelTime until) {
  for (std::size_t i = 0; i < kPageClasses; ++i) {
    const ClassShape& shape = shape_.classes.at(i);
    Region& region = regions_.at(i);
    if (shape.pages.count() == 0 || (shape.writes == ClassWrites::none && shape.read == 0))
      continue;
    for (; region.next <= until; region.next += shape.period) {
      write_class(static_cast<PageClass>(i), region);
      read_class(shape, region);
    }
  }
}

void Guest::read_class(const ClassShape& shape, const Region& region) {
  const auto read = static_cast<Page>(share_of(shape.read, shape.pages.count()));
  for (Page page = region.pages.first; page < region.pages.first + read; ++page) writer_.read(page);
}

void Guest::write_class(PageClass page_class, Region& region) {
  const ClassShape& shape = shape_.classes.at(static_cast<std::size_t>(page_class));
  if (shape.writes == ClassWrites::none) return;
  ++region.periods;
  const std::uint64_t pages = shape.pages.count();
  const std::uint64_t distinct = distinct_pages(shape).count();
  const std::uint64_t count = share_of(shape.written, pages);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t index = rng_.below(pages);
    const Page page = region.pages.first + static_cast<Page>(index);
    switch (shape.writes) {
      case ClassWrites::none:
        break;
      case ClassWrites::rewrite:
        writer_.write(page, content_of(region.key, index % distinct));
        break;
      case ClassWrites::change:
        writer_.write(page, content_of(changes_key_, changes_++));
        break;
      case ClassWrites::short_lived:
        fill(page_class, page, content_of(region.key, distinct + region.periods * pages + i));
        break;
    }
  }
}

}  // namespace brim::share::model
