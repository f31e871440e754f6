// SPDX-License-Identifier: Apache-2.0
#pragma once
// The consumers of a live run: processes of brim-agent, in the group from before they take any
// memory, waiting until they are told their times. They die with this object, and with brim. A
// program's consumer is its agent and all that this starts; one of those that the kernel or a
// control kills ends it, if the program ends over it, and it counts as killed.

#include "base/result.h"
#include "host/dependent_process.h"
#include "host/group_parts.h"
#include "host/host.h"
#include "host/process_group.h"
#include "host/shared_memory.h"
#include "lab/agent/consumer.h"
#include "thrash/live/ground.h"
#include "thrash/live/live_control.h"
#include "thrash/live/thrash_plan.h"
#include "thrash/measure/run_record.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace brim::thrash::live {

// Of all consumers together, since they began; of one that was killed, until it was looked at last.
struct ConsumerTotals {
  std::uint64_t accesses = 0;
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::size_t running = 0;
  std::size_t held = 0;
  std::size_t waiting = 0;  // for a page or the device (state D)
};

struct KilledConsumer {
  std::size_t number = 0;  // from 1
  bool by_kernel = false;  // else by the control
};

class LiveConsumers final : public ConsumerControls {
 public:
  // All have started and wait to be told. `host`, `plan` and `ground` must outlive it. `seed` keys
  // what each draws.
  [[nodiscard]] static Result<LiveConsumers> start(const host::Host& host, const ThrashPlan& plan,
                                                   const Ground& ground, const std::string& agent,
                                                   std::uint64_t seed);

  // Whether all are ready to be told, programs prepared; `gone` where one never will be.
  [[nodiscard]] Result<bool> ready();
  // Those that `control` does not admit are ended. Null: nobody controls. It must outlive them.
  void begin(std::chrono::steady_clock::time_point start, const LiveControl* control);

  // Local replacement: each is limited to a share (share_out()), once, before they take memory.
  [[nodiscard]] Result<void> limit_to_shares();
  // Those that run share alike: to be called after a look that saw others run. Nothing where there
  // are no shares.
  [[nodiscard]] Result<void> share_out();

  // Looks at who has ended; whether who runs is another than at the last look. `gone` for one that
  // ended before its time, unless it was killed, which is a result: by the kernel as memory ran out
  // (`oom_kills` tells how many were since the run's start), or by a control that does so.
  [[nodiscard]] Result<bool> look(const std::function<std::uint64_t()>& oom_kills);
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] ConsumerTotals totals();
  // Accesses of each that was admitted are added to its record; by the order of the scenario.
  void record(std::vector<ConsumerRecord>& records) const;
  // In the order of their deaths.
  [[nodiscard]] const std::vector<KilledConsumer>& killed() const { return killed_; }
  // Whether all could lock their programs in memory.
  [[nodiscard]] bool locked() const;

  [[nodiscard]] std::size_t consumers() const override { return consumers_.size(); }
  [[nodiscard]] ConsumerView consumer(std::size_t number) const override;
  [[nodiscard]] Bytes memory() const override { return memory_; }
  [[nodiscard]] const host::LimitedGroup* group() const override { return ground_->group(); }
  [[nodiscard]] std::string swap_disk() const override { return swap_disk_; }
  void hold(std::size_t number) override;
  void let_go_on(std::size_t number) override;
  [[nodiscard]] Result<void> part_memory() override;
  [[nodiscard]] Result<void> protect(std::size_t number, bool protect) override;

 private:
  struct Consumer {
    ConsumerPlan plan;
    host::SharedMemory shared;
    host::DependentProcess process;
    bool admitted = true;
    bool runs = false;  // at the last look
    bool held = false;
    std::optional<std::int64_t> killed_at = std::nullopt;  // seen dead; nothing: it was not killed
    std::uint64_t minor_faults = 0;                        // when looked at last
    std::uint64_t major_faults = 0;

    [[nodiscard]] lab::ConsumerPage& page() const {
      return *static_cast<lab::ConsumerPage*>(shared.data());
    }
    [[nodiscard]] bool ended() const { return killed_at || page().ended != 0; }
  };
  LiveConsumers(const host::Host& host, const Ground& ground, Bytes memory)
      : host_(&host), ground_(&ground), memory_(memory) {}
  [[nodiscard]] Result<void> start_one(const ConsumerPlan& plan, const std::string& agent,
                                       std::uint64_t seed);
  // What starts the consumer of this plan, the next one.
  [[nodiscard]] Result<std::vector<std::string>> role_of(const ConsumerPlan& plan) const;
  void read_faults(Consumer& one, ConsumerTotals& totals) const;
  // Those of programs, by the agent's pid.
  [[nodiscard]] std::map<int, host::ProcessGroupReading> read_trees() const;
  // `gone` unless it was killed.
  [[nodiscard]] Result<void> see_death(std::size_t number, std::uint64_t oom_kills);

  const host::Host* host_;
  const Ground* ground_;
  Bytes memory_;
  std::string swap_disk_;
  std::vector<Consumer> consumers_;
  std::vector<KilledConsumer> killed_;
  std::optional<host::GroupParts> parts_;  // in the order of the consumers
  std::optional<Bytes> shared_;            // that those that run share alike
  const LiveControl* control_ = nullptr;
  std::int64_t start_ = 0;
};

// "killed by signal 9 (Killed)", "ended with status 3".
[[nodiscard]] std::string how_it_ended(const host::DependentProcess& process);
// A program of the agent in the group, in all its folders.
[[nodiscard]] Result<host::DependentProcess> start_in_group(const host::ProgramStart& start,
                                                            const host::LimitedGroup* group);

}  // namespace brim::thrash::live
