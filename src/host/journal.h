// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whatever brim changes on a host is first written here and put back on every exit, kill -9
// included: by the Change's destructor, by `brim restore`, and at brim's next start.
//
// One writer per host: a lock on the journal directory's file `lock` (flock); a second brim that
// wants to change something gets `denied`, naming the pid that holds it.
// Entry: boot id, pid and its start time, path, old value, new value; JSON, one file a change,
// fsync'ed (file and directory) before the value is written. Entries of another boot are dropped
// without writing: the kernel forgot the change too. Restore writes the old value only where the
// present value is still the one brim wrote (the kernel's own spelling of it is read back and kept);
// an admin's later change stays, and is reported. A full disk stops the change, not the restore:
// restoring needs no space.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "host/host.h"

namespace brim::host {

struct JournalEntry {
  std::string path;       // on the host
  std::string old_value;
  std::string new_value;  // as read back after writing
  std::string boot_id;
  int pid = 0;
  std::uint64_t start_ticks = 0;
};

enum class RestoreOutcome { restored, left_changed_by_other, dropped_other_boot, failed };
struct Restored {
  JournalEntry entry;
  RestoreOutcome outcome = RestoreOutcome::restored;
  std::string detail;
};

class Journal {
 public:
  // `directory` is a path of the machine brim runs on (default of the program: /var/lib/brim/journal;
  // $BRIM_STATE_DIR/journal in tests); created if need be.
  [[nodiscard]] static Result<Journal> open(const Host& host, const std::string& directory);

  // Takes the writer lock, records, writes, reads back. The old values are put back by restore_own()
  // or the destructor, last change first.
  [[nodiscard]] Result<void> change(std::string_view path, std::string_view new_value);
  [[nodiscard]] std::vector<Restored> restore_own();
  ~Journal();
  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) noexcept;

  // Puts back what interrupted runs left: entries whose process is no longer alive (pid and start
  // time). Takes the lock.
  [[nodiscard]] Result<std::vector<Restored>> restore_abandoned();
  // Entries on disk, without changing anything.
  [[nodiscard]] Result<std::vector<JournalEntry>> entries() const;

 private:
  Journal();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace brim::host
