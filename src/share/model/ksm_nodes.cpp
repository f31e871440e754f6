// SPDX-License-Identifier: Apache-2.0
// KSM's stable tree: chains of the frames that hold one content.
#include "share/model/ksm.h"
#include "share/model/ksm_search.h"

#include <algorithm>
#include <optional>

namespace brim::share::model {
namespace {

constexpr ModelTime kPruneInterval = std::chrono::seconds(2);  // stable_node_chains_prune_millisecs

}  // namespace

void Ksm::attach(Item& item, std::uint32_t number) {
  Node& node = nodes_[number];
  item.place = Item::Place::stable;
  item.node = number;
  item.generation = node.generation;
  if (node.items++ == 0)
    ++counters_.pages_shared;
  else
    ++counters_.pages_sharing;
  if (node.items < knobs_.max_page_sharing) return;
  unlist_node(number);
  list_node(number, true);
}

Ksm::Room Ksm::find_chain(Content content, Found<Chain>& place, bool prune) {
  for (;;) {
    bool lost = false;
    Chain* gone = nullptr;
    Room room;
    place = search(
        stable_, content,
        [&](Chain& chain) -> std::optional<Content> {
          if (!alive(chain)) {
            gone = &chain;
            return std::nullopt;
          }
          room = {&chain, choose(chain, prune)};
          return chain.content;
        },
        lost);
    if (!lost) return place.equal != nullptr ? room : Room{};
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

void Ksm::drop_all_lost(Chain& chain) {
  for (const auto* list : {&chain.open, &chain.full}) {
    // From the back: what is dropped gives its place to one looked at before, or to none.
    for (std::size_t i = list->size(); i > 0; --i) {
      const std::uint32_t number = (*list)[i - 1];
      if (!memory_.exists(nodes_[number].frame, number)) drop_node(number);
    }
  }
}

// stable_node_dup: the first with room in the list, or, when the chain has not been pruned for
// stable_node_chains_prune_millisecs, the fullest with room. It comes to the head of the list if it
// takes more than one page yet.
std::optional<std::uint32_t> Ksm::choose(Chain& chain, bool prune) {
  const bool one = chain.open.size() + chain.full.size() == 1;
  if (!one && prune && time_ >= chain.pruned + kPruneInterval) {
    chain.pruned = time_;
    drop_all_lost(chain);
    const auto fullest = std::max_element(
        chain.open.rbegin(), chain.open.rend(),
        [this](std::uint32_t a, std::uint32_t b) { return nodes_[a].items < nodes_[b].items; });
    if (fullest == chain.open.rend()) return std::nullopt;
    const std::uint32_t number = *fullest;
    put_in_front(chain, number);
    return number;
  }
  drop_lost(chain.open);
  if (chain.open.empty()) return std::nullopt;
  const std::uint32_t number = chain.open.back();
  if (!one) put_in_front(chain, number);
  return number;
}

void Ksm::put_in_front(Chain& chain, std::uint32_t number) {
  Node& node = nodes_[number];
  if (node.items + 1 >= knobs_.max_page_sharing || node.position == chain.head) return;
  unlist_node(number);
  node.position = --chain.head;
  list_node(number, false);
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
  Chain& chain = chains_[node.chain];
  node.full = full;
  if (full) {
    node.place = static_cast<std::uint32_t>(chain.full.size());
    chain.full.push_back(number);
  } else {
    chain.open.insert(place_in_open(chain, node), number);
  }
}

void Ksm::unlist_node(std::uint32_t number) {
  const Node& node = nodes_[number];
  Chain& chain = chains_[node.chain];
  if (node.full) {
    nodes_[chain.full.back()].place = node.place;
    chain.full[node.place] = chain.full.back();
    chain.full.pop_back();
  } else {
    chain.open.erase(place_in_open(chain, node));
  }
}

std::vector<std::uint32_t>::iterator Ksm::place_in_open(Chain& chain, const Node& node) {
  return std::lower_bound(chain.open.begin(), chain.open.end(), node.position,
                          [this](std::uint32_t listed, std::int64_t position) {
                            return nodes_[listed].position > position;
                          });
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
  nodes_[number].position = --chain.head;
  // It is a chain from the second node on.
  if (chain.open.size() + chain.full.size() == 1) chain.pruned = time_;
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
  chain.head = 0;
  insert(stable_, place, chain);
  return chain;
}

}  // namespace brim::share::model
