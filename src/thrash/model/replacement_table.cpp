// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/replacement_table.h"

#include "study/choice_text.h"
#include "thrash/model/aging.h"
#include "thrash/model/arc.h"
#include "thrash/model/car.h"
#include "thrash/model/clock.h"
#include "thrash/model/fifo.h"
#include "thrash/model/lau.h"
#include "thrash/model/linux_group.h"
#include "thrash/model/linux_two_list.h"
#include "thrash/model/lru.h"
#include "thrash/model/lru_curve.h"
#include "thrash/model/lru_k.h"
#include "thrash/model/mglru.h"
#include "thrash/model/nru.h"
#include "thrash/model/opt.h"
#include "thrash/model/opt_curve.h"
#include "thrash/model/random_replacement.h"
#include "thrash/model/s3_fifo.h"
#include "thrash/model/second_chance.h"
#include "thrash/model/sieve.h"
#include "thrash/model/two_handed_clock.h"
#include "thrash/model/working_set.h"
#include "thrash/model/wsclock.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

using study::Parameter;
using study::Settings;
using Type = study::ParameterType;

// Times are in what PageTable::now() counts: references of a trace, nanoseconds of a simulated
// machine, for which the defaults are not meant.
constexpr std::array kAging = std::to_array<Parameter>({
    {"bits", Type::count, "", "8", "Of each page's counter.", {}, 1, 32},
    {"interval", Type::count, "references", "0", "Between ticks; 0: as many as frames."},
});
constexpr std::array kClock = std::to_array<Parameter>({
    {"reference_on_load", Type::boolean, "", "false",
     "Loading a page sets its referenced bit, as hardware does and many textbooks don't."},
});
constexpr std::array kLau = std::to_array<Parameter>({
    {"inactive", Type::fraction, "", "0.03", "Of the frames: the inactive queue's target."},
    {"cache", Type::fraction, "", "0.02", "Of the frames: the cache queue's target."},
});
constexpr std::array kNru = std::to_array<Parameter>({
    {"interval", Type::count, "references", "0",
     "Between clearings of all referenced bits; 0: as many as frames."},
});
constexpr std::array kTwoHandedClock = std::to_array<Parameter>({
    {"spread", Type::fraction, "", "0.5", "Of the circle: how far the hands are apart."},
});
constexpr std::array kWorkingSet = std::to_array<Parameter>({
    {"tau", Type::count, "references", "0",
     "A page not referenced within it leaves; 0: ten times as many as frames."},
});
constexpr std::array kWsClock = std::to_array<Parameter>({
    {"tau", Type::count, "references", "0",
     "A page used within it is of the working set; 0: as many as frames."},
    {"reference_on_load", Type::boolean, "", "false",
     "Loading a page sets its referenced bit, as hardware does and many textbooks don't."},
});

constexpr std::array kLinuxGroup = std::to_array<Parameter>({
    {"flushed_every", Type::count, "references", "2000000000",
     "Between two times that the group's statistics are added up (FLUSH_TIME, 2 s).", "", 1},
    {"read_every", Type::count, "references", "0",
     "Between two reads of memory.stat, which add them up too; 0: nobody reads it."},
    {"processors", Type::count, "", "2", "By which pages come, in turns.", "", 1, 1024},
    {"file_pages", Type::count, "pages", "0", "Of a program that runs in the group now and then."},
    {"file_every", Type::count, "references", "100000000", "Between two such runs.", "", 1},
});
constexpr std::array kLinuxTwoList = std::to_array<Parameter>({
    {"start", Type::choice, "", "inactive",
     "Where new pages go: active before Linux 5.9, then with no refault distance.",
     "inactive,active"},
    {"batch", Type::count, "pages", "32", "Scanned at a time (SWAP_CLUSTER_MAX).", "", 1, 1 << 20},
    {"inactive_ratio", Type::count, "", "0",
     "Active pages for each inactive one; 0: by the size of memory, as Linux does.", "", 0, 1000},
});
constexpr std::array kLruK = std::to_array<Parameter>({
    {"k", Type::count, "references", "2", "Whose K-th last reference is longest ago leaves.", "", 1,
     64},
    {"correlated", Type::count, "references", "0",
     "After a page's last reference, others within so many count as the same."},
    {"history", Type::number, "", "1",
     "Pages that left whose references are remembered, for each frame.", "", 0, 1e6},
});
constexpr std::array kMglru = std::to_array<Parameter>({
    {"generations", Type::count, "", "4",
     "At most (MAX_NR_GENS); two fewer are never evicted from.", "", 3, 1000},
    {"walk_page_tables", Type::boolean, "", "true",
     "Aging looks at the referenced bits of all pages, not only eviction at those it comes to."},
});
constexpr std::array kS3Fifo = std::to_array<Parameter>({
    {"small", Type::fraction, "", "0.1", "Frames of the queue for new pages."},
    {"ghost", Type::number, "", "0.9", "Pages that left that are remembered, for each frame.", "",
     0, 1e6},
});

