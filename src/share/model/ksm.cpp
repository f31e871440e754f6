// SPDX-License-Identifier: Apache-2.0
#include "share/model/ksm.h"

#include "share/model/ksm_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

namespace brim::share::model {
namespace {

constexpr std::size_t kSideBySide = 16;

}  // namespace

Ksm::Ksm(SimulatedMemory& memory, const KsmKnobs& knobs, const Costs& costs)
    : memory_(memory), costs_(costs) {
  set(knobs);
}

// Switched on, the advisor begins with its minimum; while it is on it alone sets pages_to_scan.
void Ksm::set(const KsmKnobs& knobs) {
  const std::uint64_t advised =
      advisor_ || !knobs.advisor ? knobs_.pages_to_scan : knobs.advisor->min_pages_to_scan;
  knobs_ = knobs;
  if (!knobs.advisor) {
    advisor_.reset();
    return;
  }
  knobs_.pages_to_scan = advised;
  if (advisor_)
    advisor_->set(*knobs.advisor);
  else
    advisor_.emplace(*knobs.advisor);
}

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
    const double worked = advised_scan() + time_rest_;
    const double whole = std::floor(worked);
    time_rest_ = worked - whole;
    time_ += knobs_.sleep + ModelTime(static_cast<std::int64_t>(whole));
    if (knobs_.sleep.count() == 0 && worked < 1) break;  // a batch that takes no time
  }
}

double Ksm::advised_scan() {
  const double before = costs_.of(work_).count();
  const std::uint64_t full_scans = counters_.full_scans;
  if (advisor_ && next_ == 0) advisor_->scan_began(time_);
  scan(knobs_.pages_to_scan);
  const double after = costs_.of(work_).count();
  if (advisor_ && counters_.full_scans > full_scans) {
    const ModelTime now = time_ + ModelTime(static_cast<std::int64_t>(after - before));
    knobs_.pages_to_scan = advisor_->scan_ended(now, CpuTime(after), knobs_.pages_to_scan);
  }
  return after - before;
}

// ksm_do_scan. Untouched pages are stepped over, as the kernel does by the page table, and so are
// those that smart_scan skips. The end is found by looking for a page after the last.
void Ksm::scan(std::uint64_t pages) {
  if (next_ == 0) unstable_.clear();
  while (pages > 0 && next_ < items_.size()) {
    if (next_ % kSideBySide == 0) fetch_paths();
    Item& item = items_[next_++];
    if (!memory_.present(item.page) || memory_.frame(item.page) == kZeroFrame) {
      forget_place(item);
      continue;
    }
    if (skip(item)) continue;
    --pages;
    ++work_.visits;
    visit(item);
  }
  if (next_ < items_.size() || pages == 0) return;
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

bool Ksm::will_skip(const Item& item) const {
  return knobs_.smart_scan && item.age >= 3 && item.remaining_skips > 0;
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
  const Room room = find_chain(content, place, true);
  // All its frames are full: the page has to find another in the unstable tree.
  if (!room.node) return false;
  ++work_.confirmations;
  ++work_.merges;
  memory_.join(item.page, nodes_[*room.node].frame);
  attach(item, *room.node);
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
  Chain* chain = find_chain(content, place, false).chain;
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
  if (!memory_.exists(node.frame, item.node)) {
    drop_node(item.node);
    return;
  }
  --node.items;
  if (node.items > 0)
    --counters_.pages_sharing;
  else
    --counters_.pages_shared;
  if (!node.full) return;
  unlist_node(item.node);
  list_node(item.node, false);
}

void Ksm::fetch_paths() {
  std::array<std::uint64_t, kSideBySide> stable;
  std::array<std::uint64_t, kSideBySide> unstable;
  std::size_t stable_count = 0;
  std::size_t unstable_count = 0;
  for (std::size_t i = next_; i < std::min(next_ + kSideBySide, items_.size()); ++i) {
    const Item& item = items_[i];
    if (memory_.frame(item.page) != kOwnFrame || will_skip(item)) continue;
    const Content content = memory_.content(item.page);
    stable[stable_count++] = byte_order(content);
    if (checksum(content) == item.old_checksum) unstable[unstable_count++] = byte_order(content);
  }
  fetched_ += fetch_paths(
      stable_, std::span(stable.data(), stable_count), [](const Chain&) {},
      [](const Chain& chain) { return chain.content; });
  fetched_ += fetch_paths(
      unstable_, std::span(unstable.data(), unstable_count),
      [this](const Item& item) { memory_.prefetch(item.page); },
      [this](const Item& item) { return memory_.content(item.page); });
}

template <class T, class Fetch, class ContentOf>
std::uint64_t Ksm::fetch_paths(const Tree<T>& tree, std::span<const std::uint64_t> wanted,
                               Fetch&& fetch, ContentOf&& content_of) {
  std::uint64_t steps = 0;
  if (tree.empty()) return steps;
  std::array<typename Tree<T>::const_iterator, kSideBySide> at;
  std::size_t under_way = wanted.size();
  std::array<std::uint64_t, kSideBySide> order;
  for (std::size_t i = 0; i < under_way; ++i) {
    at[i] = tree.root();
    order[i] = wanted[i];
  }
  while (under_way > 0) {
    steps += under_way;
    for (std::size_t i = 0; i < under_way; ++i) fetch(*at[i]);
    for (std::size_t i = 0; i < under_way;) {
      const std::uint64_t other = byte_order(content_of(*at[i]));
      const bool found = order[i] == other;
      if (order[i] < other)
        at[i].go_left();
      else
        at[i].go_right();
      if (!found && at[i].pointed_node() != nullptr) {
        __builtin_prefetch(&*at[i]);
        ++i;
        continue;
      }
      --under_way;
      at[i] = at[under_way];
      order[i] = order[under_way];
    }
  }
  return steps;
}

}  // namespace brim::share::model
