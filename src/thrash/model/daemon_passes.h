// SPDX-License-Identifier: Apache-2.0
#pragma once
// The passes of FreeBSD 7's page daemon (vm_pageout() and vm_pageout_scan() of vm/vm_pageout.c,
// from memory). It wakes where fewer pages are free than the low watermark, and each pass wants as
// many as the high one. A pass looks at the inactive queue until it has them, then at the active
// one until as many are inactive as shall be, each queue once at most (lau.h).
//   First pass: modified pages go round the inactive queue once; then up to 32 are laundered
//     (vm_max_launder).
//   Where the low watermark is not reached, the second comes at once, and launders up to 10,000;
//     later ones after half a second of sleep each.
//   Once it is reached the daemon sleeps until it is called. If it took more than two passes the
//     next one is a second pass.
//
// LIMIT: laundering counts pages, there clusters of up to 16 neighbours of which all are inactive.
// Nobody's pages are looked at while memory is not short (vm_pageout_page_stats()).

#include "thrash/model/model_time.h"
#include "thrash/model/scan_pass.h"

#include <cstddef>
#include <optional>

namespace brim::thrash::model {

class DaemonPasses {
 public:
  static constexpr ModelTime kSleep = std::chrono::milliseconds(500);

  // That wants so many pages.
  [[nodiscard]] ScanPass begin(const ListSizes& sizes, std::size_t shortage) const {
    ScanPass pass;
    pass.over = false;
    pass.active = sizes.active;
    pass.inactive = sizes.inactive;
    pass.shortage = shortage;
    pass.target = shortage;
    pass.launder = number_ == 0 ? kLaunderFirst : kLaunderLater;
    pass.second_trip = number_ == 0;
    return pass;
  }
  // After one: how long it sleeps before the next; none: until it is called.
  [[nodiscard]] std::optional<ModelTime> end(bool still_short) {
    if (!still_short) {
      number_ = number_ > 1 ? 1 : 0;
      return std::nullopt;
    }
    ++number_;
    return number_ > 1 ? kSleep : ModelTime(0);
  }

 private:
  static constexpr std::size_t kLaunderFirst = 32;
  static constexpr std::size_t kLaunderLater = 10'000;

  int number_ = 0;
};

}  // namespace brim::thrash::model
