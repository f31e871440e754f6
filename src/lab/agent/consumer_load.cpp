// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/consumer_load.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include <fmt/format.h>

namespace brim::lab {
namespace {

constexpr std::array<std::string_view, 4> kOrders = {"uniform", "sequential", "zipf", "phases"};
constexpr std::array<std::string_view, 3> kFills = {"none", "half_compressible", "incompressible"};
constexpr Bytes kMostMemory = gibibytes(std::uint64_t{1} << 20);
constexpr double kMostExponent = 10;

template <class Choice>
Result<void> take_choice(std::span<const std::string_view> names, std::string_view text,
                         Choice& out) {
  const auto at = std::ranges::find(names, text);
  if (at == names.end())
    return fail(ErrorCode::bad_input,
                fmt::format("'{}' is none of {}", text, fmt::join(names, ", ")));
  out = static_cast<Choice>(at - names.begin());
  return {};
}

Result<void> take_real(std::string_view text, double most, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || !(out >= 0 && out <= most))
    return fail(ErrorCode::bad_input, fmt::format("'{}' is not from 0 to {}", text, most));
  return {};
}

Result<void> take_whole(std::string_view text, std::uint64_t least, std::uint64_t& out) {
  const auto number = parse_number(text);
  if (!number || *number < least)
    return fail(ErrorCode::bad_input, fmt::format("'{}' is no whole number from {}", text, least));
  out = *number;
  return {};
}

Result<void> take_size(std::string_view text, Bytes& out) {
  BRIM_TRY(out, parse_bytes(text));
  if (out == Bytes(0) || out > kMostMemory)
    return fail(ErrorCode::bad_input, fmt::format("'{}' is no size up to a pebibyte", text));
  return {};
}

Result<void> take_time(std::string_view text, std::chrono::nanoseconds& out) {
  BRIM_TRY(out, parse_duration(text));
  return {};
}

struct ConsumerKey {
  std::string_view name;
  Result<void> (*take)(std::string_view text, ConsumerLoad& load);
};
constexpr ConsumerKey kConsumerKeys[] = {
    {"accesses", [](auto text, auto& load) { return take_whole(text, 1, load.accesses); }},
    {"exponent",
     [](auto text, auto& load) { return take_real(text, kMostExponent, load.exponent); }},
    {"fill", [](auto text, auto& load) { return take_choice(kFills, text, load.fill); }},
    {"memory", [](auto text, auto& load) { return take_size(text, load.memory); }},
    {"order", [](auto text, auto& load) { return take_choice(kOrders, text, load.order); }},
    {"pause", [](auto text, auto& load) { return take_time(text, load.pause); }},
    {"phase", [](auto text, auto& load) { return take_time(text, load.phase); }},
    {"seed", [](auto text, auto& load) { return take_whole(text, 0, load.seed); }},
    {"working_set", [](auto text, auto& load) { return take_size(text, load.working_set); }},
    {"write_share", [](auto text, auto& load) { return take_real(text, 1, load.write_share); }},
};

class UniformPages final : public AccessedPages {
 public:
  UniformPages(std::uint64_t pages, const Rng& rng) : pages_(pages), rng_(rng) {}
  std::uint64_t next(std::chrono::nanoseconds /*now*/) override { return rng_.below(pages_); }

 private:
  std::uint64_t pages_;
  Rng rng_;
};

class SequentialPages final : public AccessedPages {
 public:
  explicit SequentialPages(std::uint64_t pages) : pages_(pages) {}
  std::uint64_t next(std::chrono::nanoseconds /*now*/) override {
    const std::uint64_t page = place_;
    place_ = place_ + 1 == pages_ ? 0 : place_ + 1;
    return page;
  }

