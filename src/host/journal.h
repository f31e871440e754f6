// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whatever brim changes on a host is first written here and put back on every exit, kill -9
// included: by the Change's destructor, by `brim restore`, and at brim's next start.
//
// One writer per host: a lock on the journal directory's file `lock` (flock); a second brim that
// wants to change something gets `denied`, naming the pid that holds it.
// Entry: root and boot id of the host, pid and its start time, path, old value, new value; JSON,
// one file a change, fsync'ed (file and directory) before the value is written. Entries of another
// boot are dropped without writing: the kernel forgot the change too. Restore writes the old value
// only where the present value is still the one brim wrote (the kernel's own spelling of it is read
// back and kept); an admin's later change stays, and is reported. A full disk stops the change, not
// the restore: restoring needs no space.
//
// Values are single lines of at most kMaximumValue bytes. Two spellings are the same value where
// the kernel would take them so: "16" and "0x10", "Y" and "1", "scan-time" and "none [scan-time]".
// Of a path changed twice the first old value is kept, unless somebody else changed it in between:
// then theirs is.
//
// One directory may hold entries of several hosts (`--root`). Those of another root than this
// journal's host are not shown, put back or dropped here: neither its values nor its boot id are
// theirs.
//
// The journal directory belongs to the user brim runs as, and nobody else can write it: whoever
// could, could make brim write values of his choosing.
//
// LIMIT: a run killed between writing a value and recording how the kernel spells it (rounded to
// pages, clamped) leaves a value that is neither the old one nor the one asked for; it is left and
// reported, because an admin may have set it.

#include "base/fd.h"
#include "base/result.h"
#include "host/host.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

struct JournalEntry {
  std::string path;         // on the host
  std::string old_value;    // before brim's first change of it after anybody else's
  std::string asked_value;  // what brim wrote, or was about to write
  std::string new_value;  // as read back after writing; of the change before, while one is pending;
                          // empty before the first was read back
  std::string boot_id;
  int pid = 0;
  std::uint64_t start_ticks = 0;  // of pid: together they name the run
  std::string root = "/";         // of the host the path is on, without links
};

enum class RestoreOutcome { restored, left_changed_by_other, dropped_other_boot, failed };
[[nodiscard]] std::string_view name_of(RestoreOutcome outcome);
struct Restored {
  JournalEntry entry;  // of a file that is no entry: only `path`, the file's own
  RestoreOutcome outcome = RestoreOutcome::restored;
  std::string detail;
};

// The moments of a change, for tests that kill the process there.
enum class JournalStep {
  before_entry,
  entry_written,
  value_written,
  spelling_recorded,
  value_restored
};
using JournalHook = std::function<void(JournalStep)>;

class Journal {
 public:
  // `directory` is a path of the machine brim runs on (default of the program:
  // /var/lib/brim/journal; $BRIM_STATE_DIR/journal in tests); created if need be. `host` must
  // outlive the journal.
  [[nodiscard]] static Result<Journal> open(const Host& host, const std::string& directory);
  [[nodiscard]] static Result<Journal> open(const Host& host, const std::string& directory,
                                            JournalHook hook);

  // Takes the writer lock, records, writes, reads back. The old values are put back by
  // restore_own() or the destructor, last change first. Nothing is done where the value is that
  // already. Refused (`denied`) while another brim holds the lock, or while an interrupted run's
  // change of the same path has not been put back. After an error the value is what it was, or
  // restore_own() tries again.
  [[nodiscard]] Result<void> change(std::string_view path, std::string_view new_value);
  // Puts back and forgets what this object changed; releases the lock. What failed is tried again
  // by the destructor, and by restore_abandoned() of a later run.
  [[nodiscard]] std::vector<Restored> restore_own();
  // Not in a forked copy of the process that made the changes.
  ~Journal();
  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) noexcept;

  // Puts back what interrupted runs left: entries whose process is no longer alive (pid and start
  // time). Takes the lock. Files in the directory that are no entries are reported as failed and
  // left where they are.
  [[nodiscard]] Result<std::vector<Restored>> restore_abandoned();
  // Entries on disk, oldest first, without changing anything; files that are no entries are not
  // told here.
  [[nodiscard]] Result<std::vector<JournalEntry>> entries() const;

 private:
  Journal();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace brim::host
