// SPDX-License-Identifier: Apache-2.0
#include "cli/state.h"

#include "base/json_text.h"
#include "base/printable.h"
#include "base/text.h"
#include "host/hold.h"
#include "host/journal.h"
#include "host/journal_directory.h"
#include "host/limited_group.h"
#include "host/process.h"
#include "host/run_folder.h"
#include "host/swap_area.h"
#include "lab/guest_record.h"
#include "lab/pause_record.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::cli {

namespace {

std::string line_of(const host::Restored& restored) {
  const std::string& path = restored.entry.path;
  switch (restored.outcome) {
    case host::RestoreOutcome::restored:
      return fmt::format("put {} back to '{}', which an interrupted run had changed", path,
                         restored.entry.old_value);
    case host::RestoreOutcome::left_changed_by_other:
      return fmt::format("left {} as it is, which an interrupted run had changed: {}", path,
                         restored.detail);
    case host::RestoreOutcome::dropped_other_boot:
      return fmt::format("forgot an interrupted run's change of {}: {}", path, restored.detail);
    case host::RestoreOutcome::failed:
      break;
  }
  return fmt::format("could not undo what an interrupted run left, see 'brim restore': {}: {}",
                     path, restored.detail);
}

// A folder of brim's state.
Result<std::string> beside_journal(const host::Host& host, std::string_view name) {
  BRIM_TRY(const std::string journal, journal_directory(host));
  return fmt::format("{}/{}", journal.substr(0, journal.rfind('/')), name);
}

std::vector<std::string> let_go_holds(const host::Host& host, const std::string& records) {
  return host::let_go_abandoned_holds(host, records, std::nullopt);
}

}  // namespace

Result<std::string> journal_directory(const host::Host& host) {
  const char* state = std::getenv("BRIM_STATE_DIR");
  const bool named = state != nullptr && *state != '\0';
  if (!named && !host.live())
    return fail(ErrorCode::bad_input,
                "the journal is that of the live machine; name another with $BRIM_STATE_DIR",
                "--root");
  return std::string(named ? state : "/var/lib/brim") + "/journal";
}

Result<std::string> guest_records_directory(const host::Host& host) {
  return beside_journal(host, "guests");
}

Result<std::string> pause_records_directory(const host::Host& host) {
  return beside_journal(host, "pauses");
}

Result<std::string> swap_records_directory(const host::Host& host) {
  return beside_journal(host, "swap");
}

Result<std::string> group_records_directory(const host::Host& host) {
  return beside_journal(host, "groups");
}

Result<std::string> folder_records_directory(const host::Host& host) {
  return beside_journal(host, "folders");
}

Result<std::string> hold_records_directory(const host::Host& host) {
  return beside_journal(host, "holds");
}

void clear_what_was_left(const host::Host& host) {
  using Undo = std::vector<std::string> (*)(const host::Host&, const std::string&);
  // Folders and swap last: who had them is gone with the groups.
  const std::pair<Result<std::string>, Undo> all[] = {
      {hold_records_directory(host), let_go_holds},
      {pause_records_directory(host), lab::let_abandoned_go_on},
      {guest_records_directory(host), lab::end_abandoned_guests},
      {group_records_directory(host), host::remove_abandoned_groups},
      {folder_records_directory(host), host::remove_abandoned_folders},
      {swap_records_directory(host), host::remove_abandoned_swap}};
  for (const auto& [records, undo] : all) {
    if (!records) continue;
    for (const std::string& line : undo(host, *records))
      fmt::print(stderr, "brim: {}\n", printable(line));
  }
}