 private:
  std::uint64_t pages_;
  std::uint64_t place_ = 0;
};

// The page of rank k with a probability in proportion to k^-exponent; ranks are dealt at random.
class ZipfPages final : public AccessedPages {
 public:
  ZipfPages(std::uint64_t pages, double exponent, const Rng& rng)
      : up_to_(pages), page_(pages), rng_(rng) {
    double sum = 0;
    for (std::size_t rank = 0; rank < up_to_.size(); ++rank)
      up_to_[rank] = sum += std::pow(static_cast<double>(rank + 1), -exponent);
    std::iota(page_.begin(), page_.end(), std::uint64_t{0});
    Rng deal = rng.split("ranks");
    deal.shuffle(std::span(page_));
  }
  std::uint64_t next(std::chrono::nanoseconds /*now*/) override {
    const auto at = std::ranges::upper_bound(up_to_, rng_.uniform() * up_to_.back());
    const auto rank = static_cast<std::size_t>(at - up_to_.begin());
    return page_[std::min(rank, page_.size() - 1)];
  }

 private:
  std::vector<double> up_to_;  // sum of the weights of this rank and those before it
  std::vector<std::uint64_t> page_;
  Rng rng_;
};

// Any page of a run of pages that begins anywhere; another one after each phase.
class PhasedPages final : public AccessedPages {
 public:
  PhasedPages(const ConsumerLoad& load, const Rng& rng)
      : pages_(pages_of(load)),
        working_set_(std::max<std::uint64_t>(1, whole_pages(load.working_set).count())),
        length_(std::max(load.phase, std::chrono::nanoseconds(1))),
        phases_(rng),
        rng_(rng) {}
  std::uint64_t next(std::chrono::nanoseconds now) override {
    const auto phase = static_cast<std::uint64_t>(now / length_);
    if (phase != phase_ || !begun_) first_ = phases_.split("phase", phase).below(pages_);
    phase_ = phase;
    begun_ = true;
    return (first_ + rng_.below(working_set_)) % pages_;
  }
  bool needs_time() const override { return true; }

 private:
  std::uint64_t pages_;
  std::uint64_t working_set_;
  std::chrono::nanoseconds length_;
  Rng phases_;
  Rng rng_;
  std::uint64_t phase_ = 0;
  std::uint64_t first_ = 0;
  bool begun_ = false;
};

}  // namespace

Result<ConsumerLoad> parse_consumer(std::string_view text) {
  ConsumerLoad load;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    const std::string_view name = trim(part.substr(0, equals));
    const auto key = std::ranges::find(kConsumerKeys, name, &ConsumerKey::name);
    if (equals == std::string_view::npos || key == std::end(kConsumerKeys))
      return fail(ErrorCode::bad_input, "a consumer has no such key", std::string(name));
    if (auto taken = key->take(trim(part.substr(equals + 1)), load); !taken) {
      taken.error().where = std::string(name);
      return fail(std::move(taken).error());
    }
  }
  if (load.memory == Bytes(0)) return fail(ErrorCode::bad_input, "a consumer needs memory=SIZE");
  return load;
}

std::string format_consumer(const ConsumerLoad& load) {
  return fmt::format(
      "memory={}B,accesses={},pause={}ns,order={},write_share={},fill={},exponent={},"
      "working_set={}B,phase={}ns,seed={}",
      load.memory.count(), load.accesses, load.pause.count(),
      kOrders.at(static_cast<std::size_t>(load.order)), load.write_share,
      kFills.at(static_cast<std::size_t>(load.fill)), load.exponent, load.working_set.count(),
      load.phase.count(), load.seed);
}

std::unique_ptr<AccessedPages> accessed_pages(const ConsumerLoad& load, const Rng& rng) {
  switch (load.order) {
    case AccessOrder::sequential:
      return std::make_unique<SequentialPages>(pages_of(load));
    case AccessOrder::zipf:
      return std::make_unique<ZipfPages>(pages_of(load), load.exponent, rng);
    case AccessOrder::phases:
      return std::make_unique<PhasedPages>(load, rng);
    case AccessOrder::uniform:
      break;
  }
  return std::make_unique<UniformPages>(pages_of(load), rng);
}

}  // namespace brim::lab
