// SPDX-License-Identifier: Apache-2.0
#pragma once
// The 128-bit hash by which a scan knows a page's content, keyed per run unless asked otherwise.
//
// XXH3 (Collet), 128 bits, with a secret made by XXH3_generateSecret from the run's Rng: who
// doesn't know the run's seed can neither look a hash up nor craft collisions. The widest vector
// unit of the processor is chosen at run time by libxxhash.

#include "base/rng.h"
#include "base/units.h"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>

namespace brim::share {

struct PageHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  auto operator<=>(const PageHash&) const = default;
};

// Bytes may start at any address: segments of an ELF core do.
class PageHasher {
 public:
  static constexpr std::size_t kMost = 64;  // pages hash_pages() takes at once

  // Keyed by the Rng.
  explicit PageHasher(Rng rng);
  // The same in every run and on every machine.
  [[nodiscard]] static PageHasher stable();

  [[nodiscard]] PageHash hash(std::span<const std::byte, kPageSize> page) const;
  // `count` <= kMost pages of kPageSize. Bit i of the answer: page i is all zeros (then out[i] is
  // zero_page()).
  [[nodiscard]] std::uint64_t hash_pages(const std::byte* pages, std::size_t count,
                                         PageHash* out) const;
  [[nodiscard]] PageHash zero_page() const { return zero_page_; }
  // The hash of a larger page: of the hashes of its pages, in order.
  [[nodiscard]] PageHash combine(std::span<const PageHash> pages) const;

  // For tests only: keeps `bits` bits of each page hash, so that collisions really happen.
  void truncate_for_test(unsigned bits);

 private:
  PageHasher() = default;
  void make_secret(std::span<const std::uint64_t> seed);
  [[nodiscard]] PageHash of_bytes(const void* bytes, std::size_t size) const;

  static constexpr std::size_t kSecretBytes = 192;  // XXH3's default size
  alignas(64) std::array<unsigned char, kSecretBytes> secret_{};
  unsigned kept_bits_ = 128;
  PageHash zero_page_;
};

[[nodiscard]] bool is_zero_page(const std::byte* page);

}  // namespace brim::share
