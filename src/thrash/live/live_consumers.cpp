// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/live_consumers.h"

#include "host/io_limits.h"
#include "host/process.h"
#include "host/system.h"
#include "thrash/live/program_loads.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace brim::thrash::live {
namespace {

// Of a group that consumers share alike, left to probes and the kernel beyond what they have.
constexpr Bytes kNotShared = mebibytes(1);

double seconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-9; }

// What is there for consumers, of the limit or of all that is available now.
Result<Bytes> memory_for(const host::Host& host, const ThrashPlan& plan) {
  Bytes all = plan.limit;
  if (plan.whole_machine) {
    BRIM_TRY(const host::MemoryInfo info, host::read_memory_info(host));
    all = Bytes(info.available_bytes);
  }
  const Bytes probes = plan.probes ? plan.probe_memory : Bytes(0);
  return all > probes ? all - probes : Bytes(0);
}

bool was_killed(const host::DependentProcess& process) {
  const std::optional<int> status = process.status();
  return status && WIFSIGNALED(*status) &&
         (WTERMSIG(*status) == SIGTERM || WTERMSIG(*status) == SIGKILL);
}

}  // namespace

std::string how_it_ended(const host::DependentProcess& process) {
  const std::optional<int> status = process.status();
  if (!status) return "ended";
  if (WIFSIGNALED(*status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(*status),
                       ::strsignal(WTERMSIG(*status)));
  return fmt::format("ended with status {}", WEXITSTATUS(*status));
}

// It begins in the folder that limits, so that all it takes is charged there.
Result<host::DependentProcess> start_in_group(const host::ProgramStart& start,
                                              const host::LimitedGroup* group) {
  host::ProgramStart there = start;
  if (group != nullptr) there.cgroup = group->places()[host::GroupPart::memory].folder;
  BRIM_TRY(host::DependentProcess process, host::DependentProcess::start(there));
  if (group != nullptr) BRIM_CHECK(group->add(process.pid()));
  return process;
}

Result<std::vector<std::string>> LiveConsumers::role_of(const ConsumerPlan& plan) const {
  if (!plan.program) return std::vector<std::string>{"--consumer", lab::format_consumer(plan.load)};
  const std::size_t number = consumers_.size() + 1;
  const std::string folder = fmt::format("{}/{}", ground_->program_folder(), number);
  if (::mkdir(folder.c_str(), 0700) != 0)
    return fail(errno_error(errno, "make a folder for a program", folder));
  return std::vector<std::string>{
      "--consumer-program",
      lab::format_consumer_program(program_of_consumer(*plan.program, number, folder))};
}

Result<void> LiveConsumers::start_one(const ConsumerPlan& plan, const std::string& agent,
                                      std::uint64_t seed) {
  BRIM_TRY(auto shared, host::SharedMemory::create(sizeof(lab::ConsumerPage)));
  new (shared.data()) lab::ConsumerPage();
  ConsumerPlan own = plan;
  own.load.seed = seed;
  host::ProgramStart start;
  BRIM_TRY(const std::vector<std::string> role, role_of(own));
  start.arguments = {agent, role[0], role[1], "--shared", shared.name()};
  start.huge_pages = false;
  start.killed_first = true;
  auto process = start_in_group(start, ground_->group());
  if (!process)
    return fail(
        process.error().code,
        fmt::format("could not start consumer {}: {}", consumers_.size() + 1, process.error().what),
        process.error().where);
  consumers_.push_back({own, std::move(shared), std::move(*process)});
  return {};
}

Result<LiveConsumers> LiveConsumers::start(const host::Host& host, const ThrashPlan& plan,
                                           const Ground& ground, const std::string& agent,
                                           std::uint64_t seed) {
  BRIM_TRY(const Bytes memory, memory_for(host, plan));
  LiveConsumers consumers(host, ground, memory);
  if (plan.swap.kind == SwapKind::file)
    consumers.swap_disk_ = host::disk_below(host, plan.swap.folder).value_or("");
  const Rng rng(seed);
  for (std::size_t i = 0; i < plan.consumers.size(); ++i)
    BRIM_CHECK(consumers.start_one(plan.consumers[i], agent, rng.split("consumer", i).next()));
  return consumers;
}

Result<bool> LiveConsumers::ready() {
  bool all = true;
  for (std::size_t i = 0; i < consumers_.size(); ++i) {
    Consumer& one = consumers_[i];
    if (!one.process.running())
      return fail(
          ErrorCode::gone,
          one.page().failed.front() != '\0'
              ? fmt::format("consumer {} could not begin: {}", i + 1, one.page().failed.data())
              : fmt::format("consumer {} {} before it had begun: the limit of memory may "
                            "be too small for the processes alone",
                            i + 1, how_it_ended(one.process)));
    all = all && one.page().ready;
  }
  return all;
}

void LiveConsumers::begin(std::chrono::steady_clock::time_point start, const LiveControl* control) {
  start_ = start.time_since_epoch().count();
  control_ = control;
  for (std::size_t i = 0; i < consumers_.size(); ++i) {
    Consumer& one = consumers_[i];
    one.admitted = control == nullptr || control->admits(i);
    if (one.admitted)
      lab::tell_consumer(one.page(), start_ + one.plan.start.count(),
                         start_ + one.plan.end.count());
    else
      one.process.kill();
  }
}

Result<void> LiveConsumers::see_death(std::size_t number, std::uint64_t oom_kills) {
  Consumer& one = consumers_.at(number);
  const char* const said = one.page().failed.data();
  const auto by_kernel =
      static_cast<std::uint64_t>(std::ranges::count_if(killed_, &KilledConsumer::by_kernel));
  const bool of_memory = oom_kills > by_kernel;
  // Of a program only a part was killed, and what the rest makes of that is its own business.
  const bool of_control =
      control_ != nullptr && control_->kills() && (was_killed(one.process) || one.plan.program);
  if (!of_memory && !of_control)
    return fail(
        ErrorCode::gone,
        *said != '\0'
            ? fmt::format("consumer {} ended before its time: {}", number + 1, said)
            : fmt::format("consumer {} {} before its time", number + 1, how_it_ended(one.process)));
  killed_.push_back({number + 1, of_memory});
  one.killed_at = std::chrono::steady_clock::now().time_since_epoch().count();
  return {};
}

Result<bool> LiveConsumers::look(const std::function<std::uint64_t()>& oom_kills) {
  const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  bool changed = false;
  for (std::size_t i = 0; i < consumers_.size(); ++i) {
    Consumer& one = consumers_[i];
    if (!one.admitted) continue;
    // Its page after its process: it may write its end while it is looked at.
    const bool dead = !one.ended() && !one.process.running();
    if (dead && one.page().ended == 0)
      BRIM_CHECK(see_death(i, oom_kills() + (parts_ ? parts_->uncounted_oom_kills() : 0)));
    const bool runs = !one.ended() && now >= start_ + one.plan.start.count();
    changed = changed || runs != one.runs;
    one.runs = runs;
    if (one.ended()) one.held = false;
  }
  return changed;
}

bool LiveConsumers::all_ended() const {
  return std::ranges::all_of(consumers_,
                             [](const Consumer& one) { return !one.admitted || one.ended(); });
}

void LiveConsumers::read_faults(Consumer& one, ConsumerTotals& totals) const {
  if (one.page().ended != 0) {
    one.minor_faults = one.page().minor_faults;
    one.major_faults = one.page().major_faults;
  } else if (const auto process = host::Process::open(*host_, one.process.pid())) {
    if (const auto stat = process->stat()) {
      one.minor_faults = stat->minor_faults;
      one.major_faults = stat->major_faults;
      totals.waiting += stat->state == 'D' ? 1 : 0;
    }
  }
}

std::map<int, host::ProcessGroupReading> LiveConsumers::read_trees() const {
  std::set<int> agents;
  for (const Consumer& one : consumers_)
    if (one.plan.program && one.admitted && !one.ended()) agents.insert(one.process.pid());
  if (agents.empty()) return {};
  auto trees = host::read_process_groups(*host_, agents);
  if (!trees) return {};
  return std::move(*trees);
}

ConsumerTotals LiveConsumers::totals() {
  ConsumerTotals totals;
  const auto trees = read_trees();
  for (Consumer& one : consumers_) {
    if (!one.admitted) continue;
    totals.accesses += one.page().accesses.load(std::memory_order_relaxed);
    totals.running += one.runs ? 1 : 0;
    totals.held += one.held ? 1 : 0;
    if (const auto tree = trees.find(one.process.pid()); tree != trees.end()) {
      one.minor_faults = std::max(one.minor_faults, tree->second.minor_faults);
      one.major_faults = std::max(one.major_faults, tree->second.major_faults);
      totals.waiting += tree->second.waiting > 0 ? 1 : 0;
    } else if (!one.plan.program) {
      read_faults(one, totals);
    }
    totals.minor_faults += one.minor_faults;
    totals.major_faults += one.major_faults;
  }
  return totals;
}

void LiveConsumers::record(std::vector<ConsumerRecord>& records) const {
  if (records.empty())
    records.resize(static_cast<std::size_t>(
        std::ranges::count_if(consumers_, [](const Consumer& one) { return one.admitted; })));
  auto record = records.begin();
  for (const Consumer& one : consumers_) {
    if (!one.admitted) continue;
    record->start_seconds = seconds(one.plan.start.count());
    record->due_seconds = seconds(one.plan.end.count());
    record->killed = one.killed_at.has_value();
    const std::int64_t ended = one.killed_at.value_or(one.page().ended);
    if (ended != 0) record->ended_seconds = seconds(ended - start_);
    record->accesses.push_back(one.page().accesses.load(std::memory_order_relaxed));
    ++record;
  }
}

bool LiveConsumers::locked() const {
  return std::ranges::all_of(consumers_,
                             [](const Consumer& one) { return one.page().locked.load(); });
}

ConsumerView LiveConsumers::consumer(std::size_t number) const {
  const Consumer& one = consumers_.at(number);
  return {.pid = one.process.pid(),
          .memory = one.plan.load.memory,
          .interactive = one.plan.interactive,
          .runs = one.runs && !one.ended(),
          .held = one.held,
          .accesses = one.page().accesses.load(std::memory_order_relaxed)};
}

void LiveConsumers::hold(std::size_t number) {
  Consumer& one = consumers_.at(number);
  one.process.pause();
  one.held = true;
}

void LiveConsumers::let_go_on(std::size_t number) {
  Consumer& one = consumers_.at(number);
  one.process.go_on();
  one.held = false;
}

Result<void> LiveConsumers::part_memory() {
  if (parts_) return {};
  if (group() == nullptr)
    return fail(ErrorCode::bad_input,
                "consumers that have the whole machine have no group with parts: expected "
                "live.where = \"group\"",
                "mechanism.control");
  std::vector<int> pids;
  pids.reserve(consumers_.size());
  for (const Consumer& one : consumers_) pids.push_back(one.process.pid());
  BRIM_TRY(parts_, host::GroupParts::create(*host_, *group(), pids));
  return {};
}

// What the group has by now, consumers' programs and probes, is no part's.
Result<void> LiveConsumers::limit_to_shares() {
  BRIM_CHECK(part_memory());
  const host::GroupReading reading = group()->read();
  if (!reading.memory) return fail(reading.memory.error());
  const Bytes taken = *reading.memory + kNotShared;
  shared_ = memory_ > taken ? memory_ - taken : Bytes(0);
  return {};
}

// From the last one, which as a rule has just begun, to those that have to give back some.
Result<void> LiveConsumers::share_out() {
  const auto running = static_cast<std::uint64_t>(
      std::ranges::count_if(consumers_, [](const Consumer& one) { return one.runs; }));
  if (!shared_ || running == 0) return {};
  const Bytes share(shared_->count() / running);
  for (std::size_t i = consumers_.size(); i-- > 0;)
    if (consumers_[i].runs) BRIM_CHECK(parts_->limit(i, share));
  return {};
}

Result<void> LiveConsumers::protect(std::size_t number, bool protect) {
  BRIM_ASSERT(parts_);
  return parts_->protect(number, protect);
}

}  // namespace brim::thrash::live