Aging build_aging(PageTable& table, std::size_t frames, const Settings& settings, const Rng&) {
  return {table,
          frames,
          {.bits = static_cast<std::uint32_t>(settings.get<std::uint64_t>("bits")),
           .interval = settings.get<std::uint64_t>("interval")}};
}
Arc build_arc(PageTable& table, std::size_t frames, const Settings&, const Rng&) {
  return {table, frames};
}
Car build_car(PageTable& table, std::size_t frames, const Settings&, const Rng&) {
  return {table, frames};
}
Clock build_clock(PageTable& table, std::size_t frames, const Settings& settings, const Rng&) {
  return {table, frames, {.reference_on_load = settings.get<bool>("reference_on_load")}};
}
Fifo build_fifo(PageTable& table, std::size_t, const Settings&, const Rng&) { return Fifo(table); }
Lau build_lau(PageTable& table, std::size_t frames, const Settings& settings, const Rng&) {
  return {table,
          frames,
          {.inactive = settings.get<double>("inactive"), .cache = settings.get<double>("cache")}};
}
// Flushes are the kernel's, and know nothing of when the run began.
LinuxGroup build_linux_group(PageTable& table, std::size_t, const Settings& settings,
                             const Rng& rng) {
  const auto flushed_every = settings.get<std::uint64_t>("flushed_every");
  return {table,
          {.flushed_every = flushed_every,
           .read_every = settings.get<std::uint64_t>("read_every"),
           .phase = rng.split("flush").below(flushed_every),
           .processors = settings.get<std::uint64_t>("processors"),
           .file_pages = settings.get<std::uint64_t>("file_pages"),
           .file_every = settings.get<std::uint64_t>("file_every")}};
}
LinuxTwoList build_linux_two_list(PageTable& table, std::size_t, const Settings& settings,
                                  const Rng&) {
  const bool active = settings.get<std::string>("start") == "active";
  return {table,
          {.start = active ? LinuxStart::active : LinuxStart::inactive,
           .batch = settings.get<std::uint64_t>("batch"),
           .inactive_ratio = settings.get<std::uint64_t>("inactive_ratio")}};
}
Lru build_lru(PageTable& table, std::size_t, const Settings&, const Rng&) { return Lru(table); }
LruK build_lru_k(PageTable& table, std::size_t frames, const Settings& settings, const Rng&) {
  return {table,
          frames,
          {.k = settings.get<std::uint64_t>("k"),
           .correlated = settings.get<std::uint64_t>("correlated"),
           .history = settings.get<double>("history")}};
}
Mglru build_mglru(PageTable& table, std::size_t, const Settings& settings, const Rng&) {
  return {table,
          {.generations = settings.get<std::uint64_t>("generations"),
           .walk_page_tables = settings.get<bool>("walk_page_tables")}};
}
Nru build_nru(PageTable& table, std::size_t frames, const Settings& settings, const Rng& rng) {
  return {table,
          frames,
          {.interval = settings.get<std::uint64_t>("interval")},
          rng.split("not recently used")};
}
RandomReplacement build_random(PageTable& table, std::size_t, const Settings&, const Rng& rng) {
  return {table, rng.split("random replacement")};
}
S3Fifo build_s3_fifo(PageTable& table, std::size_t frames, const Settings& settings, const Rng&) {
  return {table,
          frames,
          {.small = settings.get<double>("small"), .ghost = settings.get<double>("ghost")}};
}
Sieve build_sieve(PageTable& table, std::size_t, const Settings&, const Rng&) {
  return Sieve(table);
}

