// SPDX-License-Identifier: Apache-2.0
#pragma once
// Linux's active and inactive lists in a cgroup with a limit of its own (mm/vmscan.c, mm/swap.c,
// mm/workingset.c and mm/memcontrol.c of 6.18, from memory). Where pages go when they are looked at
// is as in linux_two_list.h; this is what a group's reclaim knows of its lists, what is beside
// them, and when it gives up.
//
// Counts. How long the lists are, and how many pages were activated as they came back, it knows by
// the group's statistics (lruvec_page_state()), which are added up each `flushed_every`
// (FLUSH_TIME, 2 s) and each `read_every`, as somebody reads memory.stat. They decide whether the
// inactive list is low (inactive_is_low()) and whether a page that comes back was away for a short
// time. How much of a list a pass looks at goes by its size of now (get_scan_count()).
//
// Coming pages. A page that comes waits on the processor that it came by until there are 31
// (PAGEVEC_SIZE), and is on no list. Who looks at a list first puts there what waits on its own
// processor; so does each fault on a page that comes by a swap cache and is written to
// (do_swap_page()), which pages of zram do not, and a program that ends.
//
// Attempts. Who needs a page at the limit tries to take a batch of 32 (try_charge_memcg()). An
// attempt makes passes of priority 12 to 0, until a batch is taken. A pass looks at each list's
// size divided by 2^priority, and by what swapping costs: of 170 parts 30 are anonymous pages' and
// 140 file pages', which is as far as the balance goes at swappiness 60 where swapping has all the
// cost (calculate_pressure_balance()); at priority 0 at all of both. It goes on while there is more
// to look at of the inactive anonymous list or of the file lists. In each round it looks at a batch
// of the active lists as well, and deactivates it where that is allowed: the inactive list was low
// as it was counted, or the count of pages that were activated as they came back has changed. At
// its end it deactivates a batch where the inactive anonymous list was low. An attempt that took
// nothing and met an active list that it was not allowed to touch begins anew, and may
// (force_deactivate).
//
// Giving up. After 17 attempts without progress (MAX_RECLAIM_RETRIES) the kernel calls its OOM
// killer. File pages that are taken are progress. So it gives up where the inactive list ran empty
// and was not low as it was counted, and there is no file page: then passes look at nothing, all
// pages are active, and nobody forces them. One active file page is enough for all to go on.
//
// File pages are those of a program of `file_pages` that runs each `file_every`: those that had
// left come back, to the active list (as a refault does whose distance is within the whole group).
//
// LIMIT: where there is a swap cache new pages are put on their list at once, too; all pages are
// written to.
// LIMIT: file pages take no frames, and one that is taken brings nobody a frame, only another
// attempt.
// LIMIT: a whole attempt is made at once: nobody else's is under way. Pages come by processors in
// turns. A pass ends with the first batch; the kernel goes on with the list that it has looked at
// less. Anonymous pages have all of swapping's cost. No large pages.

#include "thrash/model/page_ring.h"
#include "thrash/model/replacement.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace brim::thrash::model {

// In what PageTable::now() counts.
struct LinuxGroupKnobs {
  std::uint64_t flushed_every = 2'000'000'000;
  std::uint64_t read_every = 0;  // 0: nobody reads memory.stat
  std::uint64_t phase = 0;       // of flushes: how long ago the last was at the start
  std::size_t processors = 2;    // up to 65,536
  std::size_t file_pages = 0;    // 0: there is no such program
  std::uint64_t file_every = 100'000'000;
};

class LinuxGroup : public OnDemand {
 public:
  // `table` must outlive it.
  LinuxGroup(PageTable& table, const LinuxGroupKnobs& knobs)
      : table_(&table),
        knobs_(knobs),
        places_(table.size()),
        coming_(knobs.processors),
        pages_(table.size()) {}

  void hit(PageNumber page, Access /*access*/) { table_->set_referenced(page); }

  void load(PageNumber page, Access /*access*/) {
    count();
    table_->set_referenced(page);
    pages_[page].marked = false;
    const bool soon = refaults_soon(page);
    if (soon) ++age_;
    if (soon) ++anon_refaults_;
    pages_[page].comes_active = soon;
    pages_[page].processor = static_cast<std::uint16_t>(processor_);
    put(page, List::coming);
    if (coming_[processor_].size() == kComing || table_->swap_cached()) drain(processor_);
    processor_ = (processor_ + 1) % coming_.size();
  }

  PageNumber victim() {
    int in_vain = 0;
    while (taken_.empty()) {
      const std::size_t file_taken = attempt();
      if (!taken_.empty() || file_taken > 0) continue;
      if (++in_vain < kAttempts) continue;
      in_vain = 0;
      table_->gave_up();
      take_any();
    }
    return taken_.pop_front();
  }

