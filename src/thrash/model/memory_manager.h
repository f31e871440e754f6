// SPDX-License-Identifier: Apache-2.0
#pragma once
// The memory of a simulated machine: frames, the pages of all processes, their slots on the swap
// device; faults, reclaim, orders for whole processes.
//
// A page is in one state. `untouched` ones have no frame and no slot: an access fills one with
// zeros. `mapped`: an access is a hit. `cached`: read ahead, and an access is a minor fault.
// `leaving`: unmapped, on its way out; its frame is free once it is written, but an access before
// that is a minor fault and takes it back. `swapped`: only in its slot. `reading`: has a frame, and
// is on its way in. `doomed`: of a process that ended, with a transfer under way. `gone`: of an
// ended process. Those that the policy has are mapped and cached.
//
// Where freed pages are kept (Freed), a page that has left stands by in its frame, which is free,
// until that is used again: an access before that is a minor fault.
//
// In a swap cache (Passes::linux_priorities) a page that was written is still leaving, until
// reclaim comes by.
//
// A page's slot is kept while it is as it was when written: it leaves again without being written.
// The first write to it gives the slot back. A page never written to leaves for nothing.
//
// Page numbers are the machine's: those of space 0, then those of space 1 and so on.
//
// LIMIT: what a call does it does at once; the processor time that it takes comes after.
// LIMIT: pages that are ordered in are read though they stand by; what a lost device had is lost
// though it stands by.
// LIMIT: the policy's early leavers (working sets) are asked for at faults and ticks, not at each
// access.

#include "base/fetch_ahead.h"
#include "base/huge_pages.h"
#include "base/rng.h"
#include "thrash/model/access_pattern.h"
#include "thrash/model/daemon_passes.h"
#include "thrash/model/memory_shape.h"
#include "thrash/model/priority_passes.h"
#include "thrash/model/read_ahead_window.h"
#include "thrash/model/settled_pages.h"
#include "thrash/model/standby_list.h"
#include "thrash/model/swap_space.h"
#include "thrash/model/working_set_manager.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace brim::thrash::model {

// One process's memory, numbered as the processes.
using SpaceNumber = std::uint32_t;

struct SpacePlan {
  std::uint32_t pages = 0;
  bool writes = true;  // at all: else a page need not be modified to be settled
  Pages quota{0};      // frames, where replacement is local; 0: a share of what others leave
};

// Told while calls to the memory are under way; must not call it back.
class MemoryListener {
 public:
  virtual ~MemoryListener() = default;
  // Of complete(): the page that it waits for is there, and its access made.
  virtual void page_arrived(SpaceNumber space) = 0;
  virtual void frame_freed() = 0;
  // A page of it is not settled any more.
  virtual void unsettled(SpaceNumber space) = 0;
};

enum class Outcome : std::uint8_t {
  made,             // the access
  waits_for_page,   // page_arrived() tells when it is made
  waits_for_frame,  // to be tried again after frame_freed()
  out_of_memory,    // nothing can leave and nothing is on its way
};
enum class Fault : std::uint8_t { none, minor, major };

struct Touch {
  Outcome outcome = Outcome::made;
  Fault fault = Fault::none;
  ModelTime system{0};  // processor time
  ModelTime nap{0};     // of one that waits for a frame: it is tried again after so long
};

struct MemoryCounts {
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t pages_in = 0;   // from the device
  std::uint64_t pages_out = 0;  // to it
  std::uint64_t scanned = 0;    // looked at by reclaim
  std::uint64_t rescued = 0;    // taken back while leaving
  std::uint64_t unread = 0;     // back from the standby list
  // Pages of whole processes, by order_in() and order_out().
  std::uint64_t ordered_in = 0;
  std::uint64_t ordered_out = 0;
};

class MemoryManager {
 public:
  // `listener` must outlive it.
  MemoryManager(const MemoryShape& shape, std::span<const SpacePlan> spaces,
                MemoryListener& listener, const Rng& rng);