SecondChance build_second_chance(PageTable& table, std::size_t, const Settings& settings,
                                 const Rng&) {
  return {table, {.reference_on_load = settings.get<bool>("reference_on_load")}};
}
TwoHandedClock build_two_handed_clock(PageTable& table, std::size_t frames,
                                      const Settings& settings, const Rng&) {
  return {table, frames, {.spread = settings.get<double>("spread")}};
}
WorkingSet build_working_set(PageTable& table, std::size_t frames, const Settings& settings,
                             const Rng&) {
  return {table, frames, {.tau = settings.get<std::uint64_t>("tau")}};
}
WsClock build_wsclock(PageTable& table, std::size_t frames, const Settings& settings, const Rng&) {
  return {table,
          frames,
          {.tau = settings.get<std::uint64_t>("tau"),
           .reference_on_load = settings.get<bool>("reference_on_load")}};
}

// A row of the table, of a function that builds the policy.
template <auto build>
constexpr ReplacementPolicy row(std::string_view name, std::string_view summary,
                                std::span<const Parameter> parameters = {}) {
  using Policy = decltype(build(std::declval<PageTable&>(), 0, std::declval<const Settings&>(),
                                std::declval<const Rng&>()));
  return {{name, summary, parameters},
          [](const ReplayTask& task, const Settings& settings) {
            PageTable table(task.trace.pages);
            return replay(task, table, build(table, task.frames, settings, task.rng));
          },
          [](PageTable& table, std::size_t frames, const Settings& settings,
             const Rng& rng) -> std::unique_ptr<Replacement> {
            return std::make_unique<ReplacementOf<Policy>>(build(table, frames, settings, rng));
          }};
}

constexpr ReplacementPolicy with_curve(ReplacementPolicy policy, const ExactCurve& curve) {
  policy.exact_curve = curve;
  return policy;
}

constexpr ReplacementPolicy by_every_hit(ReplacementPolicy policy) {
  policy.every_hit = true;
  return policy;
}

constexpr ReplacementPolicy by_time(ReplacementPolicy policy, std::string_view key) {
  policy.time = key;
  return policy;
}

