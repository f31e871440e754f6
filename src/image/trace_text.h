// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the readers of text formats share: the loop over lines, and scanning within one.

#include "image/trace.h"
#include "image/trace_input.h"

#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace brim::image {

// What one line refers to: consecutive pages.
struct PageRun {
  std::uint64_t page = 0;
  std::uint64_t count = 0;
  bool write = false;
};

enum class LineKind : std::uint8_t { reference, nothing, wrong };

// `Format` is a class with
//   LineKind parse(std::string_view line, PageRun& run)   reference: `run` holds one page at least
//   std::string why_wrong(std::string_view line) const    of the line that parse() called wrong
template <class Format>
class TextTraceReader final : public TraceReader {
 public:
  TextTraceReader(TraceLines lines, Format format)
      : lines_(std::move(lines)), format_(std::move(format)) {}

  Result<std::size_t> read(std::span<TraceReference> out) override {
    first_ += std::exchange(given_, 0);
    if (numbers_.size() < out.size()) numbers_.resize(out.size());
    std::size_t count = 0;
    while (count < out.size()) {
      if (run_.count > 0) {
        out[count] = {run_.page++, kNoNext, run_.write};
        numbers_[count++] = lines_.number();
        --run_.count;
        continue;
      }
      std::string_view line;
      if (!lines_.next(line)) {
        BRIM_TRY(const bool another, lines_.fill());
        if (!another) break;
        continue;
      }
      if (format_.parse(line, run_) == LineKind::wrong)
        return fail(ErrorCode::bad_input, format_.why_wrong(line), lines_.place(lines_.number()));
    }
    given_ = count;
    return count;
  }

  [[nodiscard]] std::string place(std::uint64_t reference) const override {
    BRIM_ASSERT(reference >= first_ && reference - first_ < given_);
    return lines_.place(numbers_[reference - first_]);
  }

 private:
  TraceLines lines_;
  Format format_;
  PageRun run_;                         // what is still to be given of the last line
  std::uint64_t first_ = 0;             // reference of the last batch
  std::size_t given_ = 0;               // references in it
  std::vector<std::uint64_t> numbers_;  // the lines that they are in
};

inline const char* skip(const char* at, const char* end, char blank) {
  while (at != end && *at == blank) ++at;
  return at;
}
inline bool is_blank(char letter) { return letter == ' ' || letter == '\t'; }
inline const char* skip_blanks(const char* at, const char* end) {
  while (at != end && is_blank(*at)) ++at;
  return at;
}

// A number without a sign that `at` begins with: behind it; nullptr where there is none, or it is
// too large.
inline const char* scan_number(const char* at, const char* end, std::uint64_t& number, int base) {
  const auto [after, error] = std::from_chars(at, end, number, base);
  return error == std::errc() ? after : nullptr;
}
// Decimal, or hexadecimal behind 0x.
inline const char* scan_prefixed_number(const char* at, const char* end, std::uint64_t& number) {
  if (end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
    return scan_number(at + 2, end, number, 16);
  return scan_number(at, end, number, 10);
}

// For errors: as much of it as a person needs to find it.
inline std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 60;
  if (text.size() <= kMost) return fmt::format("'{}'", text);
  return fmt::format("'{}...'", text.substr(0, kMost));
}

}  // namespace brim::image