  [[nodiscard]] Touch touch(SpaceNumber space, PageAccess what, ModelTime now);
  // For speed alone: the page will be touched before long.
  void prefetch(SpaceNumber space, std::uint32_t page) const {
    fetch(spaces_[space].first + page);
    spaces_[space].pool->prefetch(spaces_[space].first + page);
  }
  // Likewise: it will be soon, and what else is known of it was fetched before.
  void prefetch_slot(SpaceNumber space, std::uint32_t page) const {
    const Slot slot = pages_[spaces_[space].first + page].slot;
    if (slot != kNoSlot) swap_.prefetch(slot);
  }
  // Its process starts. What quotas leave, spaces without one share alike while they run.
  void begin(SpaceNumber space);
  // Its process ended.
  void release(SpaceNumber space);
  [[nodiscard]] const SettledPages& settled(SpaceNumber space) const {
    return spaces_[space].settled;
  }

  // Frames, without those that the device's pool takes.
  [[nodiscard]] std::size_t free_frames() const;
  // Of them, those of pages that stand by.
  [[nodiscard]] std::size_t standing_by() const { return standby_.size(); }
  // Frames it holds, those on their way in and out included.
  [[nodiscard]] std::size_t held(SpaceNumber space) const { return spaces_[space].held; }
  [[nodiscard]] std::size_t swapped(SpaceNumber space) const { return spaces_[space].swapped; }
  [[nodiscard]] const MemoryCounts& counts() const { return counts_; }
  [[nodiscard]] const SwapSpace& swap() const { return swap_; }

  // Background reclaim.
  [[nodiscard]] bool below_low() const;
  [[nodiscard]] bool up_to_high() const;  // with what is leaving
  [[nodiscard]] bool may_have_frame() const;
  // How many that wait for a frame may try again.
  [[nodiscard]] std::size_t frames_for_waiting() const;
  // As above, at a tick. One that reclaims by itself does try; so do all once the daemon finds
  // nothing to take, for nobody would be told of that.
  [[nodiscard]] std::size_t retries_at_tick() const;
  [[nodiscard]] bool writes_enough() const {
    return !working_sets_ &&
           (writes_ >= shape_.most_writes || (shape_.writes_per_s > 0 && allowance_ == 0));
  }
  struct Reclaimed {
    std::size_t taken = 0;  // of passes: frames that are free now
    bool gave_up = false;   // the policy, as a kernel does before it kills
    ModelTime system{0};
    // Of passes.
    bool goes_on = false;             // though none was taken
    std::optional<ModelTime> rest{};  // not before that
    bool naps = false;                // it goes on then, even if no frames lack below `low`
  };
  Reclaimed reclaim(ModelTime now);

  // The device's part.
  [[nodiscard]] ModelTime next_completion() const;
  void complete(ModelTime now);
  [[nodiscard]] ModelTime device_busy(ModelTime now) const;
  [[nodiscard]] ModelTime device_fails_at() const;
  // All that was there is lost. Which spaces lost pages; they are to be released.
  [[nodiscard]] std::vector<SpaceNumber> lose_device();

  // For thrash controls. The pages of an exempt space are passed over by reclaim: a victim of it
  // is loaded again, as if referenced. With an opaque policy this costs a look at each of them for
  // each round of the policy, moves them among the others as a reference would, and adapts what
  // learns from loads (ghost lists) to loads that were none. Where nothing else can leave and
  // nothing is on its way, they are not passed over.
  void exempt(SpaceNumber space, bool exempt) { spaces_[space].exempt = exempt; }
  // All its pages leave. Processor time is returned by take_debt().
  void order_out(SpaceNumber space, ModelTime now);
  // All its pages come in, in the order of their slots, as far as there are frames above `low`;
  // where there is no background reclaim they take frames as who misses a page does.
  void order_in(SpaceNumber space, ModelTime now);
  // At each tick: early leavers, what could not come in before, and what may be written.
  void tick(ModelTime now);
  // Processor time of orders since the last call.
  [[nodiscard]] ModelTime take_debt();
  // What of all processor time told since the last call was that of requests.
  [[nodiscard]] ModelTime take_request_time();

