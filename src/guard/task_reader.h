// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the tasks that the thrash guard may hold still, or must spare: processes and VMs with their
// memory, their work, and who they belong together with.
//
// A look costs two small files of each process of some size, and one of others from time to time;
// which shared memory a process maps is read when it is met, and seldom again.
//
// Belong together: a process group (a pipeline, a make tree), a team of the policy, and whoever
// maps the same writable shared memory of some size. Spared: names of the policy, real-time ones,
// brim itself and all that it was started by.

#include "base/result.h"
#include "host/held_tasks.h"
#include "host/host.h"
#include "host/process.h"
#include "thrash/tune/thrash_policy.h"
#include "thrash/tune/thrash_snapshot.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace brim::guard {

[[nodiscard]] inline thrash::tune::TaskId task_id_of(const host::HeldProcess& process) {
  return {process.pid, process.start_ticks};
}
[[nodiscard]] inline host::HeldProcess process_of(const thrash::tune::TaskId& id) {
  return {static_cast<int>(id.number), id.since};
}

class TaskReader {
 public:
  // Both must outlive it.
  TaskReader(const host::Host& host, const thrash::tune::ThrashPolicy& policy);

  // Ascending pids; those that may matter, by id. Of processes that have exited meanwhile: nothing.
  [[nodiscard]] std::vector<thrash::tune::Task> read(
      const std::vector<int>& pids, const std::vector<host::HeldTasks::Held>& held);
  // A helper of brim's own.
  void spare(int pid) { own_.insert(pid); }

 private:
  struct Known {
    std::uint64_t start_ticks = 0;
    std::string name;
    bool machine = false;
    std::set<std::string> shared;  // memory that others may map too
    std::uint32_t looks = 0;
    std::uint32_t next_look = 0;  // what does not matter now is left out until then
  };
  [[nodiscard]] std::optional<thrash::tune::Task> read_one(int pid, bool held);
  void meet(const host::Process& process, const host::ProcessStat& stat, Known& known) const;
  [[nodiscard]] std::set<std::string> shared_memory_of(const host::Process& process) const;
  void link(std::vector<thrash::tune::Task>& tasks) const;

  const host::Host& host_;
  const thrash::tune::ThrashPolicy& policy_;
  std::map<int, Known> known_;
  std::map<int, int> process_groups_;  // of the last look
  std::set<int> own_;
};

}  // namespace brim::guard
