// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where runs are kept: a SQLite file, or with the same schema a PostgreSQL database
// ("postgresql://…"). Crash-safe: a killed run leaves a store that opens, its status `running`
// shown as interrupted once its process is gone. `schema_version` and migrations in order; a store
// of a newer brim is refused with a line that says so.
//
// Not thread-safe; several processes may use one store at once (SQLite: WAL, busy timeout).

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "study/run.h"

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
  // In one transaction. A metric that is not in the table is a bug (assertion).
  [[nodiscard]] Result<void> add(std::int64_t run, std::span<const Sample> samples);
  [[nodiscard]] Result<void> finish(std::int64_t run, RunStatus status,
                                    const std::string& result_json);

  // Newest first; `limit` 0: all.
  [[nodiscard]] Result<std::vector<RunInfo>> list(std::size_t limit) const;
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
