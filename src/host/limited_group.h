// SPDX-License-Identifier: Apache-2.0
#pragma once
// A cgroup of brim's own for what a benchmark runs: a hard limit of memory with swap on top of it,
// freezing and thawing, and what the kernel tells of it (group_reading.h), in any layout
// (group_layout.h). A hard limit is the one cause of thrashing that can be had
// on every host.
//
// Folders are named kLimitedGroupPrefix...; only such are ever removed. A record on disk names them
// before they are there, so that `brim restore` and brim's next start end what a killed brim left
// in them, and remove them.

#include "base/result.h"
#include "base/units.h"
#include "host/group_layout.h"
#include "host/group_reading.h"
#include "host/host.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

inline constexpr std::string_view kLimitedGroupPrefix = "brim-group-";

struct GroupLimits {
  Bytes memory;
  std::optional<Bytes> swap;  // on top of memory; nothing: as much as there is
};

class LimitedGroup {
 public:
  // `name` is what follows the prefix, new on this host. `records`: the folder of records. `host`
  // must outlive the group. `missing` with the reason where memory can't be limited; after an error
  // nothing is left.
  [[nodiscard]] static Result<LimitedGroup> create(const Host& host, const std::string& records,
                                                   const std::string& name,
                                                   const GroupLimits& limits);
  // Kills what runs in it, and removes it. Not in a forked copy of the process that made it.
  ~LimitedGroup();
  LimitedGroup(LimitedGroup&& other) noexcept;
  LimitedGroup& operator=(LimitedGroup&&) = delete;

  // Moves a process in, 0: this one. What it has in memory already stays charged to where it was,
  // so a consumer comes in before it allocates.
  [[nodiscard]] Result<void> add(int pid) const;

  // Comes back when nothing in it runs, or everything may again. A process that waits for the disk
  // is frozen when it has what it waits for. After an error of freeze() the group is asked to go
  // on.
  [[nodiscard]] Result<void> freeze(std::chrono::milliseconds timeout) const;
  [[nodiscard]] Result<void> thaw(std::chrono::milliseconds timeout) const;

  // Also what is frozen. Comes back when nothing is left in it.
  [[nodiscard]] Result<void> kill_all() const;

  // As the destructor, and says what is in the way.
  [[nodiscard]] Result<void> remove();

  [[nodiscard]] GroupReading read() const { return read_group(*host_, places_); }
  [[nodiscard]] const GroupPlaces& places() const { return places_; }

 private:
  LimitedGroup(const Host& host, GroupPlaces places, std::string record);
  [[nodiscard]] Result<void> make_folders();
  [[nodiscard]] Result<void> set_frozen(bool frozen, std::chrono::milliseconds timeout) const;

  const Host* host_;  // null: moved away, or removed
  GroupPlaces places_;
  std::vector<std::string> made_;  // of its folders
  std::string record_;
};

// Ends and removes what dead brims left. A line for each group, and for what could not be.
[[nodiscard]] std::vector<std::string> remove_abandoned_groups(const Host& host,
                                                               const std::string& records);

}  // namespace brim::host
