// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/trace_loading.h"

#include "thrash/model/next_check.h"
#include "thrash/model/page_numbering.h"

#include <array>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

constexpr std::size_t kBatch = 4096;
constexpr std::size_t kMostPages = std::size_t{1} << 31;

Error wrong_next(const image::TraceReader& reader, std::uint64_t number) {
  return {
      ErrorCode::bad_input,
      fmt::format("reference {} (from 0) comes where an earlier one's next access does not say so",
                  number),
      reader.place(number)};
}

Error missing_next(std::uint64_t number) {
  return {ErrorCode::bad_input,
          fmt::format("the next access that reference {} (from 0) says does not come", number), ""};
}

}  // namespace

Result<PageTrace> load_trace(image::TraceReader& reader, Progress& progress, const Cancel& cancel) {
  PageTrace trace;
  PageNumbering numbering;
  NextCheck check;
  bool says_next = false;
  std::array<image::TraceReference, kBatch> batch;
  for (;;) {
    if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
    BRIM_TRY(const std::size_t count, reader.read(batch));
    if (count == 0) break;
    for (const image::TraceReference& one : std::span(batch).first(count)) {
      const PageNumber page = numbering.number(one.page);
      if (one.next != image::kNoNext) {
        says_next = true;
        if (!check.reference(trace.references.size(), page, one.next))
          return fail(wrong_next(reader, trace.references.size()));
      }
      trace.references.emplace_back(page, one.write ? Access::write : Access::read);
    }
    if (numbering.size() >= kMostPages) return fail(ErrorCode::bad_input, "more than 2^31 pages");
    progress.advance(count);
  }
  trace.pages = numbering.size();
  if (!says_next) return trace;
  if (const auto missing = check.missing(trace.references.size()))
    return fail(missing_next(*missing));
  return trace;
}

}  // namespace brim::thrash::model