  // What does not hold of all of this; empty: all does. Slow: for tests.
  [[nodiscard]] std::string inconsistency() const;

 private:
  enum class State : std::uint8_t {
    untouched,
    mapped,
    cached,
    leaving,
    swapped,
    reading,
    doomed,
    gone
  };
  struct Page {
    Slot slot = kNoSlot;
    SpaceNumber owner = 0;
    State state = State::untouched;
    bool writing = false;  // on its way out, whatever its state
    bool data = false;     // it has been written to
    bool ahead = false;    // it came along with another, and was not used since
  };
  struct Space {
    PageNumber first;
    bool writes;
    bool exempt;
    bool shares;  // has no quota of its own, where replacement is local
    PagePool* pool;
    SettledPages settled;
    std::size_t held = 0;
    std::size_t swapped = 0;
    std::size_t reading = 0;
    std::optional<PageAccess> wanted{};  // what its process waits for
    ReadAheadWindow window{};
    bool runs = false;
    PriorityRound round{};
  };

  [[nodiscard]] SpaceNumber space_of(PageNumber page) const { return pages_[page].owner; }
  // For speed alone: what is known of the page will be looked at.
  void fetch(PageNumber page) const {
    fetch_ahead(&pages_[page]);
    fetch_ahead(&settled_place_[page]);
  }
  [[nodiscard]] bool has_frame(State state) const;
  [[nodiscard]] bool must_be_written(PageNumber page) const;

  void share_out();

  // Faults.
  void hit(Space& space, PageNumber page, Access access);
  void load(Space& space, PageNumber page, Access access);
  void settle(Space& space, PageNumber page);
  void written_to(PageNumber page);
  [[nodiscard]] bool find_frame(Space& space, Touch& touch, ModelTime now);
  [[nodiscard]] bool reclaim_for_one(Space& space, Touch& touch, ModelTime now);
  // Where replacement is local: one of its pages leaves for each that comes.
  void keep_quota(Space& space, Touch& touch, ModelTime now);
  void take_frame(PageNumber page);
  void free_frame(PageNumber page);
  void take_back(Space& space, PageNumber page, Access access, Touch& touch, ModelTime now);
  void bring_back(Space& space, PageNumber page, Access access, Touch& touch, ModelTime now);
  // It has left: what is in its frame may be kept.
  void keep_freed(PageNumber page);
  void shrink_standby();
  void fill_with_zeros(Space& space, PageNumber page, Access access, Touch& touch, ModelTime now);
  void page_in(Space& space, PageNumber page, PageAccess what, Touch& touch, ModelTime now);
  [[nodiscard]] std::size_t spare_for_read_ahead(const Space& space) const;
  void add_adjacent(PageNumber page, std::vector<PageNumber>& pages) const;
  struct Places {
    std::size_t from;
    std::size_t to;  // without it
  };
  // Of slots, or of pages of its process; within those there are, of which there are `end`.
  [[nodiscard]] Places places_beside(Space& space, std::size_t place, std::size_t end);
  void add_read_ahead(PageNumber page, std::vector<PageNumber>& pages);
  // It is used, and had come along with another.
  void count_read_ahead(Space& space, PageNumber page);
  // Their frames are taken already.
  ModelTime read(std::vector<PageNumber>& pages, ModelTime now);
  [[nodiscard]] ModelTime cost_of(const SwapDevice::Submitted& submitted);
  // Whether its process waited for it.
  bool arrived(PageNumber page);
  void give_slot_back(PageNumber page);

