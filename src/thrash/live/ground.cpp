// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/ground.h"

#include "base/text.h"
#include "host/io_limits.h"
#include "host/swap_table.h"
#include "host/system.h"
#include "host/zswap.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::thrash::live {
namespace {

constexpr Bytes kHeadroom = gibibytes(1);

// Of this machine's memory, that the scenario's zswap may have; at least one.
Result<unsigned> zswap_percent(const host::Host& host, const SwapPlan& swap) {
  BRIM_TRY(const host::MemoryInfo memory, host::read_memory_info(host));
  const double percent = 100 * swap.zswap_share_of / static_cast<double>(memory.total_bytes);
  return static_cast<unsigned>(std::clamp(std::lround(percent), 1L, 100L));
}

Result<void> check_rights(const host::Host& host, const ThrashPlan& plan,
                          const ThrashPlaces& places, bool whole_machine) {
  if (!host.live())
    return fail(ErrorCode::missing, "a live study needs this machine, not files of another",
                host.root());
  if (plan.whole_machine && !whole_machine)
    return fail(
        ErrorCode::bad_input,
        "every program of this machine would be swapped out and wait: say --whole-machine if "
        "that is meant, or live.where = \"group\"",
        "live.where");
  if (::geteuid() != 0)
    return fail(ErrorCode::missing, "a live study needs root, for cgroups and swap; try sudo");
  if (places.agent.empty())
    return fail(ErrorCode::missing, "not beside brim: consumers and probes are processes of it",
                "brim-agent");
  return {};
}

// Where a group of the run's would be.
Result<host::GroupPlaces> places_of_group(const host::Host& host) {
  return host::group_places(host, fmt::format("{}check", host::kLimitedGroupPrefix));
}

Result<void> check_slow_disk(const host::Host& host, const host::GroupPlaces& group,
                             const SwapPlan& swap) {
  if (!swap.slow.wanted()) return {};
  BRIM_CHECK(host::check_io_limits(host, group));
  BRIM_TRY(const std::string disk, host::disk_below(host, swap.folder));
  if (swap.slow.writes_per_s == 0) return {};
  auto writes = host::check_swap_writes(host, group);
  if (!writes) return fail(writes.error().code, writes.error().what, "live.swap_writes_per_s");
  return {};
}

Result<void> check_kernel(const host::Host& host, const ThrashPlan& plan) {
  BRIM_TRY(const auto swaps, host::read_swap_table(host));
  if (plan.swap.kind == SwapKind::zswap) {
    BRIM_TRY(const auto settings, host::zswap_settings(host, {}));
  }
  if (plan.whole_machine) return {};
  BRIM_TRY(const host::GroupPlaces group, places_of_group(host));
  const host::PartPlace& memory = group[host::GroupPart::memory];
  if (memory.folder.empty()) return fail(ErrorCode::missing, memory.why_not);
  return check_slow_disk(host, group, plan.swap);
}

Result<void> check_memory(const host::Host& host, const ThrashPlan& plan) {
  BRIM_TRY(const host::MemoryInfo info, host::read_memory_info(host));
  const Bytes tenth(info.total_bytes / 10);
  const bool in_memory = plan.swap.kind == SwapKind::zram;
  const Bytes demand = plan.most_demand();
  Bytes wanted = std::max(kHeadroom, tenth) + demand;
  Bytes there = Bytes(info.available_bytes) + (in_memory ? Bytes(0) : plan.swap.size);
  if (!plan.whole_machine) {
    const Bytes out = demand > plan.limit ? demand - plan.limit : Bytes(0);
    wanted = plan.limit + std::min(kHeadroom, tenth) +
             (in_memory ? std::min(out, plan.swap.size) : Bytes(0));
    there = Bytes(info.available_bytes);
  }
  if (wanted <= there) return {};
  return fail(ErrorCode::missing,
              fmt::format("this run may take {}, what must be left to others included, and there "
                          "are {}: try --set study.scale=0.1",
                          human_bytes(wanted), human_bytes(there)));
}

// It may swap out as much as the run's area holds, also where there are other areas; as much as
// there is, where the kernel does not limit a group's swap.
Result<host::LimitedGroup> make_group(const host::Host& host, const ThrashPlan& plan,
                                      const ThrashPlaces& places) {
  const std::string name = fmt::format("thrash-{}", ::getpid());
  auto group = host::LimitedGroup::create(host, places.groups, name, {plan.limit, plan.swap.size});
  if (group || group.error().code != ErrorCode::missing) return group;
  return host::LimitedGroup::create(host, places.groups, name, {plan.limit, {}});
}

// The limits are the group's, and go with it. A limit of writes that swap passes would only hold
// others up, who pay its debts.
Result<void> slow_disk(const host::Host& host, const SwapPlan& swap,
                       const host::LimitedGroup& group) {
  const SlowDisk& slow = swap.slow;
  if (!slow.wanted()) return {};
  BRIM_TRY(std::string disk, host::disk_below(host, swap.folder));
  const bool writes = host::check_swap_writes(host, group.places()).has_value();
  return host::limit_io(host, group.places(),
                        {std::move(disk), slow.reads_per_s, writes ? slow.writes_per_s : 0,
                         slow.rate_per_s, writes ? slow.rate_per_s : Bytes(0)});
}

}  // namespace