constexpr std::array kPolicies = std::to_array<ReplacementPolicy>({
    by_time(
        row<build_aging>(
            "aging", "The lowest of counters that a timer shifts referenced bits into.", kAging),
        "interval"),
    by_every_hit(
        row<build_arc>("arc", "LRU in two parts, shared out by what was evicted too early (ARC).")),
    row<build_car>("car", "As arc, with clocks in place of LRU lists."),
    row<build_clock>("clock", "Frames in a circle: passes those referenced since it last came.",
                     kClock),
    row<build_fifo>("fifo", "What was loaded longest ago leaves."),
    row<build_lau>("lau", "FreeBSD's: counts of activity; active, inactive and cache queues.",
                   kLau),
    row<build_linux_group>(
        "linux-group", "Linux's lists in a limited cgroup, whose sizes it knows late; gives up.",
        kLinuxGroup),
    row<build_linux_two_list>("linux-two-list", "Linux's active and inactive list.", kLinuxTwoList),
    by_every_hit(with_curve(row<build_lru>("lru", "What was not referenced for longest leaves."),
                            {lru_faults, "exact, by stack distances (Mattson et al. 1970)"})),
    by_every_hit(
        row<build_lru_k>("lru-k", "Whose K-th last reference is longest ago leaves.", kLruK)),
    row<build_mglru>("mglru", "Linux's multi-generational LRU (6.1 and later).", kMglru),
    by_time(row<build_nru>(
                "nru", "Not referenced lately before referenced, clean before modified; at random.",
                kNru),
            "interval"),
    {{"opt", "What is referenced farthest in the future leaves: no policy has fewer faults.", {}},
     [](const ReplayTask& task, const Settings&) { return replay_opt(task); },
     nullptr,
     {opt_faults,
      "exact, by stack distances, in groups (Mattson et al. 1970; Sugumar and Abraham 1993)"}},
    row<build_random>("random", "Any page leaves."),
    by_every_hit(row<build_s3_fifo>(
        "s3-fifo", "A small queue lets into the main one what is used again.", kS3Fifo)),
    row<build_second_chance>(
        "second-chance", "First in, first out; those referenced meanwhile queue again.", kClock),
    row<build_sieve>("sieve", "A queue and a hand that passes those referenced, where they are."),
    row<build_two_handed_clock>("two-handed-clock",
                                "One hand clears referenced bits, another takes what stays so.",
                                kTwoHandedClock),
    by_every_hit(
        by_time(row<build_working_set>("working-set",
                                       "What was not referenced within tau leaves, needed or not.",
                                       kWorkingSet),
                "tau")),
    by_time(
        row<build_wsclock>(
            "wsclock", "Clock that passes what was used within tau or must be written.", kWsClock),
        "tau"),
});
static_assert(std::ranges::is_sorted(kPolicies, {},
                                     [](const auto& policy) { return policy.family.name; }));

std::vector<study::Family> families() {
  std::vector<study::Family> all;
  all.reserve(kPolicies.size());
  for (const ReplacementPolicy& policy : kPolicies) all.push_back(policy.family);
  return all;
}

}  // namespace

std::span<const ReplacementPolicy> replacement_policies() { return kPolicies; }

const ReplacementPolicy* find_policy(std::string_view name) {
  const auto at =
      std::ranges::find(kPolicies, name, [](const auto& policy) { return policy.family.name; });
  return at == kPolicies.end() ? nullptr : &*at;
}

Result<ChosenPolicy> choose_policy(std::string_view text, const std::string& where) {
  BRIM_TRY(study::TextChoice choice, study::parse_choice_text(text, families(), "policy", where));
  return ChosenPolicy{&kPolicies.at(choice.place), std::move(choice.settings),
                      std::move(choice.words)};
}

Result<PoolPolicy> pool_policy(ChosenPolicy chosen, const std::string& where) {
  const ReplacementPolicy& policy = *chosen.policy;
  if (policy.make == nullptr)
    return fail(ErrorCode::bad_input,
                fmt::format("{} must know the future: it replays traces alone", policy.family.name),
                where);
  if (!policy.time.empty() && chosen.settings.get<std::uint64_t>(policy.time) == 0)
    return fail(ErrorCode::bad_input,
                fmt::format("{0}: {1} has to be given, in nanoseconds: {0}({1}=1000000000)",
                            policy.family.name, policy.time),
                where);
  return PoolPolicy{[make = policy.make, settings = std::move(chosen.settings)](
                        PageTable& table, std::size_t frames, const Rng& rng) {
                      return make(table, frames, settings, rng);
                    },
                    policy.every_hit};
}

Result<std::vector<ChosenPolicy>> choose_policies(std::string_view list) {
  std::vector<ChosenPolicy> chosen;
  if (list == "all") {
    for (const ReplacementPolicy& policy : kPolicies)
      chosen.push_back(
          {&policy, Settings(policy.family.parameters), std::string(policy.family.name)});
    return chosen;
  }
  BRIM_TRY(std::vector<study::TextChoice> choices,
           study::parse_choice_texts(list, families(), "policy", "--policy"));
  for (study::TextChoice& choice : choices)
    chosen.push_back(
        {&kPolicies.at(choice.place), std::move(choice.settings), std::move(choice.words)});
  return chosen;
}

}  // namespace brim::thrash::model
