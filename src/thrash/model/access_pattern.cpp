// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/access_pattern.h"

#include "base/result.h"
#include "thrash/model/coming_draws.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

namespace brim::thrash::model {
namespace {

// Single steps to look ahead at most: what is proposed may be drawn anew.
constexpr std::uint64_t kMostSteps = 4096;

// Steps until `next()` is not settled.
template <class Next>
std::optional<std::uint32_t> step_to_other(const SettledPages& pages, std::uint64_t limit,
                                           std::uint64_t& quiet, const Next& next) {
  for (quiet = 0; quiet < limit; ++quiet) {
    const std::uint32_t page = next(quiet);
    if (!pages.is_settled(page)) return page;
  }
  return std::nullopt;
}

// Failures before the first success of chance `p`, 0 < p < 1; at most `limit` of them.
std::uint64_t geometric(double p, std::uint64_t limit, Rng& rng) {
  if (p > 0.25) {  // a few draws are faster than two logarithms
    std::uint64_t failures = 0;
    while (failures < limit && !rng.chance(p)) ++failures;
    return failures;
  }
  const double drawn = std::log1p(-rng.uniform()) / std::log1p(-p);
  return drawn < static_cast<double>(limit) ? static_cast<std::uint64_t>(drawn) : limit;
}

class Uniform final : public AccessPattern {
 public:
  Uniform(const UniformBursts& shape, const Rng& rng)
      : AccessPattern(shape.burst, rng),
        coming_(rng, shape.burst.write_share > 0 && shape.burst.write_share < 1) {}

  Stretch propose_burst(const SettledPages& pages, std::uint64_t limit,
                        ModelTime /*now*/) override {
    const std::uint32_t others = pages.others();
    if (others == 0) return {limit, std::nullopt};
    std::uint64_t quiet = 0;
    if (others < pages.size())
      quiet = geometric(static_cast<double>(others) / pages.size(), limit, rng());
    if (quiet >= limit) return {limit, std::nullopt};
    const auto place = static_cast<std::uint32_t>(rng().below(others));
    const PageAccess access = access_to(pages.other(place));
    coming_.drew(pages, place, rng());
    return {quiet, access};
  }
  std::optional<std::uint32_t> coming(const SettledPages& pages,
                                      std::uint32_t proposals) const override {
    return coming_.page(pages, proposals);
  }

 private:
  ComingDraws coming_;
};

// What comes one by one.
class Stepped : public AccessPattern {
 public:
  using AccessPattern::AccessPattern;

  Stretch propose_burst(const SettledPages& pages, std::uint64_t limit, ModelTime now) final {
    begin(now);
    Stretch stretch;
    const auto page = step_to_other(pages, std::min(limit, kMostSteps), stretch.quiet,
                                    [this](std::uint64_t ahead) { return next(ahead); });
    if (page) stretch.then = access_to(*page);
    return stretch;
  }

 protected:
  virtual void begin(ModelTime /*now*/) {}
  // The one that comes `ahead` accesses from now.
  [[nodiscard]] virtual std::uint32_t next(std::uint64_t ahead) = 0;
};

class Sequential final : public Stepped {
 public:
  Sequential(const SequentialBursts& shape, const Rng& rng) : Stepped(shape.burst, rng) {}

 private:
  std::uint32_t next(std::uint64_t ahead) override {
    return static_cast<std::uint32_t>((place_ + ahead) % burst().pages);
  }
  void moved(std::uint64_t accesses) override { place_ = (place_ + accesses) % burst().pages; }

  std::uint64_t place_ = 0;
};

class Zipf final : public Stepped {
 public:
  Zipf(const ZipfBursts& shape, const Rng& rng)
      : Stepped(shape.burst, rng.split("accesses")),
        up_to_(shape.burst.pages),
        page_(shape.burst.pages) {
    double sum = 0;
    for (std::size_t rank = 0; rank < up_to_.size(); ++rank)
      up_to_[rank] = sum += std::pow(static_cast<double>(rank + 1), -shape.exponent);
    std::iota(page_.begin(), page_.end(), 0U);
    Rng deal = rng.split("ranks");
    deal.shuffle(std::span(page_));
  }

 private:
  std::uint32_t next(std::uint64_t /*ahead*/) override {
    const auto at = std::ranges::upper_bound(up_to_, rng().uniform() * up_to_.back());
    const auto rank = static_cast<std::size_t>(at - up_to_.begin());
    return page_[std::min(rank, page_.size() - 1)];
  }

  std::vector<double> up_to_;  // sum of the weights of this rank and those before it
  std::vector<std::uint32_t> page_;
};

class Phased final : public Stepped {
 public:
  Phased(const PhasedBursts& shape, const Rng& rng)
      : Stepped(shape.burst, rng.split("accesses")), shape_(shape), phases_(rng) {
    BRIM_ASSERT(shape.working_set > 0 && shape.phase > ModelTime(0));
  }

 private:
  void begin(ModelTime now) override {
    const auto phase = static_cast<std::uint64_t>(now / shape_.phase);
    first_ = phases_.split("phase", phase).below(burst().pages);
  }
  std::uint32_t next(std::uint64_t /*ahead*/) override {
    return static_cast<std::uint32_t>((first_ + rng().below(shape_.working_set)) % burst().pages);
  }

  PhasedBursts shape_;
  Rng phases_;
  std::uint64_t first_ = 0;
};

std::unique_ptr<AccessPattern> build(const UniformBursts& shape, const Rng& rng) {
  return std::make_unique<Uniform>(shape, rng);
}
std::unique_ptr<AccessPattern> build(const SequentialBursts& shape, const Rng& rng) {
  return std::make_unique<Sequential>(shape, rng);
}
std::unique_ptr<AccessPattern> build(const ZipfBursts& shape, const Rng& rng) {
  return std::make_unique<Zipf>(shape, rng);
}
std::unique_ptr<AccessPattern> build(const PhasedBursts& shape, const Rng& rng) {
  return std::make_unique<Phased>(shape, rng);
}

}  // namespace

const BurstShape& burst_of(const PatternShape& shape) {
  return std::visit([](const auto& one) -> const BurstShape& { return one.burst; }, shape);
}

PageAccess AccessPattern::access_to(std::uint32_t page) {
  const double share = burst_.write_share;
  const bool write = share >= 1 || (share > 0 && rng_.chance(share));
  return {page, write ? Access::write : Access::read};
}

std::unique_ptr<AccessPattern> make_pattern(const PatternShape& shape, const Rng& rng) {
  BRIM_ASSERT(burst_of(shape).pages > 0);
  return std::visit([&](const auto& one) { return build(one, rng); }, shape);
}

}  // namespace brim::thrash::model
