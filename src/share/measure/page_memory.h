// SPDX-License-Identifier: Apache-2.0
#pragma once
// A 64-bit hash of each page of a part, in 8 bytes a page: what a look remembers for the next one.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace brim::share {

class PageMemory {
 public:
  // Pages ascend.
  void add(std::uint64_t page, std::uint64_t hash) {
    if (runs_.empty() || runs_.back().first + (hashes_.size() - runs_.back().at) != page)
      runs_.push_back({page, hashes_.size()});
    hashes_.push_back(hash);
  }
  [[nodiscard]] std::size_t size() const { return hashes_.size(); }

  // visit(page, hash), ascending.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t r = 0; r < runs_.size(); ++r) {
      const std::size_t end = r + 1 < runs_.size() ? runs_[r + 1].at : hashes_.size();
      for (std::size_t i = runs_[r].at; i < end; ++i)
        visit(runs_[r].first + (i - runs_[r].at), hashes_[i]);
    }
  }

  // Looks pages up that ascend from call to call.
  class Cursor {
   public:
    explicit Cursor(const PageMemory& memory) : memory_(&memory) {}
    std::optional<std::uint64_t> find(std::uint64_t page) {
      const auto& runs = memory_->runs_;
      while (run_ + 1 < runs.size() && runs[run_ + 1].first <= page) ++run_;
      if (run_ >= runs.size() || page < runs[run_].first) return std::nullopt;
      const std::size_t end = run_ + 1 < runs.size() ? runs[run_ + 1].at : memory_->hashes_.size();
      const std::uint64_t at = runs[run_].at + (page - runs[run_].first);
      if (at >= end) return std::nullopt;
      return memory_->hashes_[at];
    }

   private:
    const PageMemory* memory_;
    std::size_t run_ = 0;
  };

 private:
  struct PageRun {
    std::uint64_t first = 0;
    std::size_t at = 0;  // in hashes_
  };
  std::vector<PageRun> runs_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace brim::share