  // Reclaim.
  [[nodiscard]] PagePool& fullest_pool();
  enum class Spare : std::uint8_t { exempt, none };
  Reclaimed take_out(PagePool& pool, std::size_t pages, Spare spare, ModelTime now);
  // Of a page that the policy no longer has. False: it can't leave.
  [[nodiscard]] bool leave(PageNumber page);
  [[nodiscard]] bool queue_write(PageNumber page);
  void leave_early(PagePool& pool);
  void look_at_cleared(PagePool& pool);
  void fetch_coming(PagePool& pool) const;
  // Working sets.
  struct Trimmed {
    std::size_t taken = 0;
    std::size_t looks = 0;
  };
  [[nodiscard]] bool in_working_set(PageNumber page) const;
  [[nodiscard]] std::size_t short_of() const;
  [[nodiscard]] std::size_t claim(const Space& space, WorkingSetManager::Age age) const;
  Reclaimed trim(ModelTime now);
  Trimmed trim_one(SpaceNumber number, std::size_t pages, WorkingSetManager::Age age);
  ModelTime look_at_ages();
  // Of the modified list, which is batch_.
  ModelTime write_modified(ModelTime now);
  void off_the_modified_list(PageNumber page);
  void drop_doomed_from_modified_list();

  // Passes.
  enum class Progress : std::uint8_t { next, no_room, naps, enough, all_made };
  [[nodiscard]] bool has_swap_cache() const { return shape_.passes == Passes::linux_priorities; }
  [[nodiscard]] bool keeps_slots() const { return has_swap_cache() && !swap_.half_full(); }
  void sweep(ScanPass& pass, Reclaimed& reclaimed, ModelTime now);
  std::size_t free_written(ScanPass& pass, Reclaimed& reclaimed);
  [[nodiscard]] Progress make_pass(PriorityRound& round, Reclaimed& reclaimed, ModelTime now);
  [[nodiscard]] bool make_passes_for(Space& space, Touch& touch, ModelTime now);
  [[nodiscard]] Reclaimed kernel_pass(ModelTime now);
  [[nodiscard]] Reclaimed daemon_pass(ModelTime now);

  void allow_writes(ModelTime now);
  ModelTime submit_writes(ModelTime now);
  // Their slots are given; in requests for runs of these.
  ModelTime write(std::span<const PageNumber> pages, ModelTime now);
  void written(PageNumber page);
  void pump_incoming(ModelTime now);
  [[nodiscard]] bool room_for_incoming(ModelTime now);

  MemoryShape shape_;
  MemoryListener* listener_;
  std::vector<std::unique_ptr<PagePool>> pools_;
  std::vector<Space> spaces_;
  SwapSpace swap_;
  std::unique_ptr<SwapDevice> device_;  // null: lost
  std::optional<WorkingSetManager> working_sets_;
  ReadAheadWindow window_;  // of all spaces, for neighbours on the device

  // The room of all spaces' SettledPages.
  std::vector<std::uint32_t, HugePageAllocator<std::uint32_t>> settled_order_;
  std::vector<std::uint32_t, HugePageAllocator<std::uint32_t>> settled_place_;

  std::vector<Page, HugePageAllocator<Page>> pages_;  // of all spaces
  std::vector<PageNumber> coming_in_;                 // with a page that misses
  std::size_t used_ = 0;                              // frames
  std::size_t leaving_ = 0;                           // of them
  std::size_t writes_ = 0;                            // pages on their way out
  std::size_t reads_ = 0;                             // and in
  StandbyList standby_{0};                            // of swapped pages
  StandbyList written_{0};                            // with their frames, of leaving ones
  std::optional<PriorityPasses> priority_passes_;
  PriorityRound kernel_round_;
  DaemonPasses daemon_passes_;
  ScanPass daemon_pass_;
  bool in_vain_ = false;             // reclaim took none, and no frame was freed
  std::uint32_t allowance_ = 0;      // requests that may still be written
  ModelTime allowed_at_{0};          // from when there is a new one
  std::vector<PageNumber> batch_;    // slots given, not yet submitted
  std::deque<PageNumber> incoming_;  // ordered in
  ModelTime debt_{0};
  ModelTime request_time_{0};
  MemoryCounts counts_;
};

}  // namespace brim::thrash::model
