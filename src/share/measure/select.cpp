// SPDX-License-Identifier: Apache-2.0
#include "share/measure/select.h"

#include "base/text.h"
#include "host/ksm.h"
#include "host/process.h"
#include "host/system.h"
#include "share/measure/image_subject.h"
#include "share/measure/process_subject.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>
#include <unistd.h>

namespace brim::share {
namespace {

std::string_view more_permission() {
  return ::geteuid() == 0 ? "not even root may here: CAP_SYS_PTRACE was taken away, or they have "
                            "capabilities or "
                            "a user namespace that brim has not"
                          : "run as root or with CAP_SYS_PTRACE";
}

// What tells processes apart before they are opened.
struct Candidate {
  int pid = 0;
  std::string name;  // comm
  std::uint64_t rss_pages = 0;
};

// User processes other than this one; those that exit while being listed are left out.
Result<std::vector<Candidate>> list_candidates(const host::Host& host) {
  BRIM_TRY(const std::vector<int> pids, host::list_pids(host));
  std::vector<Candidate> candidates;
  for (const int pid : pids) {
    if (pid == ::getpid()) continue;
    const auto process = host::Process::open(host, pid);
    if (!process) continue;
    auto stat = process->stat();
    // Kernel threads and zombies have no resident memory.
    if (!stat || stat->rss_pages == 0) continue;
    candidates.push_back({.pid = pid, .name = std::move(stat->name), .rss_pages = stat->rss_pages});
  }
  return candidates;
}

template <class T>
Result<void> check_option(std::string_view option, std::span<const T> values) {
  for (auto value = values.begin(); value != values.end(); ++value) {
    if (std::find(values.begin(), value, *value) == value) continue;
    return fail(ErrorCode::bad_input, fmt::format("{} {} is given twice", option, *value));
  }
  return {};
}

class Selector {
 public:
  Selector(const host::Host& host, const Selection& selection) : host_(host), asked_(selection) {}

  Result<Selected> select(std::chrono::milliseconds qmp_timeout, const Cancel& cancel);

 private:
  struct Wish {
    int pid = 0;
    bool must_be_there = false;                     // --pid
    const host::VirtualMachine* machine = nullptr;  // as a VM
  };

  Result<void> discover(std::chrono::milliseconds qmp_timeout);
  Result<void> wish_for_name(const std::string& pattern);
  Result<void> wish_for_cgroup(const std::string& cgroup);
  Result<void> wish_for_default();
  void wish(Wish wanted);
  void wish_for_all_machines();
  [[nodiscard]] const host::VirtualMachine* machine_of(int pid) const;
  [[nodiscard]] Error no_such_name(const std::string& pattern,
                                   std::span<const Candidate> candidates) const;
  Result<void> open_wishes();
  void warn_of(const Wish& wanted);
  void warn_of_ksm();

