// SPDX-License-Identifier: Apache-2.0
#include "guard/share_reader.h"

#include "base/text.h"
#include "host/ksm.h"
#include "host/processor_times.h"
#include "host/qemu.h"
#include "host/system.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::guard {
namespace {

using share::tune::ShareSnapshot;
using share::tune::Subject;
using share::tune::Time;

// A process that is not mergeable may become so: young ones are asked at each look, others seldom.
constexpr std::uint32_t kYoungLooks = 10;
constexpr std::uint32_t kSeldom = 16;

// Only the files a kernel has; a file that can't be read is as one that is not there.
std::optional<std::uint64_t> number_at(const host::Host& host, std::string_view path) {
  const auto number = host.read_number(path);
  return number ? std::optional(*number) : std::nullopt;
}

void take_ksm(const host::Host& host, const host::Ksm& ksm, ShareSnapshot& snapshot) {
  auto& knobs = snapshot.knobs;
  knobs.run = ksm.run;
  knobs.pages_to_scan = ksm.pages_to_scan;
  knobs.sleep = std::chrono::milliseconds(ksm.sleep_millisecs);
  knobs.smart_scan = ksm.smart_scan;
  knobs.advisor_mode = ksm.advisor_mode;
  if (ksm.advisor_mode) {
    knobs.advisor_max_cpu = number_at(host, "/sys/kernel/mm/ksm/advisor_max_cpu");
    knobs.advisor_target_scan_time = number_at(host, "/sys/kernel/mm/ksm/advisor_target_scan_time");
  }
  auto& progress = snapshot.progress;
  progress.full_scans = ksm.full_scans;
  if (ksm.pages_scanned) progress.scanned = Pages(*ksm.pages_scanned);
  progress.sharing = Pages(ksm.pages_sharing);
  if (ksm.copies_on_write) progress.broken = Pages(*ksm.copies_on_write);
}

// Time on a processor in ns, or in ticks where the kernel has no schedstat.
std::optional<Time> cpu_of(const host::Host& host, int pid) {
  if (const auto text = host.read_file(fmt::format("/proc/{}/schedstat", pid)))
    if (const auto number = parse_number(text->substr(0, text->find(' '))))
      return Time(static_cast<std::int64_t>(*number));
  const std::string place = fmt::format("/proc/{}/stat", pid);
  const auto text = host.read_file(place);
  if (!text) return std::nullopt;
  const auto stat = host::parse_stat(*text, place);
  if (!stat) return std::nullopt;
  return host::processor_time_of(*stat);
}

}  // namespace

Result<ShareReader> ShareReader::open(const host::Host& host) {
  BRIM_TRY(const host::Ksm ksm, host::read_ksm(host));
  return ShareReader(host);
}

std::optional<ShareReader::Known> ShareReader::meet(int pid) {
  auto process = host::Process::open(host_, pid);
  if (!process) return std::nullopt;
  const auto stat = process->stat();
  if (!stat) return std::nullopt;
  if (stat->name == "ksmd" && stat->parent <= 2) ksmd_ = pid;
  Known known;
  known.name = stat->name;
  if (const auto arguments = process->command_line()) {
    if (const auto qemu = host::parse_qemu_arguments(*arguments)) {
      known.machine = true;
      known.asked = qemu->merge;
      known.shared_mapping = qemu->shared;
      known.name = qemu->name.value_or(fmt::format("qemu-{}", pid));
    }
  }
  known.process = std::move(*process);
  return known;
}

void ShareReader::meet_processes(const std::vector<int>& pids) {
  std::erase_if(processes_, [&pids](const auto& entry) {
    return !std::binary_search(pids.begin(), pids.end(), entry.first);
  });
  rival_.reset();
  for (const int pid : pids) {
    if (!processes_.contains(pid))
      if (auto known = meet(pid)) processes_.emplace(pid, std::move(*known));
    const auto known = processes_.find(pid);
    if (known != processes_.end() && known->second.name == "ksmtuned")
      rival_ = fmt::format("ksmtuned (pid {})", pid);
  }
}

bool ShareReader::read_process(int pid, Known& known, bool closely,
                               std::vector<Subject>& subjects) {
  const std::uint32_t look = known.looks++;
  if (!known.process) {
    if (look > kYoungLooks && look % kSeldom != 0) return true;
    auto again = meet(pid);  // the number may be another process's by now
    if (!again) return false;
    known = std::move(*again);
    known.looks = look + 1;
  }
  const auto ksm = known.process->ksm_stat();
  if (!ksm && ksm.error().code == ErrorCode::gone) return false;
  const bool registered =
      ksm && (ksm->mergeable.value_or(false) || ksm->merge_any.value_or(false) ||
              ksm->rmap_items.value_or(0) > 0);
  const bool told = ksm && ksm->mergeable.has_value();
  if (!registered && (told || !known.asked)) {
    known.process.reset();  // a host has more processes than a program may have files open
    return true;
  }
  const auto stat = known.process->stat();
  if (!stat) return stat.error().code != ErrorCode::gone;
  Subject subject;
  subject.pid = pid;
  subject.start_ticks = known.process->start_ticks();
  subject.name = known.name;
  subject.machine = known.machine;
  subject.shared_mapping = known.shared_mapping;
  subject.resident = bytes_of(Pages(stat->rss_pages));
  if (ksm) subject.merged = bytes_of(Pages(ksm->merging_pages.value_or(0)));
  if (closely) read_details(*known.process, subject);
  subjects.push_back(std::move(subject));
  return true;
}

void ShareReader::read_details(const host::Process& process, Subject& subject) {
  const auto rollup = process.smaps_rollup();
  if (!rollup) {
    if (rollup.error().code != ErrorCode::gone) problems_.push_back(rollup.error());
    return;
  }
  const Bytes anonymous(rollup->anonymous_bytes);
  const Bytes own_share(std::min(rollup->anonymous_bytes, rollup->pss_anon_bytes));
  subject.details = Subject::Details{anonymous, anonymous - own_share,
                                     Bytes(rollup->anon_huge_bytes), std::nullopt};
  if (rollup->ksm_bytes) subject.merged = Bytes(*rollup->ksm_bytes);
}

Time ShareReader::ksmd_cpu() const {
  return ksmd_ == 0 ? Time(0) : cpu_of(host_, ksmd_).value_or(Time(0));
}

Result<ShareSnapshot> ShareReader::take(bool closely) {
  problems_.clear();
  ShareSnapshot snapshot;
  BRIM_TRY(const host::Ksm ksm, host::read_ksm(host_));
  BRIM_TRY(const host::MemoryInfo memory, host::read_memory_info(host_));
  BRIM_TRY(const std::vector<int> pids, host::list_pids(host_));
  snapshot.memory = Bytes(memory.total_bytes);
  snapshot.available = Bytes(memory.available_bytes);
  if (const auto pressure = host::read_pressure(host_, "/proc/pressure/memory"))
    snapshot.pressure_percent = pressure->some.avg10;
  meet_processes(pids);
  take_ksm(host_, ksm, snapshot);
  snapshot.progress.ksmd_cpu = ksmd_cpu();
  for (auto entry = processes_.begin(); entry != processes_.end();)
    entry = read_process(entry->first, entry->second, closely, snapshot.subjects)
                ? std::next(entry)
                : processes_.erase(entry);
  return snapshot;
}

Result<ShareSnapshot> ShareReader::look() { return take(false); }

Result<ShareSnapshot> ShareReader::look_closely() { return take(true); }

}  // namespace brim::guard
