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

std::uint64_t key_of(const GuestShape& shape, std::size_t page_class, std::uint64_t number) {
  const std::string_view name = kClassNames.at(page_class);
  switch (shape.classes.at(page_class).scope) {
    case Scope::family:
      return content_key(fmt::format("{}//{}", shape.family, name));
    case Scope::version:
      return content_key(fmt::format("{}/{}/{}", shape.family, shape.version, name));
    case Scope::instance:
      break;
  }
  return content_key(fmt::format("guest {}/{}", number, name));
}

std::uint64_t distinct_in(const ClassShape& shape) {
  const std::uint64_t pages = shape.pages.count();
  return shape.distinct.count() == 0 ? pages : std::min(shape.distinct.count(), pages);
}

}  // namespace

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
    regions_.at(i).key = key_of(shape_, i, number);
    regions_.at(i).next = shape_.classes.at(i).period;
  }
  zero_ = take(shape_.zero);
  BRIM_ASSERT(at <= pages.end);
  free_ = {at, pages.end};
}

void Guest::boot() {
  for (std::size_t i = 0; i < kPageClasses; ++i) {
    const Region& region = regions_.at(i);
    const std::uint64_t distinct = distinct_in(shape_.classes.at(i));
    const bool from_disk = static_cast<PageClass>(i) != PageClass::heap;
    for (Page page = region.pages.first; page < region.pages.end; ++page) {
      const Content content = content_of(region.key, (page - region.pages.first) % distinct);
      if (from_disk)
        writer_.read_block(page, content);
      else
        writer_.write(page, content);
    }
  }
  for (Page page = zero_.first; page < zero_.end; ++page) writer_.write(page, kZeroContent);
}

void Guest::run(ModelTime until) {
  for (std::size_t i = 0; i < kPageClasses; ++i) {
    const ClassShape& shape = shape_.classes.at(i);
    Region& region = regions_.at(i);
    if (shape.writes == ClassWrites::none || shape.pages.count() == 0) continue;
    for (; region.next <= until; region.next += shape.period) write_class(shape, region);
  }
}

void Guest::write_class(const ClassShape& shape, Region& region) {
  ++region.periods;
  const std::uint64_t pages = shape.pages.count();
  const std::uint64_t distinct = distinct_in(shape);
  const auto count =
      static_cast<std::uint64_t>(std::llround(shape.written * static_cast<double>(pages)));
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
        writer_.write(page, content_of(region.key, distinct + region.periods * pages + i));
        break;
    }
  }
}

}  // namespace brim::share::model