  const host::Host& host_;
  const Selection& asked_;
  host::Discovery discovery_;
  std::vector<Wish> wishes_;
  Selected selected_;
};

Result<void> Selector::discover(std::chrono::milliseconds qmp_timeout) {
  const bool needed =
      asked_.vms || asked_.empty() || !asked_.names.empty() || !asked_.cgroups.empty();
  if (!needed) return {};
  BRIM_TRY(discovery_, host::discover_virtual_machines(host_, qmp_timeout));
  for (const Error& problem : discovery_.problems) {
    selected_.warnings.push_back(error_line(problem));
  }
  return {};
}

const host::VirtualMachine* Selector::machine_of(int pid) const {
  const auto found =
      std::find_if(discovery_.machines.begin(), discovery_.machines.end(),
                   [pid](const host::VirtualMachine& machine) { return machine.pid == pid; });
  return found == discovery_.machines.end() ? nullptr : &*found;
}

void Selector::wish(Wish wanted) {
  if (wanted.pid == ::getpid() && !wanted.must_be_there) return;
  for (Wish& earlier : wishes_) {
    if (earlier.pid != wanted.pid) continue;
    earlier.must_be_there = earlier.must_be_there || wanted.must_be_there;
    if (earlier.machine == nullptr) earlier.machine = wanted.machine;
    return;
  }
  wishes_.push_back(wanted);
}

void Selector::wish_for_all_machines() {
  for (const host::VirtualMachine& machine : discovery_.machines) {
    wish({.pid = machine.pid, .must_be_there = false, .machine = &machine});
  }
}

Error Selector::no_such_name(const std::string& pattern,
                             std::span<const Candidate> candidates) const {
  std::vector<std::string> known;
  known.reserve(discovery_.machines.size() + candidates.size());
  for (const host::VirtualMachine& machine : discovery_.machines) known.push_back(machine.name);
  for (const Candidate& candidate : candidates) known.push_back(candidate.name);
  const auto nearest = nearest_word(pattern, known);
  return {ErrorCode::bad_input,
          fmt::format("no VM and no process is called that{}",
                      nearest ? fmt::format("; did you mean {}?", *nearest) : std::string()),
          fmt::format("--name {}", pattern)};
}

Result<void> Selector::wish_for_name(const std::string& pattern) {
  bool found = false;
  for (const host::VirtualMachine& machine : discovery_.machines) {
    if (!matches_name(machine.name, pattern)) continue;
    wish({.pid = machine.pid, .must_be_there = false, .machine = &machine});
    found = true;
  }
  if (found) return {};
  BRIM_TRY(const std::vector<Candidate> candidates, list_candidates(host_));
  for (const Candidate& candidate : candidates) {
    if (!matches_name(candidate.name, pattern)) continue;
    wish({.pid = candidate.pid, .must_be_there = false, .machine = nullptr});
    found = true;
  }
  if (!found) return fail(no_such_name(pattern, candidates));
  return {};
}

Result<void> Selector::wish_for_cgroup(const std::string& cgroup) {
  BRIM_TRY(const std::vector<int> pids, host::pids_in_cgroup(host_, cgroup));
  if (pids.empty()) {
    return fail(ErrorCode::bad_input, "there is no process in it",
                fmt::format("--cgroup {}", cgroup));
  }
  for (const int pid : pids) {
    wish({.pid = pid, .must_be_there = false, .machine = machine_of(pid)});
  }
  return {};
}

Result<void> Selector::wish_for_default() {
  if (!discovery_.machines.empty()) {
    wish_for_all_machines();
    return {};
  }
  BRIM_TRY(std::vector<Candidate> candidates, list_candidates(host_));
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return a.rss_pages > b.rss_pages; });
  candidates.resize(std::min(candidates.size(), kLargest));
  for (const Candidate& candidate : candidates) {
    wish({.pid = candidate.pid, .must_be_there = false, .machine = nullptr});
  }
  return {};
}

void Selector::warn_of(const Wish& wanted) {
  if (wanted.machine == nullptr) return;
  for (std::string& warning : vm_warnings(*wanted.machine)) {
    selected_.warnings.push_back(std::move(warning));
  }
}

void Selector::warn_of_ksm() {
  const bool live =
      std::any_of(selected_.subjects.begin(), selected_.subjects.end(),
                  [](const auto& subject) { return subject->kind() != SubjectKind::image; });
  if (!live) return;
  const auto ksm = host::read_ksm(host_);
  if (!ksm) {
    selected_.warnings.push_back(ksm.error().code == ErrorCode::missing
                                     ? "this kernel has no KSM: nothing is merged"
                                     : error_line(ksm.error()));
    return;
  }
  if (ksm->run == 1) return;
  selected_.warnings.push_back(
      fmt::format("KSM is off (/sys/kernel/mm/ksm/run is {}): nothing merges now", ksm->run));
}

