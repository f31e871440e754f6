// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names of page contents that are a fill pattern, and the collection of them while a scan runs.

#include "base/units.h"
#include "share/measure/page_hash.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include <boost/unordered/unordered_flat_map.hpp>

namespace brim::share {

struct PageHashHasher {
  std::size_t operator()(const PageHash& hash) const { return hash.low; }
};

// "every byte 0xff", "the 4-byte word 0xdeadbeef repeated", "bytes count up (i mod 256)", "zeros
// but for 3 bytes", "text"; empty where none fits. Words are read as little-endian numbers.
[[nodiscard]] std::string pattern_name(std::span<const std::byte, kPageSize> page);

// One thread's names of contents with many copies. A content is looked at when its copies reach a
// power of two, while its bytes are at hand. Bounded: when kMost are named, the least copied half
// of the powers is dropped and no longer looked at, so the contents with the most copies stay
// named.
class PatternNames {
 public:
  // `copies`: of the content, this page included.
  void look(const PageHash& hash, std::uint32_t copies,
            std::span<const std::byte, kPageSize> page) {
    if (copies >= threshold_ && (copies & (copies - 1)) == 0) name(hash, copies, page);
  }
  // Empty where it has none.
  [[nodiscard]] std::string find(const PageHash& hash) const;

 private:
  static constexpr std::size_t kMost = 8192;
  struct Named {
    std::uint32_t copies = 0;
    std::string name;
  };
  void name(const PageHash& hash, std::uint32_t copies, std::span<const std::byte, kPageSize> page);

  std::uint32_t threshold_ = 2;
  boost::unordered_flat_map<PageHash, Named, PageHashHasher> named_;
};

}  // namespace brim::share
