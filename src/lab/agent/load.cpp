// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/load.h"

#include "base/rng.h"

#include <array>
#include <cstdlib>
#include <cstring>

namespace brim::lab {
namespace {

class UniformPositions final : public WritePositions {
 public:
  explicit UniformPositions(std::uint64_t seed) : rng_(seed) {}
  std::uint64_t next(std::uint64_t size) override { return rng_.below(size); }

 private:
  Rng rng_;
};

// glibc's random() as a program finds it that never calls srandom(): seed 1, 128 bytes of state.
class LinuxPositions final : public WritePositions {
 public:
  LinuxPositions() { ::initstate_r(1, state_.data(), state_.size(), &data_); }
  LinuxPositions(const LinuxPositions&) = delete;  // data_ points into state_
  LinuxPositions& operator=(const LinuxPositions&) = delete;
  std::uint64_t next(std::uint64_t size) override {
    std::int32_t drawn = 0;
    ::random_r(&data_, &drawn);
    return static_cast<std::uint64_t>(drawn) % size;
  }

 private:
  alignas(8) std::array<char, 128> state_{};
  random_data data_{};
};

// rand() of Microsoft's C library (RAND_MAX 0x7fff), unseeded: its first values are 41, 18467 and
// 6334.
class WindowsPositions final : public WritePositions {
 public:
  std::uint64_t next(std::uint64_t size) override {
    state_ = state_ * 214013U + 2531011U;
    return ((state_ >> 16) & 0x7fffU) % size;
  }

 private:
  std::uint32_t state_ = 1;
};

// splitmix64's finalizer: what differs in one bit differs in half of them.
std::uint64_t mixed(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
  return word ^ (word >> 31);
}

// The eight bytes at `position`, a multiple of eight.
std::uint64_t word_at(const Load& load, std::uint64_t position) {
  constexpr std::uint64_t kAscending = 0x0706050403020100ULL;  // little-endian
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const std::uint64_t page = position >> kPageShift;
  const std::uint64_t offset = position % kPageSize;
  switch (load.content) {
    case LoadContent::study:
      return kAscending + kOnes * (position % 256);
    case LoadContent::per_page:
      return mixed(mixed(page + 1) + offset);
    case LoadContent::per_machine:
      return mixed(mixed(~load.machine) + offset);
    case LoadContent::unique:
      return mixed(mixed(page + 1) + mixed(~load.machine) + offset);
    case LoadContent::zero:
      return 0;
  }
  return 0;
}

}  // namespace

std::unique_ptr<WritePositions> write_positions(const Load& load) {
  switch (load.writes) {
    case LoadWrites::linux_program:
      return std::make_unique<LinuxPositions>();
    case LoadWrites::windows_program:
      return std::make_unique<WindowsPositions>();
    case LoadWrites::algorithm:
      break;
  }
  return std::make_unique<UniformPositions>(load.seed);
}

LoadedBuffer::LoadedBuffer(const Load& load, std::span<std::byte> buffer)
    : load_(load), buffer_(buffer), positions_(write_positions(load)) {
  BRIM_ASSERT(buffer.size() == load.bytes.count());
}

void LoadedBuffer::fill() {
  for (std::size_t position = 0; position < buffer_.size(); position += sizeof(std::uint64_t)) {
    const std::uint64_t word = word_at(load_, position);
    std::memcpy(buffer_.data() + position, &word, std::min(sizeof word, buffer_.size() - position));
  }
}

std::uint64_t LoadedBuffer::writes_per_cycle() const {
  return whole_pages(load_.bytes).count() * load_.write_rate.numerator /
         load_.write_rate.denominator;
}

std::uint64_t LoadedBuffer::cycle() {
  const std::uint64_t writes = writes_per_cycle();
  for (std::uint64_t i = 0; i < writes; ++i) {
    const std::uint64_t position = positions_->next(buffer_.size());
    // Volatile: that a store changes nothing is the load's point, not the compiler's to notice.
    volatile std::byte& target = buffer_[position];
    if (load_.changing) {
      target = static_cast<std::byte>(std::to_integer<unsigned>(target) + 1U);
    } else {
      const std::uint64_t word = word_at(load_, position & ~std::uint64_t{7});
      target = static_cast<std::byte>(word >> (8 * (position % 8)));
    }
  }
  return writes;
}

}  // namespace brim::lab
