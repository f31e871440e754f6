// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder of brim's own for what the programs of a run write: new, its maker's alone (0700), and
// gone with the object and all that is in it.
//
// Folders are named kRunFolderPrefix...; only such are ever removed. A record on disk names one
// before it is there, so that `brim restore` and brim's next start remove what a killed brim left,
// also after a reboot.

#include "base/result.h"
#include "host/host.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace brim::host {

inline constexpr std::string_view kRunFolderPrefix = "brim-run-";

class RunFolder {
 public:
  // In the folder `place`; one at a time of a process there. `records`: the folder of records.
  [[nodiscard]] static Result<RunFolder> create(const Host& host, const std::string& records,
                                                const std::string& place);
  // Nothing may write there any more.
  ~RunFolder();
  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // As the destructor, and says what is in the way.
  [[nodiscard]] Result<void> remove();

 private:
  RunFolder(std::string path, std::string record)
      : path_(std::move(path)), record_(std::move(record)) {}
  std::string path_;  // empty: moved away, or removed
  std::string record_;
  bool made_ = false;
};

// Removes what dead brims left. A line for each folder, and for what could not be.
[[nodiscard]] std::vector<std::string> remove_abandoned_folders(const Host& host,
                                                                const std::string& records);

}  // namespace brim::host