  void remove(PageNumber page) {
    ring_of(page).remove(places_, page);
    pages_[page].left_at = kNever;
  }

  void prefetch(PageNumber page) const {
    fetch_ahead(&pages_[page]);
    places_.prefetch(page);
  }

  [[nodiscard]] bool active(PageNumber page) const { return pages_[page].list == List::active; }

 private:
  static constexpr std::uint32_t kNever = 0;
  static constexpr std::size_t kBatch = 32;       // SWAP_CLUSTER_MAX
  static constexpr std::size_t kComing = 31;      // PAGEVEC_SIZE
  static constexpr int kFirstPriority = 12;       // DEF_PRIORITY
  static constexpr int kAttempts = 17;            // MAX_RECLAIM_RETRIES and the first
  static constexpr std::size_t kAnonParts = 30;   // swappiness 60, halved by all the cost
  static constexpr std::size_t kFileParts = 140;  // 200 less that, and no cost
  static constexpr std::size_t kPagesPerGigabyte = std::size_t{1} << 18;

  enum class List : std::uint8_t { inactive, active, coming, taken };
  struct Page {
    std::uint32_t left_at = kNever;  // the age, the page itself counted
    List list = List::inactive;
    bool marked = false;
    bool comes_active = false;
    std::uint16_t processor = 0;  // by which it comes
  };
  // What statistics tell of one kind of pages, and what it was when reclaim looked last.
  struct Counted {
    std::size_t inactive = 0;
    std::size_t active = 0;
    std::uint64_t refaults = 0;
    std::uint64_t refaults_seen = 0;

    [[nodiscard]] bool is_low() const {
      const std::size_t gigabytes = (inactive + active) / kPagesPerGigabyte;
      const double root = std::sqrt(10 * static_cast<double>(gigabytes));
      return inactive * std::max<std::size_t>(1, static_cast<std::size_t>(root)) < active;
    }
    [[nodiscard]] bool may_deactivate() const { return refaults != refaults_seen || is_low(); }
  };
  struct Files {
    std::size_t inactive = 0;
    std::size_t active = 0;
    std::uint64_t refaults = 0;
  };
  // Of one pass: how many pages of each list are left to look at.
  struct Pass {
    std::size_t anon_inactive;
    std::size_t anon_active;
    std::size_t file_inactive;
    std::size_t file_active;
    [[nodiscard]] bool goes_on() const { return anon_inactive + file_inactive + file_active > 0; }
  };

  [[nodiscard]] PageRing& ring_of(PageNumber page) {
    switch (pages_[page].list) {
      case List::inactive:
        return inactive_;
      case List::active:
        return active_;
      case List::coming:
        return coming_[pages_[page].processor];
      case List::taken:
        break;
    }
    return taken_;
  }
  void put(PageNumber page, List list) {
    pages_[page].list = list;
    ring_of(page).push_back(places_, page);
  }
  // lru_add_drain(): of one processor.
  void drain(std::size_t processor) {
    while (!coming_[processor].empty()) {
      const PageNumber page = coming_[processor].pop_front();
      put(page, pages_[page].comes_active ? List::active : List::inactive);
    }
  }

  [[nodiscard]] bool refaults_soon(PageNumber page) const {
    const std::uint32_t left_at = pages_[page].left_at;
    const std::size_t near = anon_counted_.active + file_counted_.active + file_counted_.inactive;
    return left_at != kNever && age_ - left_at + 1 <= near;
  }

  // Where the time for it has come since the last call.
  void count() {
    const std::uint64_t now = table_->now();
    std::uint64_t times = 1 + (now + knobs_.phase) / knobs_.flushed_every;
    if (knobs_.read_every > 0) times += now / knobs_.read_every;
    if (times == counted_) return;
    counted_ = times;
    anon_counted_.inactive = inactive_.size();
    anon_counted_.active = active_.size();
    anon_counted_.refaults = anon_refaults_;
    file_counted_.inactive = file_.inactive;
    file_counted_.active = file_.active;
    file_counted_.refaults = file_.refaults;
  }

  // The program with the file pages has run since: all of them are active.
  void run_program() {
    if (knobs_.file_pages == 0) return;
    const std::uint64_t runs = 1 + table_->now() / knobs_.file_every;
    if (runs == program_runs_) return;
    program_runs_ = runs;
    drain(runs % coming_.size());  // as its memory is given back
    file_.refaults += knobs_.file_pages - file_.inactive - file_.active;
    file_.active = knobs_.file_pages;
    file_.inactive = 0;
  }

  // Fills taken_. How many file pages it took.
  std::size_t attempt() {
    count();
    run_program();
    std::size_t file_taken = passes();
    if (taken_.empty() && file_taken == 0 && std::exchange(met_active_, false)) {
      forced_ = true;
      file_taken = passes();
      forced_ = false;
    }
    return file_taken;
  }

