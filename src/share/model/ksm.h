// SPDX-License-Identifier: Apache-2.0
#pragma once
// KSM as the Linux kernel has it (mm/ksm.c; 6.1 unless said otherwise), on simulated pages.
//
// ksmd visits `pages_to_scan` pages, sleeps, and so on; a full scan visits every page once. A page
// visited is looked up in the stable tree, of shared frames; if its content is not there, and its
// checksum is what it was at the last visit, in the unstable tree, of candidates: found there, the
// two become the first pages of a shared frame; else the page becomes a candidate. Candidates are
// not protected: their contents may change under the tree, which is forgotten after each full scan.
// A frame takes max_page_sharing pages; then a second frame of the same content is begun. Of
// several that have room, the first in the kernel's list takes the next page: the one begun last,
// until every two seconds the fullest is put in front.
//
// The counters are the kernel's, with what misleads in them: a page that was written to since is
// counted until it is visited again. What is really shared, SimulatedMemory tells.
//
// ksm.cpp is the scan; ksm_nodes.cpp the stable tree's frames; ksm_search.h how trees are searched;
// ksm_advisor.h what sets pages_to_scan where that is asked for.
//
// LIMIT: no NUMA, no page migration, no forks, no huge pages, no swap.
// LIMIT: pages that smart_scan skips cost nothing; the kernel looks them up in the page table.
// LIMIT: full frames that all pages have left are dropped when one of their pages is visited or the
// chain is pruned, not when a search passes them.

#include "share/model/ksm_advisor.h"
#include "share/model/mechanism.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <boost/intrusive/rbtree.hpp>

namespace brim::share::model {

struct KsmKnobs {
  std::uint64_t pages_to_scan = 100;
  std::chrono::nanoseconds sleep = std::chrono::milliseconds(20);
  std::uint32_t max_page_sharing = 256;  // kNoLimit before Linux 4.13
  bool use_zero_pages = false;
  bool smart_scan = false;      // Linux 6.7
  bool checksum_first = false;  // Linux 6.11: before the stable tree is searched, not after
  // Linux 6.8; pages_to_scan is the advisor's then. None: advisor_mode=none.
  std::optional<KsmAdvisorKnobs> advisor = std::nullopt;

  static constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();
};

struct KsmCounters {
  std::uint64_t pages_shared = 0;    // stable frames
  std::uint64_t pages_sharing = 0;   // further pages on them
  std::uint64_t pages_unshared = 0;  // candidates
  std::uint64_t pages_skipped = 0;   // by smart_scan
  std::uint64_t zero_pages = 0;      // merged with the zero page, so far
  std::uint64_t full_scans = 0;
};

class Ksm final : public Mechanism {
 public:
  // `memory` must outlive it.
  Ksm(SimulatedMemory& memory, const KsmKnobs& knobs, const Costs& costs);

  void add(SimulatedMemory::Range pages) override;
  void run(ModelTime until) override;
  [[nodiscard]] const Work& work() const override { return work_; }

  // As an admin, an advisor or ksmtuned would, between two batches.
  void set(const KsmKnobs& knobs);
  [[nodiscard]] const KsmKnobs& knobs() const { return knobs_; }
  [[nodiscard]] const KsmCounters& counters() const { return counters_; }
  // Registered pages that are none of shared, sharing or unshared.
  [[nodiscard]] std::uint64_t pages_volatile() const;
  // ksmd's, by the costs.
  [[nodiscard]] std::chrono::duration<double, std::nano> cpu_time() const {
    return costs_.of(work_);
  }
  // One batch: so many pages, or up to the end of the full scan.
  void scan(std::uint64_t pages);

 private:
  using Hook =
      boost::intrusive::set_member_hook<boost::intrusive::optimize_size<true>,
                                        boost::intrusive::link_mode<boost::intrusive::normal_link>>;

