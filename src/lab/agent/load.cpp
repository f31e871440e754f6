// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/load.h"

#include "base/rng.h"
#include "base/text.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace brim::lab {
namespace {

template <class Value>
using NameTable = std::span<const std::pair<std::string_view, Value>>;

constexpr std::pair<std::string_view, LoadWrites> kWrites[] = {
    {"algorithm", LoadWrites::algorithm},
    {"linux", LoadWrites::linux_program},
    {"windows", LoadWrites::windows_program}};
constexpr std::pair<std::string_view, LoadContent> kContents[] = {
    {"study", LoadContent::study},
    {"per_page", LoadContent::per_page},
    {"per_machine", LoadContent::per_machine},
    {"unique", LoadContent::unique},
    {"zero", LoadContent::zero}};
constexpr std::pair<std::string_view, bool> kYesOrNo[] = {{"no", false}, {"yes", true}};

template <class Value>
Result<void> take_named(NameTable<Value> table, std::string_view text, Value& out) {
  std::string known;
  for (const auto& [name, value] : table) {
    if (name == text) {
      out = value;
      return {};
    }
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return fail(ErrorCode::bad_input, fmt::format("'{}' is none of {}", text, known));
}

template <class Value>
std::string_view name_in(NameTable<Value> table, Value value) {
  for (const auto& [name, known] : table)
    if (known == value) return name;
  return table.front().first;
}

Result<void> take_number(std::string_view text, std::uint64_t& out) {
  const auto number = parse_number(text);
  if (!number) return fail(ErrorCode::bad_input, fmt::format("'{}' is not a whole number", text));
  out = *number;
  return {};
}

// "0", "1", "1/32". Small enough that pages × numerator does not overflow.
Result<void> take_write_rate(std::string_view text, WriteRate& out) {
  constexpr std::uint64_t kLargest = 1U << 20;
  const std::size_t slash = text.find('/');
  WriteRate rate;
  BRIM_CHECK(take_number(text.substr(0, slash), rate.numerator));
  if (slash != std::string_view::npos)
    BRIM_CHECK(take_number(text.substr(slash + 1), rate.denominator));
  if (rate.denominator == 0 || rate.numerator > kLargest || rate.denominator > kLargest)
    return fail(ErrorCode::bad_input,
                fmt::format("'{}' is no rate: expected n or n/m, at most {} each", text, kLargest));
  out = rate;
  return {};
}

Result<void> take_bytes(std::string_view text, Bytes& out) {
  constexpr Bytes kLargest = gibibytes(std::uint64_t{1} << 20);
  BRIM_TRY(out, parse_bytes(text));
  if (out > kLargest) return fail(ErrorCode::bad_input, "more than a pebibyte");
  return {};
}

Result<void> take_pause(std::string_view text, std::chrono::nanoseconds& out) {
  BRIM_TRY(out, parse_duration(text));
  return {};
}

struct LoadKey {
  std::string_view name;
  Result<void> (*take)(std::string_view text, Load& load);
};
constexpr LoadKey kLoadKeys[] = {
    {"bytes", [](std::string_view text, Load& load) { return take_bytes(text, load.bytes); }},
    {"changing", [](std::string_view text,
                    Load& load) { return take_named<bool>(kYesOrNo, text, load.changing); }},
    {"content", [](std::string_view text,
                   Load& load) { return take_named<LoadContent>(kContents, text, load.content); }},
    {"machine", [](std::string_view text, Load& load) { return take_number(text, load.machine); }},
    {"pause", [](std::string_view text, Load& load) { return take_pause(text, load.pause); }},
    {"seed", [](std::string_view text, Load& load) { return take_number(text, load.seed); }},
    {"write_rate",
     [](std::string_view text, Load& load) { return take_write_rate(text, load.write_rate); }},
    {"writes", [](std::string_view text,
                  Load& load) { return take_named<LoadWrites>(kWrites, text, load.writes); }},
};

Error unknown_key(std::string_view name) {
  std::vector<std::string> known;
  for (const LoadKey& key : kLoadKeys) known.emplace_back(key.name);
  const auto near = nearest_word(name, known);
  return {ErrorCode::bad_input,
          fmt::format("a load has no '{}'{}", name,
                      near ? fmt::format("; did you mean '{}'?", *near) : ""),
          ""};
}

Result<void> take_part(std::string_view part, std::set<std::string_view>& seen, Load& load) {
  const std::size_t equals = part.find('=');
  const std::string_view name = trim(part.substr(0, equals));
  for (const LoadKey& key : kLoadKeys) {
    if (key.name != name) continue;
    if (equals == std::string_view::npos)
      return fail(ErrorCode::bad_input, fmt::format("expected {}=VALUE", name));
    if (!seen.insert(key.name).second)
      return fail(ErrorCode::bad_input, fmt::format("'{}' is given twice", name));
    auto taken = key.take(trim(part.substr(equals + 1)), load);
    if (!taken) taken.error().where = std::string(name);
    return taken;
  }
  return fail(unknown_key(name));
}

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

Result<Load> parse_load(std::string_view text) {
  Load load;
  if (trim(text) == "idle") return load;
  std::set<std::string_view> seen;
  for (const std::string_view part : split(text, ',')) BRIM_CHECK(take_part(part, seen, load));
  if (!seen.contains("bytes"))
    return fail(ErrorCode::bad_input, "a load needs bytes=SIZE, or is 'idle'");
  return load;
}

std::string format_load(const Load& load) {
  return fmt::format(
      "bytes={}B,write_rate={}/{},pause={}ns,writes={},content={},changing={},seed={},machine={}",
      load.bytes.count(), load.write_rate.numerator, load.write_rate.denominator,
      load.pause.count(), name_in<LoadWrites>(kWrites, load.writes),
      name_in<LoadContent>(kContents, load.content), name_in<bool>(kYesOrNo, load.changing),
      load.seed, load.machine);
}

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
