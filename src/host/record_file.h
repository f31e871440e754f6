// SPDX-License-Identifier: Apache-2.0
#pragma once
// Records of what a brim holds of others or of the host, one JSON file each, for `brim restore` and
// brim's next start to find. Each names the brim it is of (pid and start time) and the boot.

#include "base/result.h"
#include "host/host.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace brim::host {

struct RecordOwner {
  std::string boot_id;
  int pid = 0;
  std::uint64_t start_ticks = 0;
};

// `object` and this process as its owner, fsync'ed, into `records`/`name`.json, which must be new;
// it appears whole, whenever brim is killed. Gives the file.
[[nodiscard]] Result<std::string> write_record_file(const Host& host, const std::string& records,
                                                    const std::string& name, nlohmann::json object);
void remove_record_file(const std::string& file);
// Nothing for what is no JSON object.
[[nodiscard]] std::optional<nlohmann::json> read_record_file(const std::string& file);
// Throws nlohmann's exceptions where it is not there.
[[nodiscard]] RecordOwner owner_in(const nlohmann::json& object);

[[nodiscard]] Result<std::string> boot_id_of(const Host& host);
// What is done about one record: a line to tell, if there is one. `boot_id`: this boot's.
using TendRecord =
    std::function<std::optional<std::string>(const std::string& boot_id, const std::string& file)>;
// Does it with each file in the folder, whosever it is, in the order of their names; gives the
// lines. Nothing on a host that is not live or whose boot can't be told, or without such a folder.
[[nodiscard]] std::vector<std::string> tend_records(const Host& host, const std::string& records,
                                                    const TendRecord& tend);

// Also where it can't be told: what it holds is to be left alone.
[[nodiscard]] bool owner_lives(const Host& host, const RecordOwner& owner);

}  // namespace brim::host
