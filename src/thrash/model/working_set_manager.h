// SPDX-License-Identifier: Apache-2.0
#pragma once
// The working sets of Windows: how far each grows, how old its pages are, and which of them leave
// when memory is short.
//
//   Growing   A working set of fewer than `most` pages takes one more at each fault, a larger one
//             only while memory is not short. Else it stays as large as it is: one of its own pages
//             leaves for the one that comes.
//   Ageing    Each `interval` a part of each working set is looked at, in turn. A page that was
//             referenced loses its bit and has age 0; any other's age grows by one, to 3.
//   Trimming  Where memory is short all working sets give pages until it is not, in passes: those
//             that were not referenced and have an age of 2 at least; then of 1; then any. In each
//             pass a process gives in proportion to what it has of them (its claim), and keeps
//             `least`.
// Memory is short where fewer frames are free than the low watermark, and no longer where there are
// as many as the high one, with those on their way. MemoryManager does what is decided here
// (working_set_trim.cpp): what leaves modified waits on the modified list until the modified page
// writer comes to it, and is on the standby list then; so is what is read along with a page.
//
// Source: Russinovich and Solomon, "Windows Internals", 4th edition, chapter 7 (working sets of 50
// to 345 pages, the balance set manager, which looks each second and whenever memory is short,
// lists of pages), and the ages and passes of Windows Server 2003's working set manager, both from
// memory.
//
// LIMIT: of five passes there the model has three, for those between differ in amounts alone; ages
// count what was looked at, and are no estimate by samples; nobody is in the foreground; hard
// limits, which a process has to ask for, are not there.

#include "base/result.h"
#include "base/units.h"
#include "thrash/model/model_time.h"
#include "thrash/model/page_table.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

struct WorkingSetShape {
  Pages least{50};
  Pages most{345};
  ModelTime interval = std::chrono::seconds(1);
  std::uint32_t parts = 16;  // looked at one at a time
};

class WorkingSetManager {
 public:
  using Age = std::uint8_t;
  // What a page has to have at least, by pass. 0: it may have been referenced as well.
  static constexpr std::array<Age, 3> kTrimAges{2, 1, 0};
  static constexpr int kOldest = 3;

  // Pages are the machine's, processes as they are numbered.
  WorkingSetManager(const WorkingSetShape& shape, std::size_t pages, std::size_t processes)
      : shape_(shape), ages_(pages), next_(processes), next_look_(shape.interval) {
    BRIM_ASSERT(shape.parts > 0 && shape.interval > ModelTime(0));
  }

  // One of so many pages.
  [[nodiscard]] bool may_grow(std::size_t pages, bool memory_is_short) const {
    return pages < shape_.most.count() || !memory_is_short;
  }
  [[nodiscard]] std::size_t least() const { return shape_.least.count(); }

  // A page comes into a working set.
  void came(PageNumber page) { ages_[page] = 0; }
  [[nodiscard]] Age age(PageNumber page) const { return ages_[page]; }

  // Whether it is time to look at ages; once each interval.
  [[nodiscard]] bool is_due(ModelTime now) {
    if (now < next_look_) return false;
    next_look_ = now + shape_.interval;
    return true;
  }
  // Of a process of so many pages.
  [[nodiscard]] std::uint32_t looks_of(std::uint32_t pages) const {
    return (pages + shape_.parts - 1) / shape_.parts;
  }
  void look(PageNumber page, bool referenced) {
    ages_[page] = referenced ? Age{0} : static_cast<Age>(std::min(kOldest, ages_[page] + 1));
  }
  // In a pass of this age.
  [[nodiscard]] bool may_leave(PageNumber page, bool referenced, Age trim_age) const {
    return trim_age == 0 || (!referenced && ages_[page] >= trim_age);
  }

  // A process's pages in turn, by its own numbers: each begins where it stopped the last time.
  [[nodiscard]] std::uint32_t next_to_look_at(std::size_t process, std::uint32_t pages) {
    return step(next_[process].look, pages);
  }
  [[nodiscard]] std::uint32_t next_to_trim(std::size_t process, std::uint32_t pages) {
    return step(next_[process].trim, pages);
  }

 private:
  struct Next {
    std::uint32_t look = 0;
    std::uint32_t trim = 0;
  };
  [[nodiscard]] static std::uint32_t step(std::uint32_t& next, std::uint32_t pages) {
    const std::uint32_t now = next < pages ? next : 0;
    next = now + 1;
    return now;
  }

  WorkingSetShape shape_;
  std::vector<Age> ages_;   // by page
  std::vector<Next> next_;  // by process
  ModelTime next_look_;
};

}  // namespace brim::thrash::model
