// SPDX-License-Identifier: Apache-2.0
#pragma once
// Processes as /proc shows them (Documentation/filesystems/proc.rst). Sizes in bytes.
//
// A process is named by pid and start time, so that a reused pid is not taken for it: `Process`
// holds a descriptor of /proc/PID, reads through it, and answers `gone` once the process has
// exited.

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"
#include "host/host.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

// One line of maps, with the VmFlags of smaps where asked for.
struct Mapping {
  std::uint64_t start = 0;  // bytes, page aligned
  std::uint64_t end = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;  // MAP_SHARED
  std::uint64_t offset = 0;
  std::string device;  // "fd:00"
  std::uint64_t inode = 0;
  // "", "[heap]", "/memfd:pc.ram (deleted)", a file ... The kernel writes a newline as \012.
  // LIMIT: it leaves backslashes alone, so that a name which really holds "\012" reads as one, too.
  std::string path;

  [[nodiscard]] std::uint64_t bytes() const { return end - start; }
  // No file behind it: [heap], [stack] and [anon:...] too, but not "/SYSV00000000 (deleted)", whose
  // inode is the segment's id and may be 0.
  [[nodiscard]] bool anonymous() const { return inode == 0 && !path.starts_with('/'); }
};

struct SmapsEntry {
  Mapping mapping;
  std::uint64_t rss_bytes = 0;
  std::uint64_t pss_bytes = 0;
  std::uint64_t swap_bytes = 0;
  std::uint64_t anonymous_bytes = 0;
  std::uint64_t anon_huge_bytes = 0;
  std::optional<std::uint64_t> ksm_bytes;  // "KSM:" since Linux 6.7
  std::vector<std::string> flags;  // VmFlags, two letters each: "mg" mergeable, "sh", "hg" ...
  [[nodiscard]] bool has_flag(std::string_view flag) const;
};

struct SmapsRollup {
  std::uint64_t rss_bytes = 0;
  std::uint64_t pss_bytes = 0;
  std::uint64_t pss_anon_bytes = 0;
  std::uint64_t pss_file_bytes = 0;
  std::uint64_t pss_shmem_bytes = 0;
  std::uint64_t swap_bytes = 0;
  std::uint64_t swap_pss_bytes = 0;
  std::uint64_t anonymous_bytes = 0;
  std::uint64_t anon_huge_bytes = 0;
  std::optional<std::uint64_t> ksm_bytes;
};

struct ProcessStat {
  int pid = 0;
  std::string name;  // comm, parentheses inside it kept
  char state = '?';
  int parent = 0;
  int process_group = 0;
  int scheduling_policy = 0;  // sched(7): 1 SCHED_FIFO, 2 SCHED_RR, 6 SCHED_DEADLINE
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t user_ticks = 0;
  std::uint64_t system_ticks = 0;
  std::uint64_t start_ticks = 0;  // since boot: with the pid it names the process
  std::uint64_t rss_pages = 0;
};

struct ProcessStatus {
  std::string name;
  std::uint32_t uid = 0;  // real
  std::uint64_t vm_rss_bytes = 0;
  std::uint64_t vm_swap_bytes = 0;
  std::optional<std::uint64_t> own_rss_bytes;  // RssAnon and RssShmem: since Linux 4.5
  bool kernel_thread = false;  // "Kthread:" (6.8), else: no Vm lines, and not a zombie
};

// /proc/PID/ksm_stat; the file is absent before 6.1 and its lines differ by version: 6.1 has the
// first only, the last came with 6.15.
struct KsmStat {
  std::optional<std::uint64_t> rmap_items;
  std::optional<std::uint64_t> zero_pages;
  std::optional<std::uint64_t> merging_pages;
  std::optional<std::int64_t> process_profit_bytes;
  std::optional<bool> merge_any;  // prctl(PR_SET_MEMORY_MERGE)
  std::optional<bool> mergeable;  // some mapping is registered
};

// Pure parsers, for fixtures and fuzzing. `where` is for errors.
[[nodiscard]] Result<std::vector<Mapping>> parse_maps(std::string_view text,
                                                      std::string_view where);
[[nodiscard]] Result<std::vector<SmapsEntry>> parse_smaps(std::string_view text,
                                                          std::string_view where);
[[nodiscard]] Result<SmapsRollup> parse_smaps_rollup(std::string_view text, std::string_view where);
[[nodiscard]] Result<ProcessStat> parse_stat(std::string_view text, std::string_view where);
[[nodiscard]] Result<ProcessStatus> parse_status(std::string_view text, std::string_view where);
[[nodiscard]] KsmStat parse_ksm_stat(std::string_view text);
[[nodiscard]] Result<std::map<std::string, std::string>> parse_process_cgroups(
    std::string_view text, std::string_view where);

class Process {
 public:
  // `missing` if there is no such process, `gone` if it is a zombie.
  [[nodiscard]] static Result<Process> open(const Host& host, int pid);

  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] std::uint64_t start_ticks() const { return start_ticks_; }
  // `gone` if it exited or became a zombie since. An exec keeps pid and start time: callers that
  // care compare mappings.
  [[nodiscard]] Result<void> check_alive() const;

  [[nodiscard]] Result<std::vector<Mapping>> maps() const;
  [[nodiscard]] Result<std::vector<SmapsEntry>> smaps() const;
  [[nodiscard]] Result<SmapsRollup> smaps_rollup() const;
  [[nodiscard]] Result<ProcessStat> stat() const;
  [[nodiscard]] Result<ProcessStatus> status() const;
  [[nodiscard]] Result<KsmStat> ksm_stat() const;  // `missing` on kernels without it
  [[nodiscard]] Result<std::vector<std::string>> command_line() const;
  [[nodiscard]] Result<std::string> executable() const;  // link target of exe
  // Path in each hierarchy as in /proc/PID/cgroup: controller list ("" for v2) -> path.
  [[nodiscard]] Result<std::map<std::string, std::string>> cgroups() const;

  // A file of /proc/PID by name ("smaps"). `gone` once the process has exited, `missing` where this
  // kernel has no such file or the process, a kernel thread, has no memory; `denied` says what
  // helps.
  [[nodiscard]] Result<std::string> read_file(std::string_view name) const;
  [[nodiscard]] Result<Fd> open_file(std::string_view name, int flags) const;
  // "/proc/123/smaps", for errors.
  [[nodiscard]] std::string place(std::string_view name) const;
  // The error of a failed system call on one of this process's files: knows gone from missing.
  [[nodiscard]] Error failure(int errno_value, std::string_view tried, std::string_view name) const;

 private:
  Process() = default;
  [[nodiscard]] Result<ProcessStat> read_stat() const;

  std::string directory_name_;
  bool live_ = false;
  int pid_ = 0;
  std::uint64_t start_ticks_ = 0;
  Fd directory_;
};

// Pids of all processes (not threads), ascending.
[[nodiscard]] Result<std::vector<int>> list_pids(const Host& host);

}  // namespace brim::host
