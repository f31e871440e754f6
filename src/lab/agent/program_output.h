// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a program writes to one of its outputs, read from a pipe as it comes: how many lines, and
// the last that says anything. Nothing else of it is kept.

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <string>

namespace brim::lab {

class ProgramOutput {
 public:
  [[nodiscard]] static Result<ProgramOutput> open();

  // For poll(2); and for the program.
  [[nodiscard]] int reading() const { return reading_.get(); }
  [[nodiscard]] int writing() const { return writing_.get(); }

  // Reads what is there, up to what a pipe holds. Never waits.
  void take();
  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  // Clipped, printable; one without its end, too. Empty: there is none.
  [[nodiscard]] std::string last_line() const;

 private:
  ProgramOutput(Fd reading, Fd writing)
      : reading_(std::move(reading)), writing_(std::move(writing)) {}
  [[nodiscard]] bool take_piece();
  void take(char c);

  Fd reading_;
  Fd writing_;
  std::uint64_t lines_ = 0;
  std::string line_;  // that has not ended yet
  std::string last_;
};

}  // namespace brim::lab
