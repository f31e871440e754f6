// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where runs are kept: a SQLite file, or with the same schema a PostgreSQL database
// ("postgresql://…"). Crash-safe: a killed run leaves a store that opens, with every add() that
// returned in it and none in part; its status stays `running` until mark_interrupted() finds that
// its process is gone. `schema_version` and migrations in order (store_schema.h); a store of a
// newer brim is refused with a line that says so.
//
// Numbers come back bit for bit (but -0 as 0). Text that is not UTF-8 is kept with U+FFFD in place
// of the broken bytes, as PostgreSQL and JSON demand.
//
// Not thread-safe; several processes may use one store at once (SQLite: WAL, a busy timeout of 10
// s). LIMIT: SQLite's WAL needs a local file system; on a network one use PostgreSQL.

#include "base/result.h"
#include "study/run.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace brim::study {

class Store {
 public:
  // Creates the file and its directory if need be (mode 0700: results tell about a host).
  [[nodiscard]] static Result<Store> open(const std::string& location);
  // $BRIM_STORE, else /var/lib/brim/brim.sqlite for root, else
  // ${XDG_STATE_HOME:-~/.local/state}/brim/brim.sqlite.
  [[nodiscard]] static std::string default_location();

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // Gives the run its id.
  [[nodiscard]] Result<std::int64_t> begin(const RunInfo& info);
  // In one transaction. A metric that is not in the table, or a value that is not finite, is a bug
  // (assertion). `gone` if the run is not in the store any more.
  [[nodiscard]] Result<void> add(std::int64_t run, std::span<const Sample> samples);
  // Once a run; `status` is not `running`. `gone` if the run is not in the store, or has finished.
  [[nodiscard]] Result<void> finish(std::int64_t run, RunStatus status,
                                    const std::string& result_json);
  // A run that has ended, but not as complete, is running again, by this process; its samples stay.
  // `bad_input` for a complete run or one at work, `gone` if there is none.
  [[nodiscard]] Result<void> reopen(std::int64_t run, const RunOwner& owner);
  // Runs of this host (RunOwner::host_id) that are `running` though `alive` says that their process
  // is not become `interrupted`; returns how many. Runs that don't tell their process are left.
  using Alive = std::function<bool(const RunOwner& owner)>;
  [[nodiscard]] Result<std::size_t> mark_interrupted(const std::string& host_id,
                                                     const Alive& alive);

  // Newest first; `limit` 0: all.
  [[nodiscard]] Result<std::vector<RunInfo>> list(std::size_t limit) const;
  // Of this host's newest run that ended by itself or was stopped, whatever it came to; of any
  // host's where this one has none.
  [[nodiscard]] Result<std::optional<std::int64_t>> last_finished(const std::string& host_id) const;
  // `missing` (with the nearest: "runs are 1 to 12") if there is none.
  [[nodiscard]] Result<Run> load(std::int64_t run) const;
  // Retention: removes all but the newest `keep` finished runs; returns how many went.
  [[nodiscard]] Result<std::size_t> prune(std::size_t keep);

 private:
  Store();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace brim::study
