// SPDX-License-Identifier: Apache-2.0
// What valgrind's lackey/lk_main.c writes: "I  04001000,3" for an instruction, " L 1ffe,8" for a
// load, " S" for a store, " M" for a modification; address in hexadecimal, size in decimal.

#include "image/trace_readers.h"
#include "image/trace_text.h"

#include <bit>

namespace brim::image {
namespace {

// No instruction of any processor touches as much; lackey itself stops at 512 bytes.
constexpr std::uint64_t kLargestAccess = 4096;

class LackeyFormat {
 public:
  explicit LackeyFormat(const TraceOptions& options)
      : page_shift_(std::countr_zero(options.page_size)), instructions_(options.instructions) {}

  [[nodiscard]] LineKind parse(std::string_view line, PageRun& run) const {
    const char* const end = line.data() + line.size();
    const char* at = skip(line.data(), end, ' ');
    if (at == end) return LineKind::nothing;
    const char kind = *at++;
    if (kind != 'I' && kind != 'L' && kind != 'S' && kind != 'M')
      return is_valgrinds(line) ? LineKind::nothing : LineKind::wrong;
    const char* const begin = skip(at, end, ' ');
    if (begin == at) return LineKind::wrong;
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    at = scan_number(begin, end, address, 16);
    if (at == nullptr || at == end || *at != ',') return LineKind::wrong;
    at = scan_number(at + 1, end, size, 10);
    if (at != end || size == 0 || size > kLargestAccess) return LineKind::wrong;
    if (address + (size - 1) < address) return LineKind::wrong;
    if (kind == 'I' && !instructions_) return LineKind::nothing;
    run.page = address >> page_shift_;
    run.count = ((address + (size - 1)) >> page_shift_) - run.page + 1;
    run.write = kind == 'S' || kind == 'M';
    return LineKind::reference;
  }

  static std::string why_wrong(std::string_view line) {
    return fmt::format(
        "{} is not an access that lackey writes, such as ' S 1ffeffe7e,8' "
        "(valgrind's --log-file keeps the program's own output out)",
        quoted(line));
  }

 private:
  // "==123== ", "--123-- " or "**123** ", with the process' number.
  static bool is_valgrinds(std::string_view line) {
    return line.starts_with("==") || line.starts_with("--") || line.starts_with("**");
  }

  int page_shift_;
  bool instructions_;
};

}  // namespace

std::unique_ptr<TraceReader> open_lackey_trace(TraceInput input, const TraceOptions& options) {
  return std::make_unique<TextTraceReader<LackeyFormat>>(TraceLines(std::move(input)),
                                                         LackeyFormat(options));
}

}  // namespace brim::image
