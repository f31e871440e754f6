// SPDX-License-Identifier: Apache-2.0
#pragma once
// How KSM's trees are searched and grown; for ksm.cpp and ksm_nodes.cpp alone.

#include "share/model/ksm.h"

#include <iterator>

namespace brim::share::model {

template <class T, class ContentOf>
Ksm::Found<T> Ksm::search(Tree<T>& tree, Content content, ContentOf&& content_of, bool& lost) {
  Found<T> found;
  const std::uint64_t wanted = byte_order(content);
  if (tree.empty()) return found;
  auto at = tree.root();
  while (at.pointed_node() != nullptr) {
    const auto other = content_of(*at);
    if (!other) {
      lost = true;
      return found;
    }
    if (*other == content) {
      ++work_.confirmations;
      found.equal = &*at;
      return found;
    }
    ++work_.comparisons;
    found.parent = &*at;
    found.left = wanted < byte_order(*other);
    if (found.left)
      at.go_left();
    else
      at.go_right();
  }
  return found;
}

template <class T>
void Ksm::insert(Tree<T>& tree, const Found<T>& found, T& value) {
  if (found.parent == nullptr) {
    tree.push_back(value);
    return;
  }
  const auto parent = tree.iterator_to(*found.parent);
  tree.insert_before(found.left ? parent : std::next(parent), value);
}

}  // namespace brim::share::model
