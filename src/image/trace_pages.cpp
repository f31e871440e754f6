// SPDX-License-Identifier: Apache-2.0
#include "image/trace_readers.h"
#include "image/trace_text.h"

namespace brim::image {
namespace {

class PagesFormat {
 public:
  static LineKind parse(std::string_view line, PageRun& run) {
    const char* const end = line.data() + line.size();
    const char* at = skip_blanks(line.data(), end);
    if (at == end || *at == '#') return LineKind::nothing;
    at = scan_prefixed_number(at, end, run.page);
    if (at == nullptr) return LineKind::wrong;
    run.write = false;
    if (at != end) {
      const char* const access = skip_blanks(at, end);
      if (access == at) return LineKind::wrong;
      at = access;
      if (at != end && (*at == 'r' || *at == 'w')) run.write = *at++ == 'w';
      if (skip_blanks(at, end) != end) return LineKind::wrong;
    }
    run.count = 1;
    return LineKind::reference;
  }

  static std::string why_wrong(std::string_view line) {
    return fmt::format(
        "{} is not a page number of 64 bits (decimal, or hexadecimal behind 0x), "
        "alone or with r or w behind it",
        quoted(line));
  }
};

}  // namespace

std::unique_ptr<TraceReader> open_pages_trace(TraceInput input) {
  return std::make_unique<TextTraceReader<PagesFormat>>(TraceLines(std::move(input)),
                                                        PagesFormat());
}

}  // namespace brim::image