Result<void> Selector::open_wishes() {
  std::optional<Error> last_refusal;
  std::size_t denied = 0;
  for (const Wish& wanted : wishes_) {
    auto subject = wanted.machine != nullptr ? open_vm_subject(host_, *wanted.machine)
                                             : open_process_subject(host_, wanted.pid);
    if (subject) {
      warn_of(wanted);
      selected_.subjects.push_back(std::move(*subject));
      continue;
    }
    if (wanted.must_be_there) return fail(named_by_user(std::move(subject).error()));
    if (wanted.machine != nullptr && wanted.machine->ram.empty() && !discovery_.problems.empty()) {
      last_refusal = discovery_.problems.front();  // all of them are among the warnings already
      continue;
    }
    last_refusal = std::move(subject).error();
    if (last_refusal->code == ErrorCode::denied) {
      ++denied;
    } else if (last_refusal->code != ErrorCode::bad_input) {  // a group's kernel threads
      selected_.warnings.push_back("left out: " + error_line(*last_refusal));
    }
  }
  if (denied > 0) {
    const std::string line = fmt::format("{} of {} processes may not be read: {}", denied,
                                         wishes_.size(), more_permission());
    if (selected_.subjects.empty()) return fail(ErrorCode::denied, line);
    selected_.warnings.push_back("left out: " + line);
  }
  if (selected_.subjects.empty() && last_refusal) return fail(std::move(*last_refusal));
  return {};
}

Result<Selected> Selector::select(std::chrono::milliseconds qmp_timeout, const Cancel& cancel) {
  BRIM_CHECK(check_repeats(asked_));
  BRIM_CHECK(discover(qmp_timeout));
  if (asked_.vms) {
    if (discovery_.machines.empty()) {
      return fail(ErrorCode::missing, "there is no QEMU virtual machine that this user can see",
                  "--vms");
    }
    wish_for_all_machines();
  }
  for (const int pid : asked_.pids) {
    wish({.pid = pid, .must_be_there = true, .machine = nullptr});
  }
  for (const std::string& name : asked_.names) BRIM_CHECK(wish_for_name(name));
  for (const std::string& cgroup : asked_.cgroups) BRIM_CHECK(wish_for_cgroup(cgroup));
  if (asked_.empty()) BRIM_CHECK(wish_for_default());
  BRIM_CHECK(open_wishes());
  if (!asked_.images.empty()) {
    BRIM_TRY(auto images, open_image_subjects(asked_.images, cancel));
    for (const auto& image : images)
      for (std::string& note : image->notes()) selected_.warnings.push_back(std::move(note));
    std::move(images.begin(), images.end(), std::back_inserter(selected_.subjects));
  }
  if (selected_.subjects.empty()) {
    return fail(ErrorCode::missing, "there is nothing to scan: no process but this one");
  }
  warn_of_ksm();
  return std::move(selected_);
}

}  // namespace

Result<void> check_repeats(const Selection& selection) {
  BRIM_CHECK(check_option<int>("--pid", selection.pids));
  BRIM_CHECK(check_option<std::string>("--name", selection.names));
  BRIM_CHECK(check_option<std::string>("--cgroup", selection.cgroups));
  BRIM_CHECK(check_option<std::string>("--image", selection.images));
  return {};
}

bool matches_name(std::string_view name, const std::string& pattern) {
  return ::fnmatch(pattern.c_str(), std::string(name).c_str(), 0) == 0;
}

std::vector<std::string> vm_warnings(const host::VirtualMachine& machine) {
  std::vector<std::string> warnings;
  const auto shared = std::count_if(machine.ram.begin(), machine.ram.end(),
                                    [](const host::GuestRam& ram) { return ram.shared; });
  if (shared > 0) {
    warnings.push_back(fmt::format(
        "VM {}: {} is shared with other processes (share=on, as virtiofs and vhost-user need it), "
        "and KSM never merges such memory",
        machine.name,
        shared == static_cast<std::ptrdiff_t>(machine.ram.size()) ? "its memory"
                                                                  : "part of its memory"));
  }
  if (!machine.merge_requested) {
    warnings.push_back(
        fmt::format("VM {}: it was started with merging switched off (mem-merge=off or merge=off)",
                    machine.name));
  }
  return warnings;
}

Result<Selected> select_subjects(const host::Host& host, const Selection& selection,
                                 std::chrono::milliseconds qmp_timeout, const Cancel& cancel) {
  return Selector(host, selection).select(qmp_timeout, cancel);
}

}  // namespace brim::share
