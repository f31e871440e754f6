// SPDX-License-Identifier: Apache-2.0
#pragma once
// Seeded randomness: xoshiro256** (Blackman & Vigna, 2018), seeded through splitmix64. The same
// seed gives the same draws on every machine, compiler and library.
//
// split("name") gives a stream that depends on the seed and the name alone, not on how many draws
// were made before: one more consumer of randomness does not move the others.

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

namespace brim {

class Rng {
 public:
  using result_type = std::uint64_t;

  explicit Rng(std::uint64_t seed);

  [[nodiscard]] Rng split(std::string_view name) const;
  // For numbered streams: split("worker", 3).
  [[nodiscard]] Rng split(std::string_view name, std::uint64_t number) const;

  std::uint64_t next();
  // Uniform in [0, bound), without bias (Lemire's method with rejection). bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // Uniform in [0, 1), 53 bits.
  double uniform();
  bool chance(double probability) { return uniform() < probability; }

  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

  // UniformRandomBitGenerator, for algorithms that only take bits. Distributions of the standard
  // library differ between implementations: don't pass this to them.
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return next(); }

 private:
  std::uint64_t key_;  // what split() derives from; draws don't change it
  std::array<std::uint64_t, 4> state_;
};

}  // namespace brim
