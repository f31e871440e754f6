// SPDX-License-Identifier: Apache-2.0
#include "share/model/loads.h"

#include "base/result.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace brim::share::model {
namespace {

constexpr std::size_t kDrawnAtOnce = 32;

// Where the next byte is written.
class Positions {
 public:
  Positions(SyntheticShape::Positions kind, std::uint64_t bytes, Rng rng)
      : kind_(kind), bytes_(bytes), rng_(rng) {
    // As a program that never called srandom() finds it.
    BRIM_ASSERT(::initstate_r(1, state_.data(), state_.size(), &random_) == 0);
  }
  Positions(const Positions&) = delete;  // random_ points into state_
  Positions& operator=(const Positions&) = delete;

  std::uint64_t next() {
    switch (kind_) {
      case SyntheticShape::Positions::algorithm:
        break;
      case SyntheticShape::Positions::linux_program: {
        std::int32_t drawn = 0;
        ::random_r(&random_, &drawn);
        return static_cast<std::uint64_t>(drawn) % bytes_;
      }
      case SyntheticShape::Positions::windows_program:
        windows_ = windows_ * 214013U + 2531011U;  // the C run-time library's, from seed 1
        return (windows_ >> 16 & 0x7fffU) % bytes_;
    }
    return rng_.below(bytes_);
  }

 private:
  SyntheticShape::Positions kind_;
  std::uint64_t bytes_;
  Rng rng_;
  random_data random_{};
  std::array<char, 128> state_{};
  std::uint32_t windows_ = 1;
};

class SyntheticLoad final : public GuestLoad {
 public:
  SyntheticLoad(const SyntheticShape& shape, const Guest& guest, GuestWriter& writer,
                ModelTime start, Rng rng)
      : shape_(shape),
        first_(guest.free_pages().first),
        guest_(guest.number()),
        writer_(writer),
        time_(start),
        positions_(shape.positions, shape.pages.count() * kPageSize, rng) {
    switch (shape.contents) {
      case SyntheticShape::Contents::same:
      case SyntheticShape::Contents::changing:
      case SyntheticShape::Contents::zero:
        key_ = content_key("synthetic load");
        break;
      case SyntheticShape::Contents::distinct_per_page:
        key_ = content_key("synthetic load, by page");
        break;
      case SyntheticShape::Contents::distinct_per_guest:
        key_ = content_key(fmt::format("synthetic load of guest {}", guest_));
        break;
    }
    same_ = shape.contents == SyntheticShape::Contents::zero ? kZeroContent : content_of(key_, 0);
    const auto free = guest.free_pages();
    BRIM_ASSERT(shape.pages.count() <= free.end - free.first);
  }

  void run(ModelTime until) override;
  [[nodiscard]] ModelTime cpu_time() const override { return cpu_time_; }
  [[nodiscard]] std::uint64_t writes() const override { return writes_; }

 private:
  [[nodiscard]] Content content_at(std::uint64_t page) const;
  void fill(ModelTime until);
  void write_cycle();
  void write(Page page);

  SyntheticShape shape_;
  Page first_;
  std::uint64_t guest_;
  GuestWriter& writer_;
  ModelTime time_;  // it has worked or slept until then
  ModelTime cpu_time_{0};
  std::uint64_t key_ = 0;  // of its contents
  Content same_ = kZeroContent;
  std::uint64_t filled_ = 0;
  std::uint64_t changes_ = 0;
  std::uint64_t writes_ = 0;
  Positions positions_;
};

Content SyntheticLoad::content_at(std::uint64_t page) const {
  const bool by_page = shape_.contents == SyntheticShape::Contents::distinct_per_page ||
                       shape_.contents == SyntheticShape::Contents::distinct_per_guest;
  return by_page ? content_of(key_, page) : same_;
}

void SyntheticLoad::run(ModelTime until) {
  if (time_ >= until) return;
  if (filled_ < shape_.pages.count()) fill(until);
  if (filled_ < shape_.pages.count()) return;
  while (time_ < until) write_cycle();
}

void SyntheticLoad::fill(ModelTime until) {
  const auto page_time = ModelTime(static_cast<std::int64_t>(1e9 / shape_.fill_pages_per_s));
  for (; filled_ < shape_.pages.count() && time_ < until; ++filled_) {
    writer_.write(first_ + static_cast<Page>(filled_), content_at(filled_));
    time_ += page_time;
    cpu_time_ += page_time;
  }
}

void SyntheticLoad::write(Page page) {
  const Content content = shape_.contents == SyntheticShape::Contents::changing
                              ? content_of(spread(key_ + guest_ + 1), ++changes_)
                              : content_at(page);
  writer_.write(first_ + page, content);
}

void SyntheticLoad::write_cycle() {
  // As the programs do: whole pages, divided (appendix A.1, A.2).
  const auto writes =
      static_cast<std::uint64_t>(static_cast<double>(shape_.pages.count()) * shape_.write_rate);
  // Places are drawn some at a time: a write at random waits for memory, some of them not for each
  // other.
  std::array<Page, kDrawnAtOnce> drawn;
  for (std::uint64_t done = 0; done < writes;) {
    const std::uint64_t count = std::min<std::uint64_t>(kDrawnAtOnce, writes - done);
    for (std::uint64_t i = 0; i < count; ++i) {
      drawn[i] = static_cast<Page>(positions_.next() / kPageSize);
      writer_.prefetch(first_ + drawn[i]);
    }
    for (std::uint64_t i = 0; i < count; ++i) write(drawn[i]);
    done += count;
  }
  writes_ += writes;
  const auto worked =
      ModelTime(static_cast<std::int64_t>(shape_.write_cost.count() * static_cast<double>(writes)));
  cpu_time_ += worked;
  time_ += worked + shape_.pause;
}

}  // namespace

std::unique_ptr<GuestLoad> make_synthetic_load(const SyntheticShape& shape, const Guest& guest,
                                               GuestWriter& writer, ModelTime start, Rng rng) {
  return std::make_unique<SyntheticLoad>(shape, guest, writer, start, rng);
}

}  // namespace brim::share::model
