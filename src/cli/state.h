// SPDX-License-Identifier: Apache-2.0
#pragma once
// brim's own state on the machine: the store, the journal, and the record of a run.

#include "base/result.h"
#include "cli/session.h"
#include "host/host.h"
#include "host/system.h"
#include "study/store.h"

#include <string>

#include <nlohmann/json.hpp>

namespace brim::cli {

// The journal of what brim changed on the host: in $BRIM_STATE_DIR, else in /var/lib/brim. The
// latter is the live machine's: for another --root, $BRIM_STATE_DIR must be set (bad_input).
[[nodiscard]] Result<std::string> journal_directory(const host::Host& host);

// Where running lab guests are recorded: beside the journal.
[[nodiscard]] Result<std::string> guest_records_directory(const host::Host& host);

// Where paused machines of others are recorded.
[[nodiscard]] Result<std::string> pause_records_directory(const host::Host& host);

// Where swap areas of brim's own are recorded, and its cgroups for benchmarks.
[[nodiscard]] Result<std::string> swap_records_directory(const host::Host& host);
[[nodiscard]] Result<std::string> group_records_directory(const host::Host& host);

// Where folders are recorded that programs of a run write to.
[[nodiscard]] Result<std::string> folder_records_directory(const host::Host& host);

// Where it is recorded what the thrash guard holds still.
[[nodiscard]] Result<std::string> hold_records_directory(const host::Host& host);

// Lets go on what killed runs paused, and ends or removes what they left: lab guests, cgroups,
// folders, swap areas (which can take as long as reading back what is in them). Tells each on
// standard error.
void clear_what_was_left(const host::Host& host);

// Undoes what an interrupted run changed on the live machine, if the journal holds anything; tells
// each outcome on standard error. Nothing where --root is another file tree.
void restore_what_was_left(const Session& session);

// The host at --root.
[[nodiscard]] Result<host::Host> open_host(const Session& session);

// The store, with runs of this host whose process is no more marked as interrupted.
[[nodiscard]] Result<study::Store> open_store(const Session& session);

// This process, as the owner of a run. Always of the live machine, whatever --root says.
[[nodiscard]] study::RunOwner run_owner();

// A run of this command that begins now: what was typed, when, by which brim and which process.
// `context`: of the machine. What it is a run of, the caller adds.
[[nodiscard]] study::RunInfo run_beginning(const Session& session, std::string command,
                                           const nlohmann::json& context);

// The machine a run was made on, as JSON; null where it can't be read.
[[nodiscard]] nlohmann::json context_json(const std::string& root);

// A run number as typed: "12", or "last" for this host's last one that finished (the last of
// any host where it has none).
[[nodiscard]] Result<study::Run> load_run(const study::Store& store, const std::string& text);

}  // namespace brim::cli
