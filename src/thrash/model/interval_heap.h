// SPDX-License-Identifier: Apache-2.0
#pragma once
// A priority queue with two ends (van Leeuwen and Wood, "Interval heaps", The Computer Journal
// 36(3), 1993): the least and the greatest in O(1), changes in O(log size).
//
// A binary tree of nodes of two values each, low <= high, of which the last node may have one only.
// A node's values lie between its parent's. Node n has places 2n and 2n + 1.

#include "base/result.h"

#include <cstddef>
#include <utility>
#include <vector>

namespace brim::thrash::model {

template <class Value>
class IntervalHeap {
 public:
  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  // These must not be called of an empty one.
  [[nodiscard]] Value least() const { return values_[0]; }
  [[nodiscard]] Value greatest() const { return high(0); }

  void insert(Value value) {
    const std::size_t node = values_.size() / 2;
    values_.push_back(value);
    if (values_.size() % 2 == 0) {
      if (value < low(node)) std::swap(values_[2 * node], values_[2 * node + 1]);
    } else if (node > 0 && value > high(parent(node))) {
      // Alone in its node, where a single value stands as the low one.
      values_[2 * node] = high(parent(node));
      raise_high(parent(node), value);
      return;
    }
    if (value == low(node))
      raise_low(node, value);
    else
      raise_high(node, value);
  }

  void remove_least() {
    BRIM_ASSERT(!empty());
    Value value = values_.back();
    values_.pop_back();
    if (empty()) return;
    std::size_t node = 0;
    for (;;) {
      if (has_high(node) && value > values_[2 * node + 1]) std::swap(value, values_[2 * node + 1]);
      const std::size_t child = child_with_least(node);
      if (child == kNone || low(child) >= value) break;
      values_[2 * node] = low(child);
      node = child;
    }
    values_[2 * node] = value;
  }

  void replace_greatest(Value value) {
    BRIM_ASSERT(!empty());
    std::size_t node = 0;
    while (has_high(node)) {
      if (value < low(node)) std::swap(value, values_[2 * node]);
      const std::size_t child = child_with_greatest(node);
      if (child == kNone || high(child) <= value) {
        values_[2 * node + 1] = value;
        return;
      }
      values_[2 * node + 1] = high(child);
      node = child;
    }
    values_[2 * node] = value;
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  static std::size_t parent(std::size_t node) { return (node - 1) / 2; }
  [[nodiscard]] bool has_high(std::size_t node) const { return 2 * node + 1 < values_.size(); }
  [[nodiscard]] Value low(std::size_t node) const { return values_[2 * node]; }
  [[nodiscard]] Value high(std::size_t node) const {
    return values_[has_high(node) ? 2 * node + 1 : 2 * node];
  }

  [[nodiscard]] std::size_t child_with_least(std::size_t node) const {
    const std::size_t left = 2 * node + 1;
    if (2 * left >= values_.size()) return kNone;
    const std::size_t right = left + 1;
    return 2 * right < values_.size() && low(right) < low(left) ? right : left;
  }
  [[nodiscard]] std::size_t child_with_greatest(std::size_t node) const {
    const std::size_t left = 2 * node + 1;
    if (2 * left >= values_.size()) return kNone;
    const std::size_t right = left + 1;
    return 2 * right < values_.size() && high(right) > high(left) ? right : left;
  }

  // Put `value` at the place in this node or, where it belongs outside of an ancestor's values, in
  // that ancestor's place, what was there a step down.
  void raise_low(std::size_t node, Value value) {
    for (; node > 0 && low(parent(node)) > value; node = parent(node))
      values_[2 * node] = low(parent(node));
    values_[2 * node] = value;
  }
  void raise_high(std::size_t node, Value value) {
    for (; node > 0 && values_[2 * parent(node) + 1] < value; node = parent(node))
      values_[2 * node + 1] = values_[2 * parent(node) + 1];
    values_[2 * node + 1] = value;
  }

  std::vector<Value> values_;
};

}  // namespace brim::thrash::model
