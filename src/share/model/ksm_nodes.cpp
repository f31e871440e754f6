// SPDX-License-Identifier: Apache-2.0
// KSM's stable tree: chains of the frames that hold one content.
#include "share/model/ksm.h"
#include "share/model/ksm_search.h"

#include <optional>

namespace brim::share::model {

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
  const std::uint64_t freed = memory_.totals().shared_frames_freed;
  if (chain.seen_alive == freed) return true;
  drop_lost(chain.open);
  if (chain.open.empty()) drop_lost(chain.full);
  if (chain.open.empty() && chain.full.empty()) return false;
  chain.seen_alive = freed;
  return true;
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

}  // namespace brim::share::model
