// SPDX-License-Identifier: Apache-2.0
#pragma once
// Takes the snapshots that the thrash guard plans from: of the host, and of each cgroup with a
// limit of memory; or of one cgroup alone (the policy's scope). In any cgroup layout.
//
// A look costs a few small files of each domain; a close one reads tasks, too (task_reader.h).
//
// LIMIT: without a version 2 hierarchy cgroups tell no pressure; then evicted pages that come back,
// major faults and lack of progress must do.
// LIMIT: of hybrid layouts the twin of a cgroup in the version 2 hierarchy is taken to be the one
// of the same path.

#include "base/result.h"
#include "guard/task_reader.h"
#include "host/held_tasks.h"
#include "host/host.h"
#include "host/memory_groups.h"
#include "thrash/tune/thrash_policy.h"
#include "thrash/tune/thrash_snapshot.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace brim::guard {

class ThrashReader {
 public:
  // Both must outlive it. `bad_input` where the policy's scope is no cgroup.
  [[nodiscard]] static Result<ThrashReader> open(const host::Host& host,
                                                 const thrash::tune::ThrashPolicy& policy);

  // `held`: what the guard holds still.
  [[nodiscard]] Result<thrash::tune::ThrashSnapshot> look(
      bool closely, const std::vector<host::HeldTasks::Held>& held);

  // Groups that met their limit between the last two looks, and made room.
  [[nodiscard]] bool any_reclaims() const { return !reclaiming_.empty(); }
  // Has the kernel count their pages. While it goes by old sums it may find none to take, and kill
  // (docs/thrash.md, "Killed with memory to spare").
  void count_reclaiming() const;

  // Files in which the kernel takes an order to raise an alarm about what is read here.
  [[nodiscard]] std::vector<std::string> pressure_files() const;
  void spare(int pid) { tasks_.spare(pid); }
  // What could not be read at the last look.
  [[nodiscard]] const std::vector<Error>& problems() const { return problems_; }

 private:
  ThrashReader(const host::Host& host, const thrash::tune::ThrashPolicy& policy)
      : host_(host), policy_(policy), tasks_(host, policy) {}
  [[nodiscard]] Result<thrash::tune::MemoryDomain> read_host() const;
  [[nodiscard]] std::optional<thrash::tune::MemoryDomain> read_group(
      const host::MemoryGroup& group);
  [[nodiscard]] Result<void> find_groups();
  [[nodiscard]] Result<void> add_tasks(thrash::tune::ThrashSnapshot& snapshot,
                                       const std::vector<host::HeldTasks::Held>& held);

  const host::Host& host_;
  const thrash::tune::ThrashPolicy& policy_;
  TaskReader tasks_;
  std::vector<host::MemoryGroup> groups_;
  std::map<std::string, std::uint64_t> limit_hits_;  // of groups by name, at the last look
  std::vector<host::GroupPlaces> reclaiming_;
  unsigned looks_ = 0;
  std::vector<Error> problems_;
};

}  // namespace brim::guard
