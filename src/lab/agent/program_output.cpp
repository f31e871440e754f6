// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/program_output.h"

#include "base/printable.h"
#include "base/text.h"

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace brim::lab {
namespace {

constexpr std::size_t kLongestLastLine = 140;  // with words around it, it is told in 200
constexpr std::size_t kPieceOfOutput = 16384;
constexpr int kMostPieces = 4;  // 64 KiB, as much as a pipe holds (pipe(7))

}  // namespace

Result<ProgramOutput> ProgramOutput::open() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno_error(errno, "pipe", ""));
  ProgramOutput output{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return fail(errno_error(errno, "pipe", ""));
  return output;
}

void ProgramOutput::take() {
  for (int piece = 0; piece < kMostPieces && take_piece(); ++piece) continue;
}

bool ProgramOutput::take_piece() {
  std::array<char, kPieceOfOutput> bytes{};
  const ssize_t n = ::read(reading_.get(), bytes.data(), bytes.size());
  if (n <= 0) return false;
  for (const char c : std::span(bytes).first(static_cast<std::size_t>(n))) take(c);
  return true;
}

void ProgramOutput::take(char c) {
  if (c != '\n') {
    if (line_.size() < kLongestLastLine) line_ += c;
    return;
  }
  ++lines_;
  if (!trim(line_).empty()) last_ = line_;
  line_.clear();
}

std::string ProgramOutput::last_line() const {
  return printable(trim(trim(line_).empty() ? last_ : line_));
}

}  // namespace brim::lab
