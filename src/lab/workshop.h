// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a step of `brim lab prepare` works: a folder, and programs run there whose output goes to a
// log; of what fails, the log's last line is told.

#include "base/result.h"

#include <chrono>
#include <string>
#include <vector>

namespace brim::lab {

class Workshop {
 public:
  explicit Workshop(std::string directory) : directory_(std::move(directory)) {}

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }

  // Runs a program in the folder and gives what it prints. `io` with its last words where it fails.
  [[nodiscard]] Result<std::string> run(const std::vector<std::string>& arguments,
                                        std::chrono::milliseconds timeout) const;

 private:
  std::string directory_;
};

// Whether a program of this name is on PATH.
[[nodiscard]] bool on_path(const std::string& program);
// Debian leaves out depmod's and mkfs.ext4's folders for users other than root. For the whole
// process; before it has threads.
void add_system_programs_to_path();

}  // namespace brim::lab
