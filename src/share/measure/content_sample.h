// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which contents a scan keeps in its index: all, or under --sample p those whose keyed hash falls
// below p, and heavy ones whatever their hash.
//
// Heavy contents are nominated before the scan from a random sample of pages (one from each of
// equally many strides of the address space, read by themselves): a content seen at least twice in
// it. The draw doesn't depend on the hash, so the rest stays a Poisson sample and estimates stay
// unbiased whatever is nominated. The pages of that sample are read twice.

#include "base/cancel.h"
#include "base/rng.h"
#include "share/measure/part_runner.h"
#include "share/measure/pattern.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <boost/unordered/unordered_flat_set.hpp>

namespace brim::share {

class ContentSample {
 public:
  // Everything is kept.
  ContentSample() = default;
  // 0 < p <= 1.
  explicit ContentSample(double p);

  void nominate(const PageHash& hash) { heavy_.insert(hash); }

  [[nodiscard]] bool all() const { return all_; }
  [[nodiscard]] double p() const { return p_; }
  [[nodiscard]] bool keeps(const PageHash& hash) const {
    return drawn(hash) || heavy_.contains(hash);
  }
  // Kept by its hash, heavy or not: these alone are a uniform sample of the contents.
  [[nodiscard]] bool drawn(const PageHash& hash) const {
    // Not the bits that choose shard and slot: the index would be filled unevenly.
    return all_ || (hash.high << 8) < below_;
  }
  // Kept whatever p is.
  [[nodiscard]] bool certain(const PageHash& hash) const { return all_ || heavy_.contains(hash); }
  [[nodiscard]] std::size_t heavy_contents() const { return heavy_.size(); }

 private:
  bool all_ = true;
  double p_ = 1;
  std::uint64_t below_ = 0;
  boost::unordered_flat_set<PageHash, PageHashHasher> heavy_;
};

// Returns how many pages were read.
std::uint64_t nominate_heavy(std::span<const std::unique_ptr<Subject>> subjects,
                             const PartList& list, const PageHasher& hasher, Rng rng,
                             ContentSample& sample, const Cancel& cancel);

}  // namespace brim::share