  // The kernel's rmap_item: one registered page. A search reads them at random: a cache line each.
  struct alignas(64) Item {
    Hook hook;  // of the unstable tree
    Page page = 0;
    std::uint32_t old_checksum = 0;
    std::uint32_t node = 0;        // of the stable tree, if it is still that one:
    std::uint32_t generation = 0;  // as the node's
    std::uint32_t scan = 0;        // in which it became a candidate
    enum class Place : std::uint8_t { nowhere, unstable, stable } place = Place::nowhere;
    std::uint8_t age = 0;  // smart_scan
    std::uint8_t remaining_skips = 0;
  };
  // A shared frame of a content (a stable_node, or a dup of a chain).
  struct Node {
    Frame frame = kNoFrame;
    std::uint32_t items = 0;  // rmap_hlist_len: those that have left since, unvisited, included
    std::uint32_t chain = 0;
    std::uint32_t place = 0;       // in its chain's list of full ones
    std::uint32_t generation = 0;  // counts the uses of this record
    bool full = false;             // which list
    std::int64_t position = 0;     // in the kernel's list of the chain, from its head
  };
  // All frames of a content.
  struct Chain {
    Hook hook;  // of the stable tree
    Content content = kZeroContent;
    std::uint64_t seen_alive = 0;  // when so many shared frames had been freed
    std::uint32_t number = 0;
    // Nodes that take more pages, in the order of the kernel's list; its head is at the back.
    std::vector<std::uint32_t> open;
    std::vector<std::uint32_t> full;  // in any order
    std::int64_t head = 0;            // the position last given there
    ModelTime pruned{0};
  };
  // The trees are searched by hand: their order is that of contents, and those of the unstable tree
  // may have changed since.
  struct NoOrder {
    bool operator()(const Item&, const Item&) const { return false; }
    bool operator()(const Chain&, const Chain&) const { return false; }
  };
  template <class T>
  using Tree = boost::intrusive::rbtree<T, boost::intrusive::member_hook<T, Hook, &T::hook>,
                                        boost::intrusive::compare<NoOrder>,
                                        boost::intrusive::constant_time_size<false>>;
  // Where a content is in a tree, or would be put.
  template <class T>
  struct Found {
    T* equal = nullptr;
    T* parent = nullptr;
    bool left = false;
  };
  // `content_of` gives nothing for a page that is not there any more: the search ends there, and
  // `lost` is set.
  template <class T, class ContentOf>
  Found<T> search(Tree<T>& tree, Content content, ContentOf&& content_of, bool& lost);
  template <class T>
  static void insert(Tree<T>& tree, const Found<T>& found, T& value);

  // For speed alone: each step of a search waits for memory, but the searches of pages near each
  // other in the scan don't wait for each other. Done side by side beforehand, without effect, they
  // bring in what the searches proper will look at. Their steps are counted: without any effect the
  // compiler would leave them out.
  void fetch_paths();
  template <class T, class Fetch, class ContentOf>
  static std::uint64_t fetch_paths(const Tree<T>& tree, std::span<const std::uint64_t> wanted,
                                   Fetch&& fetch, ContentOf&& content_of);

  // A batch, as the advisor sees it; gives the CPU time it took, in ns.
  double advised_scan();
  void visit(Item& item);
  // smart_scan's rule.
  bool skip(Item& item);
  [[nodiscard]] bool will_skip(const Item& item) const;
  bool on_its_node(const Item& item) const;
  // A changed checksum is remembered, and the page left until the next visit.
  bool changed(Item& item);
  // True when it joined a frame of its content.
  bool join_stable(Item& item);
  bool join_zero(Item& item);
  void join_unstable(Item& item);
  void forget_place(Item& item);

  // The chain of a content; null where there is none, or all pages have left its frames.
  struct Room {
    Chain* chain = nullptr;
    std::optional<std::uint32_t> node;  // that takes the next page; none where all are full
  };
  Room find_chain(Content content, Found<Chain>& place, bool prune);
  // Whether any frame of the chain is there. Nodes of frames that are not are dropped on the way,
  // as the kernel does when it comes across them.
  bool alive(Chain& chain);
  void drop_lost(std::vector<std::uint32_t>& nodes);
  void drop_all_lost(Chain& chain);
  std::optional<std::uint32_t> choose(Chain& chain, bool prune);
  void put_in_front(Chain& chain, std::uint32_t number);
  void drop_node(std::uint32_t number);
  void list_node(std::uint32_t number, bool full);
  void unlist_node(std::uint32_t number);
  std::vector<std::uint32_t>::iterator place_in_open(Chain& chain, const Node& node);
  std::uint32_t make_node(Frame frame, Chain& chain);
  Chain& make_chain(Content content, const Found<Chain>& place);
  void attach(Item& item, std::uint32_t node);

  SimulatedMemory& memory_;
  KsmKnobs knobs_;
  Costs costs_;
  Work work_;
  KsmCounters counters_;
  std::optional<KsmAdvisor> advisor_;

  std::deque<Item> items_;  // at addresses that stay
  std::size_t next_ = 0;    // the item to visit
  std::uint32_t scan_ = 0;  // counts full scans
  ModelTime time_{0};       // ksmd has worked or slept until then
  double time_rest_ = 0;    // of a nanosecond
  std::uint64_t fetched_ = 0;

  Tree<Item> unstable_;
  Tree<Chain> stable_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> free_nodes_;
  std::deque<Chain> chains_;
  std::vector<std::uint32_t> free_chains_;
};

}  // namespace brim::share::model