void restore_what_was_left(const Session& session) {
  const auto host = host::Host::open(session.root);
  if (!host || !host->live()) return;  // a root that can't be opened is for the command to tell
  clear_what_was_left(*host);
  const auto directory = journal_directory(*host);
  if (!directory || !host::JournalDirectory::has_entries(*directory)) return;
  const auto report = [](const Error& error) {
    fmt::print(stderr, "brim: could not look at what an interrupted run left: {}\n",
               error_line(error));
  };
  auto journal = host::Journal::open(*host, *directory);
  if (!journal) return report(journal.error());
  const auto restored = journal->restore_abandoned();
  // A brim that is at work, as the daemon is for months: what it changes is its own to put back.
  if (!restored && restored.error().code == ErrorCode::denied) return;
  if (!restored) return report(restored.error());
  for (const host::Restored& one : *restored)
    fmt::print(stderr, "brim: {}\n", printable(line_of(one)));
}

Result<host::Host> open_host(const Session& session) {
  auto host = host::Host::open(session.root);
  if (!host) return fail(named_by_user(std::move(host).error()));
  return host;
}

study::RunOwner run_owner() {
  study::RunOwner owner;
  const auto host = host::Host::open("/");
  if (!host) return owner;
  owner.host_id = host->read_value("/etc/machine-id").value_or("");
  if (owner.host_id.empty())
    owner.host_id = host->read_value("/proc/sys/kernel/hostname").value_or("unknown");
  owner.boot_id = host->read_value("/proc/sys/kernel/random/boot_id").value_or("");
  const auto self = host::Process::open(*host, ::getpid());
  if (!self) return owner;
  owner.process = self->pid();
  owner.process_start_ticks = static_cast<std::int64_t>(self->start_ticks());
  return owner;
}

study::RunInfo run_beginning(const Session& session, std::string command,
                             const nlohmann::json& context) {
  study::RunInfo info;
  info.command = std::move(command);
  info.arguments = session.typed_command;
  info.started = std::chrono::system_clock::now();
  info.version = version_line();
  info.owner = run_owner();
  info.context_json = json_line(context);
  return info;
}

Result<study::Store> open_store(const Session& session) {
  BRIM_TRY(
      study::Store store,
      study::Store::open(session.store.empty() ? study::Store::default_location() : session.store));
  const study::RunOwner self = run_owner();
  const auto host = host::Host::open("/");
  if (!host || self.process == 0) return store;
  const auto alive = [&](const study::RunOwner& owner) {
    if (owner.boot_id != self.boot_id) return false;
    const auto process = host::Process::open(*host, static_cast<int>(owner.process));
    return process.has_value() &&
           static_cast<std::int64_t>(process->start_ticks()) == owner.process_start_ticks;
  };
  // What can't be marked now is marked when a store is opened next; the runs can be read all the
  // same.
  (void)store.mark_interrupted(self.host_id, alive);
  return store;
}

nlohmann::json context_json(const std::string& root) {
  const auto host = host::Host::open(root);
  if (!host) return nullptr;
  const auto context = host::read_context(*host);
  if (!context) return nullptr;
  return {{"hostname", context->hostname},
          {"kernel", context->kernel},
          {"cpu_model", context->cpu_model},
          {"processors", context->processors},
          {"governor", context->governor},
          {"load1", context->load1},
          {"memory_bytes", context->memory_bytes},
          {"swap_bytes", context->swap_bytes},
          {"thp", context->thp},
          {"boot_id", context->boot_id}};
}

Result<study::Run> load_run(const study::Store& store, const std::string& text) {
  if (text == "last") {
    BRIM_TRY(const std::optional<std::int64_t> newest, store.last_finished(run_owner().host_id));
    if (!newest) return fail(ErrorCode::missing, "the store has no finished runs yet");
    return store.load(*newest);
  }
  const auto number = parse_number(text);
  if (!number || *number > 0x7fffffffffffffffULL)
    return fail(ErrorCode::bad_input,
                fmt::format("'{}' is not a run; write a number from 'brim runs', or 'last'", text));
  auto run = store.load(static_cast<std::int64_t>(*number));
  if (!run) return fail(named_by_user(std::move(run).error()));
  return run;
}

}  // namespace brim::cli
