// SPDX-License-Identifier: Apache-2.0
#include "base/rng.h"

#include "base/result.h"

#include <bit>

namespace brim {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// One splitmix step keyed by each byte: names of any length reach all 64 bits. The seed is mixed
// before the first byte meets it: otherwise small seeds and short names would cancel (seed 0 and
// "a" would give the stream of seed 3 and "b").
std::uint64_t mix_name(std::uint64_t key, std::string_view name) {
  key = splitmix64(key);
  for (const char c : name) {
    key ^= static_cast<unsigned char>(c) + 0x100ULL;
    key = splitmix64(key);
  }
  return splitmix64(key);
}

}  // namespace

Rng::Rng(std::uint64_t seed) : key_(seed), state_{} {
  std::uint64_t state = seed;
  for (std::uint64_t& word : state_) word = splitmix64(state);
}

Rng Rng::split(std::string_view name) const { return Rng(mix_name(key_, name)); }

Rng Rng::split(std::string_view name, std::uint64_t number) const {
  std::uint64_t key = mix_name(key_, name) ^ number;
  return Rng(splitmix64(key));
}

std::uint64_t Rng::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Rng::below(std::uint64_t bound) {
  BRIM_ASSERT(bound > 0);
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(next()) * bound;
  auto low = static_cast<std::uint64_t>(product);
  if (low < bound) {
    const std::uint64_t reject_below = (0 - bound) % bound;
    while (low < reject_below) {
      product = static_cast<Wide>(next()) * bound;
      low = static_cast<std::uint64_t>(product);
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Rng::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

}  // namespace brim
