// SPDX-License-Identifier: Apache-2.0
// To come from one set of holds to another, new holds are made before old ones are undone: nobody
// who is in both runs in between.
#include "host/held_tasks.h"

#include "host/hold_choice.h"
#include "host/process.h"
#include "host/process_advice.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::host {
namespace {

namespace fs = std::filesystem;

std::chrono::nanoseconds steady_time() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

Result<RecordOwner> this_owner(const Host& host) {
  RecordOwner owner;
  BRIM_TRY(owner.boot_id, boot_id_of(host));
  BRIM_TRY(const Process self, Process::open(host, ::getpid()));
  owner.pid = self.pid();
  owner.start_ticks = self.start_ticks();
  return owner;
}

// In the child. It keeps one descriptor besides those of its own making, so that no lock and no
// output of brim's lives on in it.
[[noreturn]] void wait_for_the_end(const Fd& reading, const std::string& records,
                                   const RecordOwner& owner) {
  ::setsid();
  const int waiting = ::fcntl(reading.get(), F_DUPFD, 3);
  const int nowhere = ::open("/dev/null", O_RDWR);
  if (::dup2(waiting, 0) < 0 || ::dup2(nowhere, 1) < 0 || ::dup2(nowhere, 2) < 0) ::_exit(1);
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  (void)::chdir("/");
  stay_in_memory();
  char nothing = 0;
  while (::read(0, &nothing, 1) < 0 && errno == EINTR) continue;
  if (const auto host = Host::open("/")) (void)let_go_abandoned_holds(*host, records, owner);
  ::_exit(0);
}

Result<Fd> lock_records(const std::string& records) {
  std::error_code error;
  fs::create_directories(records, error);
  if (error) return fail(errno_error(error.value(), "create the folder of records", records));
  const std::string path = records + "/lock";
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return fail(errno_error(errno, "open", path));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorCode::denied, "another brim holds tasks still; stop it first", path);
  return lock;
}

}  // namespace

Result<HoldWatchdog> HoldWatchdog::start(const Host& host, const std::string& records) {
  BRIM_TRY(const RecordOwner owner, this_owner(host));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno_error(errno, "pipe", ""));
  const Fd reading(ends[0]);
  Fd lifeline(ends[1]);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // What is meant for brim's group does not end it.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  const int why = errno;
  if (pid == 0) {
    lifeline.reset();  // or it would wait for itself
    wait_for_the_end(reading, records, owner);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return fail(errno_error(why, "fork", ""));
  return HoldWatchdog(pid, std::move(lifeline));
}

HoldWatchdog::HoldWatchdog(HoldWatchdog&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), lifeline_(std::move(other.lifeline_)) {}

HoldWatchdog& HoldWatchdog::operator=(HoldWatchdog&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(lifeline_, other.lifeline_);
  return *this;
}

HoldWatchdog::~HoldWatchdog() {
  lifeline_.reset();
  while (pid_ > 0 && ::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

bool HoldWatchdog::alive() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) != 0) pid_ = 0;
  return pid_ > 0;
}

HeldTasks::HeldTasks(const Host& host, std::string records, Fd lock, HoldWatchdog watchdog)
    : host_(&host),
      records_(std::move(records)),
      lock_(std::move(lock)),
      watchdog_(std::move(watchdog)),
      owner_(::getpid()) {}

Result<HeldTasks> HeldTasks::open(const Host& host, const std::string& records) {
  if (!host.live())
    return fail(ErrorCode::missing, "only the live machine's tasks can be held still", host.root());
  BRIM_TRY(Fd lock, lock_records(records));
  BRIM_TRY(HoldWatchdog watchdog, HoldWatchdog::start(host, records));
  stay_in_memory();
  return HeldTasks(host, records, std::move(lock), std::move(watchdog));
}

HeldTasks::~HeldTasks() {
  if (lock_ && owner_ == ::getpid()) (void)hold_exactly({});
}

Result<bool> HeldTasks::renew_watchdog() {
  if (watchdog_.alive()) return false;
  BRIM_TRY(watchdog_, HoldWatchdog::start(*host_, records_));
  return true;
}

// Since the longest of its processes is held, by whatever means.
std::chrono::nanoseconds HeldTasks::held_since(const Hold& hold) const {
  std::chrono::nanoseconds since = steady_time();
  for (const Kept& kept : kept_)
    for (const HeldProcess& one : hold.processes)
      if (std::binary_search(kept.hold.processes.begin(), kept.hold.processes.end(), one))
        since = std::min(since, kept.since);
  return since;
}

Result<void> HeldTasks::keep(const Hold& hold) {
  BRIM_TRY(const std::string record, write_hold_record(*host_, records_, hold, ++number_));
  const auto made = make_hold(*host_, hold);
  if (made && *made) {
    kept_.push_back({hold, record, held_since(hold)});
    return {};
  }
  remove_record_file(record);
  // It stood still already, or is no more.
  if (made || made.error().code == ErrorCode::gone) return {};
  return fail(made.error());
}

// The record goes last: until then a killed brim's successor knows of it.
Result<void> HeldTasks::let_go(const Kept& kept) const {
  BRIM_TRY(const bool stood, undo_hold(*host_, kept.hold));
  static_cast<void>(stood);
  remove_record_file(kept.record);
  return {};
}

bool HeldTasks::has(const Hold& hold) const {
  return std::any_of(kept_.begin(), kept_.end(),
                     [&](const Kept& kept) { return kept.hold == hold; });
}

// What its means can't do, a signal does; then those holds are the ones that count.
Result<std::vector<Hold>> HeldTasks::keep_somehow(const Hold& hold) {
  if (has(hold)) return std::vector<Hold>{hold};
  if (!refused_.contains(hold.place)) {
    const auto kept = keep(hold);
    if (kept) return std::vector<Hold>{hold};
    if (hold.means == HoldMeans::signal) return fail(kept.error());
    refused_.insert(hold.place);
  }
  std::vector<Hold> instead;
  for (const HeldProcess& one : hold.processes) {
    instead.push_back({HoldMeans::signal, {}, {one}});
    if (!has(instead.back())) BRIM_CHECK(keep(instead.back()));
  }
  return instead;
}

std::vector<Error> HeldTasks::hold_exactly(const std::vector<Wanted>& wanted) {
  std::vector<Error> problems;
  std::vector<Hold> holds;
  for (const Hold& hold : choose_holds(*host_, wanted)) {
    auto kept = keep_somehow(hold);
    if (!kept)
      problems.push_back(std::move(kept).error());
    else
      holds.insert(holds.end(), kept->begin(), kept->end());
  }
  std::vector<Kept> left;
  for (Kept& kept : kept_) {
    if (std::find(holds.begin(), holds.end(), kept.hold) == holds.end()) {
      auto went = let_go(kept);
      if (went) continue;
      problems.push_back(std::move(went).error());
    }
    left.push_back(std::move(kept));
  }
  kept_ = std::move(left);
  return problems;
}

std::vector<HeldTasks::Held> HeldTasks::held() const {
  std::vector<Held> all;
  for (const Kept& kept : kept_)
    for (const HeldProcess& one : kept.hold.processes)
      all.push_back({one, kept.since, kept.hold.means, kept.hold.place});
  std::sort(all.begin(), all.end(),
            [](const Held& a, const Held& b) { return a.process < b.process; });
  return all;
}

}  // namespace brim::host
