// SPDX-License-Identifier: Apache-2.0
#pragma once
// A guest for simulations, fitted to a scan: as many of it as the scan had subjects have the scan's
// potential (zero, used, minimum, intra, inter), but for what rounding to whole pages of a guest
// costs: half a page a guest in each column.
//
// All are alike, the mean of the scan's subjects: of `distinct` contents, what others have too is
// taken for common to all (that is how few contents can save so much), the rest is each one's own,
// and the copies inside a guest are of its own contents. What a scan does not tell is assumed, and
// the entry says so: what is written, what the pages are of, how copies spread over contents.

#include "base/result.h"

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace brim::share {

// Pages of each guest.
struct GuestFit {
  std::vector<std::string> subjects;  // that the scan had
  std::uint64_t memory = 0;           // with what was not read
  std::uint64_t zero = 0;
  std::uint64_t common = 0;  // contents of all guests, once in each
  std::uint64_t own = 0;     // contents of one guest alone
  std::uint64_t copies = 0;  // of contents that the guest has already
  bool estimated = false;    // by a scan that sampled
};

// `scan`: "brim.share.scan/1", of 4 KiB pages and whole; else bad_input.
[[nodiscard]] Result<GuestFit> fit_guest(const nlohmann::json& scan);
// An entry of a catalogue, as TOML. bad_input where the name is not letters, digits, - and _.
[[nodiscard]] Result<std::string> guest_entry(const GuestFit& fit, const std::string& name,
                                              const std::string& source);

}  // namespace brim::share
