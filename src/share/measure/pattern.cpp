// SPDX-License-Identifier: Apache-2.0
#include "share/measure/pattern.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace brim::share {
namespace {

using Page = std::span<const std::byte, kPageSize>;

bool repeats(Page page, std::size_t period) {
  return std::memcmp(page.data(), page.data() + period, page.size() - period) == 0;
}

std::uint64_t word_at_start(Page page, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, page.data(), size);
  return word;
}

// From any start: the study's buffer need not begin at a page that starts with 0.
bool counts_up(Page page) {
  const auto first = std::to_integer<unsigned>(page[0]);
  for (std::size_t i = 1; i < page.size(); ++i)
    if (std::to_integer<unsigned>(page[i]) != ((first + i) & 0xff)) return false;
  return true;
}

// How many bytes are not zero; stops counting beyond `most`. By blocks, which the compiler turns
// into vector code: most pages are out after the first.
std::size_t non_zero_bytes(Page page, std::size_t most) {
  constexpr std::size_t kBlock = 128;
  static_assert(kPageSize % kBlock == 0);
  std::size_t count = 0;
  for (std::size_t at = 0; at < page.size() && count <= most; at += kBlock) {
    std::uint8_t in_block = 0;
    for (std::size_t i = 0; i < kBlock; ++i) in_block += page[at + i] != std::byte{0} ? 1 : 0;
    count += in_block;
  }
  return count;
}

// Printable ASCII and white space, at most padded with zeros at the end.
bool is_text(Page page) {
  std::size_t end = page.size();
  while (end > 0 && page[end - 1] == std::byte{0}) --end;
  return end >= page.size() / 4 && std::all_of(page.begin(), page.begin() + end, [](std::byte b) {
           const auto c = std::to_integer<unsigned>(b);
           return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t' || c == '\r';
         });
}

}  // namespace

std::string pattern_name(std::span<const std::byte, kPageSize> page) {
  constexpr std::size_t kFewBytes = 64;
  if (repeats(page, 1)) return fmt::format("every byte 0x{:02x}", word_at_start(page, 1));
  for (const std::size_t size : {2U, 4U, 8U})
    if (repeats(page, size))
      return fmt::format("the {}-byte word 0x{:0{}x} repeated", size, word_at_start(page, size),
                         2 * size);
  if (counts_up(page)) return "bytes count up (i mod 256)";
  if (const std::size_t few = non_zero_bytes(page, kFewBytes); few <= kFewBytes)
    return fmt::format("zeros but for {} byte{}", few, few == 1 ? "" : "s");
  if (is_text(page)) return "text";
  return {};
}

void PatternNames::name(const PageHash& hash, std::uint32_t copies, Page page) {
  if (const auto known = named_.find(hash); known != named_.end()) {
    known->second.copies = copies;
    return;
  }
  std::string found = pattern_name(page);
  if (found.empty()) return;
  while (named_.size() >= kMost) {
    threshold_ *= 2;
    boost::unordered::erase_if(
        named_, [this](const auto& entry) { return entry.second.copies < threshold_; });
  }
  if (copies >= threshold_) named_.emplace(hash, Named{copies, std::move(found)});
}

std::string PatternNames::find(const PageHash& hash) const {
  const auto found = named_.find(hash);
  return found == named_.end() ? std::string() : found->second.name;
}

}  // namespace brim::share
