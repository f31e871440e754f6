// SPDX-License-Identifier: Apache-2.0
#include "share/model/ksm.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

namespace brim::share::model {

Ksm::Ksm(SimulatedMemory& memory, const KsmKnobs& knobs, const Costs& costs)
    : memory_(memory), knobs_(knobs), costs_(costs) {}

void Ksm::add(SimulatedMemory::Range pages) {
  for (Page page = pages.first; page < pages.end; ++page) {
    items_.emplace_back();
    items_.back().page = page;
  }
}

std::uint64_t Ksm::pages_volatile() const {
  const std::uint64_t known =
      counters_.pages_shared + counters_.pages_sharing + counters_.pages_unshared;
  std::uint64_t registered = 0;
  for (const Item& item : items_) registered += memory_.present(item.page) ? 1 : 0;
  return registered > known ? registered - known : 0;
}

// ksm_scan_thread: a batch, then a sleep. A batch that is under way at `until` is finished: the
// next call starts that much later.
void Ksm::run(ModelTime until) {
  while (time_ < until) {
    const double before = costs_.of(work_).count();
    scan(knobs_.pages_to_scan);
    const double worked = costs_.of(work_).count() - before + time_rest_;
    const double whole = std::floor(worked);
    time_rest_ = worked - whole;
    time_ += knobs_.sleep + ModelTime(static_cast<std::int64_t>(whole));
    if (knobs_.sleep.count() == 0 && worked < 1) break;  // a batch that takes no time
  }
}

// ksm_do_scan. Untouched pages are stepped over, as the kernel does by the page table.
void Ksm::scan(std::uint64_t pages) {
  if (next_ == 0) unstable_.clear();
  while (pages > 0 && next_ < items_.size()) {
    Item& item = items_[next_++];
    if (!memory_.present(item.page) || memory_.frame(item.page) == kZeroFrame) {
      forget_place(item);
      continue;
    }
    --pages;
    ++work_.visits;
    if (!skip(item)) visit(item);
  }
  if (next_ < items_.size()) return;
  next_ = 0;
  ++scan_;
  ++counters_.full_scans;
}

// should_skip_rmap_item (6.7): the longer a page has not merged, the more scans it is left out of.
bool Ksm::skip(Item& item) {
  if (!knobs_.smart_scan || memory_.frame(item.page) >= kFirstShared) return false;
  const std::uint8_t age = item.age;
  if (age != std::numeric_limits<std::uint8_t>::max()) ++item.age;
  if (age < 3) return false;
  if (item.remaining_skips == 0) {
    item.remaining_skips = age <= 3 ? 1 : age <= 5 ? 2 : age <= 8 ? 4 : 8;
    return false;
  }
  --item.remaining_skips;
  ++work_.skips;
  ++counters_.pages_skipped;
  forget_place(item);
  return true;
}

bool Ksm::on_its_node(const Item& item) const {
  if (item.place != Item::Place::stable) return false;
  const Node& node = nodes_[item.node];
  return node.generation == item.generation && memory_.frame(item.page) == node.frame;
}

// cmp_and_merge_page
void Ksm::visit(Item& item) {
  if (on_its_node(item)) return;
  forget_place(item);
  if (knobs_.checksum_first) {
    if (changed(item) || join_stable(item)) return;
  } else if (join_stable(item) || changed(item)) {
    return;
  }
  if (!join_zero(item)) join_unstable(item);
}

bool Ksm::changed(Item& item) {
  ++work_.checksums;
  const std::uint32_t now = checksum(memory_.content(item.page));
  if (now == item.old_checksum) return false;
  item.old_checksum = now;
  return true;
}

bool Ksm::join_stable(Item& item) {
  const Content content = memory_.content(item.page);
  Found<Chain> place;
  Chain* const chain = find_chain(content, place);
  if (chain == nullptr) return false;
  drop_lost(chain->open);
  // All its frames are full: the page has to find another in the unstable tree.
  if (chain->open.empty()) return false;
  const std::uint32_t node = chain->open.back();
  ++work_.confirmations;
  ++work_.merges;
  memory_.join(item.page, nodes_[node].frame);
  attach(item, node);
  return true;
}

bool Ksm::join_zero(Item& item) {
  if (!knobs_.use_zero_pages || item.old_checksum != checksum(kZeroContent)) return false;
  ++work_.confirmations;
  if (memory_.content(item.page) != kZeroContent) return false;
  ++work_.merges;
  ++counters_.zero_pages;
  memory_.join_zero_frame(item.page);
  return true;
}

// unstable_tree_search_insert, and try_to_merge_two_pages with what it finds.
void Ksm::join_unstable(Item& item) {
  const Content content = memory_.content(item.page);
  bool lost = false;
  const Found<Item> found = search(
      unstable_, content,
      [this](const Item& other) -> std::optional<Content> {
        if (!memory_.present(other.page)) return std::nullopt;
        return memory_.content(other.page);
      },
      lost);
  if (lost) return;
  if (found.equal == nullptr) {
    insert(unstable_, found, item);
    item.place = Item::Place::unstable;
    item.scan = scan_;
    ++counters_.pages_unshared;
    return;
  }
  Item& other = *found.equal;
  ++work_.confirmations;
  if (memory_.frame(other.page) != kOwnFrame) return;  // it has come to a shared frame since
  forget_place(other);
  // The second page's frame becomes the shared one; a chain of the content may be there, full.
  Found<Chain> place;
  Chain* chain = find_chain(content, place);
  if (chain == nullptr) chain = &make_chain(content, place);
  const Frame frame = memory_.share(other.page);
  const std::uint32_t node = make_node(frame, *chain);
  attach(other, node);
  memory_.join(item.page, frame);
  attach(item, node);
  work_.merges += 2;
}

// remove_rmap_item_from_tree
void Ksm::forget_place(Item& item) {
  const Item::Place place = std::exchange(item.place, Item::Place::nowhere);
  if (place == Item::Place::unstable) {
    // Of an earlier scan: that tree is forgotten.
    if (item.scan == scan_) unstable_.erase(unstable_.iterator_to(item));
    --counters_.pages_unshared;
  }
  if (place != Item::Place::stable || nodes_[item.node].generation != item.generation) return;
  Node& node = nodes_[item.node];
  --node.items;
  if (node.items > 0)
    --counters_.pages_sharing;
  else
    --counters_.pages_shared;
  if (!node.full) return;
  unlist_node(item.node);
  list_node(item.node, false);
}

void Ksm::attach(Item& item, std::uint32_t number) {
  Node& node = nodes_[number];
  item.place = Item::Place::stable;
  item.node = number;
  item.generation = node.generation;
  item.age = 0;
  if (node.items++ == 0)
    ++counters_.pages_shared;
  else
    ++counters_.pages_sharing;
  if (node.items < knobs_.max_page_sharing) return;
  unlist_node(number);
  list_node(number, true);
}

Ksm::Chain* Ksm::find_chain(Content content, Found<Chain>& place) {
  for (;;) {
    bool lost = false;
    Chain* gone = nullptr;
    place = search(
        stable_, content,
        [&](Chain& chain) -> std::optional<Content> {
          if (alive(chain)) return chain.content;
          gone = &chain;
          return std::nullopt;
        },
        lost);
    if (!lost) return place.equal;
    stable_.erase(stable_.iterator_to(*gone));
    free_chains_.push_back(gone->number);
  }
}

bool Ksm::alive(Chain& chain) {
  drop_lost(chain.open);
  if (chain.open.empty()) drop_lost(chain.full);
  return !chain.open.empty() || !chain.full.empty();
}

// From the back, up to the first that is there.
void Ksm::drop_lost(std::vector<std::uint32_t>& nodes) {
  while (!nodes.empty() && !memory_.exists(nodes_[nodes.back()].frame, nodes.back()))
    drop_node(nodes.back());
}

// remove_node_from_stable_tree: its pages, which left it before, are nowhere now.
void Ksm::drop_node(std::uint32_t number) {
  Node& node = nodes_[number];
  if (node.items > 0) {
    --counters_.pages_shared;
    counters_.pages_sharing -= node.items - 1;
  }
  unlist_node(number);
  node = {.generation = node.generation + 1};
  free_nodes_.push_back(number);
}

void Ksm::list_node(std::uint32_t number, bool full) {
  Node& node = nodes_[number];
  auto& list = full ? chains_[node.chain].full : chains_[node.chain].open;
  node.full = full;
  node.place = static_cast<std::uint32_t>(list.size());
  list.push_back(number);
}

void Ksm::unlist_node(std::uint32_t number) {
  const Node& node = nodes_[number];
  auto& list = node.full ? chains_[node.chain].full : chains_[node.chain].open;
  nodes_[list.back()].place = node.place;
  list[node.place] = list.back();
  list.pop_back();
}

std::uint32_t Ksm::make_node(Frame frame, Chain& chain) {
  if (free_nodes_.empty()) {
    free_nodes_.push_back(static_cast<std::uint32_t>(nodes_.size()));
    nodes_.emplace_back();
  }
  const std::uint32_t number = free_nodes_.back();
  free_nodes_.pop_back();
  nodes_[number].frame = frame;
  nodes_[number].chain = chain.number;
  memory_.set_owner(frame, number);
  list_node(number, false);
  return number;
}

Ksm::Chain& Ksm::make_chain(Content content, const Found<Chain>& place) {
  if (free_chains_.empty()) {
    free_chains_.push_back(static_cast<std::uint32_t>(chains_.size()));
    chains_.emplace_back();
    chains_.back().number = free_chains_.back();
  }
  Chain& chain = chains_[free_chains_.back()];
  free_chains_.pop_back();
  chain.content = content;
  insert(stable_, place, chain);
  return chain;
}

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
