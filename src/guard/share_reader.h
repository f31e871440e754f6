// SPDX-License-Identifier: Apache-2.0
#pragma once
// Takes the snapshots that the tuner of page sharing plans from. A look costs two small files of
// each process that has mergeable memory, and one of others from time to time; a close look makes
// the kernel walk their page tables besides (tens of milliseconds a GiB).
//
// LIMIT: before Linux 6.15 the kernel does not say which processes have mergeable memory until ksmd
// has met it; QEMU's are taken to have, unless their command line says otherwise.

#include "base/result.h"
#include "host/host.h"
#include "host/process.h"
#include "share/tune/share_snapshot.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace brim::guard {

class ShareReader {
 public:
  // `host` must outlive it. `missing` where the kernel has no KSM.
  [[nodiscard]] static Result<ShareReader> open(const host::Host& host);

  [[nodiscard]] Result<share::tune::ShareSnapshot> look();
  // With every subject's details; problems() tells what could not be read.
  [[nodiscard]] Result<share::tune::ShareSnapshot> look_closely();

  [[nodiscard]] const std::vector<Error>& problems() const { return problems_; }
  // Another program that sets KSM's knobs: "ksmtuned (pid 123)".
  [[nodiscard]] const std::optional<std::string>& rival() const { return rival_; }

 private:
  struct Known {
    std::optional<host::Process> process;  // kept open where it has mergeable memory
    std::string name;
    bool machine = false;
    bool asked = false;  // QEMU was told to have its memory merged
    bool shared_mapping = false;
    std::uint32_t looks = 0;
  };

  explicit ShareReader(const host::Host& host) : host_(host) {}
  [[nodiscard]] Result<share::tune::ShareSnapshot> take(bool closely);
  void meet_processes(const std::vector<int>& pids);
  [[nodiscard]] std::optional<Known> meet(int pid);
  // Whether the process is still there.
  bool read_process(int pid, Known& known, bool closely,
                    std::vector<share::tune::Subject>& subjects);
  void read_details(const host::Process& process, share::tune::Subject& subject);
  [[nodiscard]] share::tune::Time ksmd_cpu() const;

  const host::Host& host_;
  std::map<int, Known> processes_;
  int ksmd_ = 0;
  std::vector<Error> problems_;
  std::optional<std::string> rival_;
};

}  // namespace brim::guard
