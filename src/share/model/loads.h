// SPDX-License-Identifier: Apache-2.0
#pragma once
// Loads inside simulated guests.
//
// SyntheticLoad is that of Veiga 2015 (algorithm 1, programs in its appendix): a page-aligned
// buffer filled with buffer[i] = i mod 256, so that all its pages are equal, in all guests; then,
// for ever, num_pages x write_rate single bytes are written, at random places, with what is there
// already, and it sleeps. The programs differ from the algorithm: on Linux it is `random() % size`
// without a seed, the same sequence in every guest (here the C library's own random_r() from seed
// 1, as that is what ran); on Windows `rand(size)`, whose values end at 32,767 (RAND_MAX there), so
// that only the first eight pages are ever rewritten.

#include "base/rng.h"
#include "base/units.h"
#include "share/model/population.h"

#include <chrono>
#include <cstdint>
#include <memory>

namespace brim::share::model {

class GuestLoad {
 public:
  virtual ~GuestLoad() = default;
  // From where it was; the first call starts it.
  virtual void run(ModelTime until) = 0;
  // So far, after it had filled.
  [[nodiscard]] virtual std::uint64_t writes() const = 0;
  // Processor time it has taken.
  [[nodiscard]] virtual ModelTime cpu_time() const = 0;
};

struct SyntheticShape {
  enum class Positions : std::uint8_t { algorithm, linux_program, windows_program };
  enum class Contents : std::uint8_t {
    same,               // in every page of every guest
    distinct_per_page,  // in each page another, alike in all guests
    distinct_per_guest,
    zero,
    changing,  // as `same` until written to; then what no other page has
  };
  Pages pages{0};
  double write_rate = 0;  // writes a cycle, as a share of the pages
  ModelTime pause = std::chrono::seconds(10);
  Positions positions = Positions::algorithm;
  Contents contents = Contents::same;
  double fill_pages_per_s = 0;
  std::chrono::duration<double, std::nano> write_cost{0};  // of one write at a random place
};

// Fills the guest's free pages from the first on; more than there are is a bug. From `start` on.
[[nodiscard]] std::unique_ptr<GuestLoad> make_synthetic_load(const SyntheticShape& shape,
                                                             const Guest& guest,
                                                             GuestWriter& writer, ModelTime start,
                                                             Rng rng);

}  // namespace brim::share::model
