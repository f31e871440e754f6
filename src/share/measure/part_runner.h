// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the parts of all subjects, each part once, by several threads: each takes the next part. A
// subject whose part can't be read is left alone from then on; what it delivered stays.

#include "base/cancel.h"
#include "base/progress.h"
#include "base/result.h"
#include "share/measure/subject.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace brim::share {

struct PartOfSubject {
  std::uint32_t subject = 0;
  Part part;
  std::uint64_t first_ordinal = 0;  // number of its first page, counted over all parts
  bool last_of_subject = false;
};

// All parts in the order of the subjects. A page of any subject has a number, its ordinal.
class PartList {
 public:
  explicit PartList(std::span<const std::unique_ptr<Subject>> subjects);
  [[nodiscard]] const std::vector<PartOfSubject>& parts() const { return parts_; }
  [[nodiscard]] std::uint64_t ordinals() const { return ordinals_; }
  // Subject and page of an ordinal below ordinals().
  [[nodiscard]] std::pair<std::uint32_t, std::uint64_t> locate(std::uint64_t ordinal) const;

 private:
  std::vector<PartOfSubject> parts_;
  std::uint64_t ordinals_ = 0;
};

// How reading the subjects went.
struct ReadState {
  std::vector<UnreadPages> unread;           // by subject
  std::vector<std::optional<Error>> errors;  // by subject: of its first part that failed
};

class PartVisitor {
 public:
  virtual ~PartVisitor() = default;
  virtual void take(std::size_t part_number, const PageBatch& batch) = 0;
  virtual void finish_part(std::size_t part_number) = 0;
};

// One visitor a thread; the first is run by the caller. False when a thread ran out of memory.
[[nodiscard]] bool read_parts(std::span<const std::unique_ptr<Subject>> subjects,
                              const PartList& list, std::span<PartVisitor* const> visitors,
                              ReadState& state, Progress& progress, const Cancel& cancel);

}  // namespace brim::share