  std::size_t passes() {
    std::size_t file_taken = 0;
    met_active_ = false;
    for (int priority = kFirstPriority; priority >= 0; --priority) {
      file_taken += make_pass(priority);
      if (taken_.size() + file_taken >= kBatch) break;
    }
    anon_counted_.refaults_seen = anon_counted_.refaults;
    file_counted_.refaults_seen = file_counted_.refaults;
    return file_taken;
  }

  std::size_t make_pass(int priority) {
    const bool deactivates = forced_ || anon_counted_.may_deactivate();
    const bool deactivates_files = forced_ || file_counted_.may_deactivate();
    const bool files_alone = priority > 0 && !deactivates_files &&
                             file_counted_.inactive >> priority > 0;  // cache_trim_mode
    Pass pass = begin_pass(priority, files_alone);
    std::size_t file_taken = 0;
    for (std::size_t taken = 0; pass.goes_on() && taken < kBatch;) {
      taken += shrink_inactive(take_batch(pass.anon_inactive));
      if (deactivates)
        shrink_active(take_batch(pass.anon_active));
      else
        met_active_ |= take_batch(pass.anon_active) > 0;
      const std::size_t files = shrink_inactive_files(take_batch(pass.file_inactive));
      file_taken += files;
      taken += files;
      if (deactivates_files)
        shrink_active_files(take_batch(pass.file_active));
      else
        met_active_ |= take_batch(pass.file_active) > 0;
    }
    if (anon_counted_.is_low()) shrink_active(kBatch);
    return file_taken;
  }

  [[nodiscard]] Pass begin_pass(int priority, bool files_alone) const {
    const auto part = [&](std::size_t size, std::size_t parts) {
      return priority == 0 ? size : (size >> priority) * parts / (kAnonParts + kFileParts);
    };
    const std::size_t all = kAnonParts + kFileParts;
    const std::size_t anon = files_alone ? 0 : kAnonParts;
    const std::size_t file = files_alone ? all : kFileParts;
    return {part(inactive_.size(), anon), part(active_.size(), anon), part(file_.inactive, file),
            part(file_.active, file)};
  }
  [[nodiscard]] static std::size_t take_batch(std::size_t& left) {
    const std::size_t some = std::min(left, kBatch);
    left -= some;
    return some;
  }

  // How many it took.
  std::size_t shrink_inactive(std::size_t most) {
    if (most > 0) drain(processor_);
    std::size_t taken = 0;
    for (; most > 0 && !inactive_.empty(); --most) {
      const PageNumber page = inactive_.pop_front();
      if (!table_->referenced(page)) {
        take(page);
        ++taken;
        continue;
      }
      table_->clear_referenced(page);
      if (pages_[page].marked) ++age_;
      put(page, pages_[page].marked ? List::active : List::inactive);
      pages_[page].marked = true;
    }
    return taken;
  }
  void take(PageNumber page) {
    pages_[page].left_at = ++age_;
    put(page, List::taken);
  }
  void take_any() {
    for (std::size_t processor = 0; processor < coming_.size(); ++processor) drain(processor);
    shrink_active(kBatch);
    if (taken_.empty() && !inactive_.empty()) take(inactive_.pop_front());
  }

  void shrink_active(std::size_t most) {
    if (most > 0) drain(processor_);
    for (; most > 0 && !active_.empty(); --most) {
      const PageNumber page = active_.pop_front();
      table_->clear_referenced(page);
      put(page, List::inactive);
    }
  }

  std::size_t shrink_inactive_files(std::size_t most) {
    const std::size_t taken = std::min(most, file_.inactive);
    file_.inactive -= taken;
    return taken;
  }
  void shrink_active_files(std::size_t most) {
    const std::size_t moved = std::min(most, file_.active);
    file_.active -= moved;
    file_.inactive += moved;
  }

  PageTable* table_;
  LinuxGroupKnobs knobs_;
  PagePlaces places_;
  PageRing inactive_;             // the oldest first
  PageRing active_;               // the oldest first
  PageRing taken_;                // by an attempt, and not asked for yet
  std::vector<PageRing> coming_;  // of each processor, on their way to a list
  std::size_t processor_ = 0;     // of who loads a page next, for which it reclaims
  std::vector<Page, HugePageAllocator<Page>> pages_;
  std::uint32_t age_ = 0;  // the kernel's nonresident_age
  std::uint64_t anon_refaults_ = 0;
  Files file_;
  std::uint64_t counted_ = 0;  // times
  Counted anon_counted_;
  Counted file_counted_;
  std::uint64_t program_runs_ = 0;
  bool forced_ = false;      // this attempt may deactivate whatever was counted
  bool met_active_ = false;  // and was not allowed to (skipped_deactivate)
};

}  // namespace brim::thrash::model
