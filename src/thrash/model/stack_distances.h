// SPDX-License-Identifier: Apache-2.0
#pragma once
// How often each stack distance came, and the faults that follow from it. Under a stack algorithm
// (Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for storage hierarchies", IBM Systems
// Journal 9(2), 1970) what more frames hold includes what fewer hold. So the pages stand in a stack
// whose first n are resident with n frames, and a reference to the page at distance d (the top has
// 1) faults exactly where there are fewer than d frames.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

class StackDistances {
 public:
  explicit StackDistances(std::size_t pages) : references_at_(pages) {}

  void add(std::size_t distance) {
    ++references_;
    ++references_at_[distance - 1];
  }
  // A page's first: it faults with any number of frames.
  void add_first() { ++references_; }

  // [n - 1] with n frames, for 1 to as many as there are pages.
  [[nodiscard]] std::vector<std::uint64_t> faults() const {
    std::vector<std::uint64_t> faults;
    faults.reserve(references_at_.size());
    std::uint64_t left = references_;
    for (const std::uint64_t hits : references_at_) faults.push_back(left -= hits);
    return faults;
  }

 private:
  std::uint64_t references_ = 0;
  std::vector<std::uint64_t> references_at_;
};

}  // namespace brim::thrash::model
