// SPDX-License-Identifier: Apache-2.0
#pragma once
// A consumer of memory as text, and where it touches its memory: bursts of single accesses with a
// sleep after each, after Santos, "Sistemas operacionais em situação de thrashing" (PUCPR, 2009;
// title from memory). The same patterns as the model's (thrash/model/access_pattern.h).
//
//   memory=40000000B,accesses=2000,pause=10000000ns,order=uniform,write_share=1,fill=none,seed=1

#include "base/result.h"
#include "base/rng.h"
#include "base/units.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace brim::lab {

enum class AccessOrder : std::uint8_t { uniform, sequential, zipf, phases };

// What its memory holds before the first access: nothing, so that pages appear as they are written;
// or noise in all or half of each page.
enum class ConsumerFill : std::uint8_t { none, half_compressible, incompressible };

struct ConsumerLoad {
  Bytes memory;                       // rounded up to whole pages
  std::uint64_t accesses = 1;         // of a burst, one byte each
  std::chrono::nanoseconds pause{0};  // after each burst
  AccessOrder order = AccessOrder::uniform;
  double write_share = 1;  // of the accesses; the others read
  ConsumerFill fill = ConsumerFill::none;
  double exponent = 1;                                        // zipf: of a page's rank
  Bytes working_set = Bytes(kPageSize);                       // phases: where a phase's accesses go
  std::chrono::nanoseconds phase = std::chrono::seconds(10);  // phases: before another one
  std::uint64_t seed = 1;

  bool operator==(const ConsumerLoad&) const = default;
};

[[nodiscard]] Result<ConsumerLoad> parse_consumer(std::string_view text);
// What parse_consumer() takes back.
[[nodiscard]] std::string format_consumer(const ConsumerLoad& load);

// Pages, one after the other.
class AccessedPages {
 public:
  virtual ~AccessedPages() = default;
  // Below `pages`. `now`: since the consumer began, for phases.
  [[nodiscard]] virtual std::uint64_t next(std::chrono::nanoseconds now) = 0;
  // Whether `now` matters: reading a clock takes longer than an access.
  [[nodiscard]] virtual bool needs_time() const { return false; }
};
[[nodiscard]] std::unique_ptr<AccessedPages> accessed_pages(const ConsumerLoad& load,
                                                            const Rng& rng);

[[nodiscard]] constexpr std::uint64_t pages_of(const ConsumerLoad& load) {
  return (load.memory.count() + kPageSize - 1) / kPageSize;
}

}  // namespace brim::lab
