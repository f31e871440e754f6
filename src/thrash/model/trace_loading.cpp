// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/trace_loading.h"

#include "thrash/model/next_check.h"
#include "thrash/model/page_numbering.h"

#include <array>
#include <memory>
#include <optional>
#include <span>

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

// What is read at a time.
class Batch {
 public:
  // The pages' numbers, once some have been read.
  Result<std::size_t> read(image::TraceReader& reader, PageNumbering& numbering) {
    BRIM_TRY(const std::size_t count, reader.read(references_));
    for (std::size_t i = 0; i < count; ++i) pages_[i] = references_[i].page;
    numbering.number(std::span(pages_).first(count), std::span(numbers_).first(count));
    return count;
  }
  [[nodiscard]] const image::TraceReference& reference(std::size_t i) const {
    return references_[i];
  }
  [[nodiscard]] PageNumber number(std::size_t i) const { return numbers_[i]; }

 private:
  std::array<image::TraceReference, kBatch> references_;
  std::array<std::uint64_t, kBatch> pages_;
  std::array<PageNumber, kBatch> numbers_;
};

// The number in the batch of the first reference that is not where one before it said.
std::optional<std::size_t> first_wrong(const Batch& batch, std::size_t count,
                                       std::uint64_t references, NextCheck& check) {
  constexpr std::size_t kAhead = 16;
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) check.prefetch(batch.number(i + kAhead));
    if (!check.reference(references + i, batch.number(i), batch.reference(i).next)) return i;
  }
  return std::nullopt;
}

}  // namespace

Result<PageTrace> load_trace(image::TraceReader& reader, Progress& progress, const Cancel& cancel) {
  PageTrace trace;
  PageNumbering numbering;
  NextCheck check;
  bool says_next = false;
  const auto batch = std::make_unique<Batch>();
  for (;;) {
    if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
    BRIM_TRY(const std::size_t count, batch->read(reader, numbering));
    if (count == 0) break;
    if (numbering.size() >= kMostPages) return fail(ErrorCode::bad_input, "more than 2^31 pages");
    const std::uint64_t before = trace.references.size();
    if (before + count > NextCheck::kMostReferences)
      return fail(ErrorCode::bad_input, "more than 2^32 references");
    says_next |= batch->reference(0).next != image::kNoNext;
    if (says_next) {
      if (const auto wrong = first_wrong(*batch, count, before, check))
        return fail(wrong_next(reader, before + *wrong));
    }
    if (trace.references.capacity() < before + count)
      trace.references.reserve(2 * (before + count));
    for (std::size_t i = 0; i < count; ++i)
      trace.references.emplace_back(batch->number(i),
                                    batch->reference(i).write ? Access::write : Access::read);
    progress.advance(count);
  }
  trace.pages = numbering.size();
  if (!says_next) return trace;
  if (const auto missing = check.missing(trace.references.size()))
    return fail(missing_next(*missing));
  return trace;
}

}  // namespace brim::thrash::model