Result<void> check_ground(const host::Host& host, const ThrashPlan& plan,
                          const ThrashPlaces& places, bool whole_machine) {
  BRIM_CHECK(check_rights(host, plan, places, whole_machine));
  BRIM_CHECK(check_kernel(host, plan));
  return check_memory(host, plan);
}

Result<void> Ground::switch_zswap_on(const host::Host& host, const ThrashPlan& plan,
                                     const ThrashPlaces& places) {
  BRIM_TRY(const unsigned percent, zswap_percent(host, plan.swap));
  BRIM_TRY(const auto settings, host::zswap_settings(host, {"", percent}));
  BRIM_TRY(auto journal, host::Journal::open(host, places.journal));
  journal_.emplace(std::move(journal));
  for (const host::KernelSetting& setting : settings)
    BRIM_CHECK(journal_->change(setting.path, setting.value));
  return {};
}

Result<Ground> Ground::make(const host::Host& host, const ThrashPlan& plan,
                            const ThrashPlaces& places) {
  Ground ground;
  if (plan.has_programs()) {
    BRIM_TRY(auto folder, host::RunFolder::create(host, places.folders, plan.program_folder));
    ground.folder_.emplace(std::move(folder));
  }
  if (plan.swap.kind == SwapKind::zswap) BRIM_CHECK(ground.switch_zswap_on(host, plan, places));
  auto area =
      plan.swap.kind == SwapKind::zram
          ? host::SwapArea::create_zram(host, places.swaps, {plan.swap.size, ""})
          : host::SwapArea::create_file(host, places.swaps, {plan.swap.folder, plan.swap.size});
  if (!area) return fail(std::move(area).error());
  ground.area_.emplace(std::move(*area));
  if (plan.whole_machine) return ground;
  BRIM_TRY(auto group, make_group(host, plan, places));
  ground.group_.emplace(std::move(group));
  BRIM_CHECK(slow_disk(host, plan.swap, *ground.group_));
  return ground;
}

Result<void> Ground::end() {
  if (group_) BRIM_CHECK(group_->remove());
  if (area_) BRIM_CHECK(area_->remove());
  if (folder_) BRIM_CHECK(folder_->remove());
  if (!journal_) return {};
  for (const host::Restored& one : journal_->restore_own())
    if (one.outcome == host::RestoreOutcome::failed)
      return fail(ErrorCode::io, fmt::format("could not put it back: {}", one.detail),
                  one.entry.path);
  return {};
}

Result<void> Ground::still_there(const host::Host& host) const {
  if (group_ && !host.exists(group_->places()[host::GroupPart::memory].folder))
    return fail(ErrorCode::gone, "somebody has removed the consumers' cgroup",
                group_->places()[host::GroupPart::memory].folder);
  BRIM_TRY(const auto entry, host::find_swap(host, area_->path()));
  if (!entry)
    return fail(ErrorCode::gone, "somebody has switched off the run's swap area", area_->path());
  return {};
}

std::vector<std::string> notes_on_ground(const host::Host& host, const ThrashPlan& plan) {
  if (plan.swap.slow.rate_per_s == Bytes(0)) return {};
  const auto group = places_of_group(host);
  if (!group) return {};
  const auto writes = host::check_swap_writes(host, *group);
  if (writes) return {};
  return {fmt::format("Swap is written as fast as the disk can: {}.", writes.error().what)};
}

}  // namespace brim::thrash::live
