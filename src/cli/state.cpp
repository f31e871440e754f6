// SPDX-License-Identifier: Apache-2.0
#include "cli/state.h"

#include "base/text.h"
#include "host/journal.h"
#include "host/process.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::cli {

std::string journal_directory() {
  const char* state = std::getenv("BRIM_STATE_DIR");
  return std::string(state != nullptr && *state != '\0' ? state : "/var/lib/brim") + "/journal";
}

void restore_what_was_left(const Session& session) {
  std::error_code ignored;
  const std::string directory = journal_directory();
  bool anything = false;
  for (const auto& file : std::filesystem::directory_iterator(directory, ignored))
    anything = anything || file.path().extension() == ".json";
  if (!anything) return;
  const auto report = [](const Error& error) {
    fmt::print(stderr, "brim: an interrupted run left changes: {}; see 'brim restore'\n",
               error_line(error));
  };
  auto host = host::Host::open(session.root);
  if (!host) return report(host.error());
  auto journal = host::Journal::open(*host, directory);
  if (!journal) return report(journal.error());
  auto restored = journal->restore_abandoned();
  if (!restored) return report(restored.error());
  for (const host::Restored& one : *restored)
    fmt::print(stderr, "brim: undid what an interrupted run left: {} {}\n", one.entry.path,
               one.detail);
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
  // A store that can't be written (read-only) still lists its runs.
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
    BRIM_TRY(const std::vector<study::RunInfo> newest, store.list(1));
    if (newest.empty()) return fail(ErrorCode::missing, "the store has no runs yet");
    return store.load(newest.front().id);
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
