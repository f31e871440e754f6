// SPDX-License-Identifier: Apache-2.0
#pragma once
// A machine with cgroups of version 2 alone, whatever the host's layout, that may be filled and
// thrown away: a guest of the lab with Linux 6.12, one processor and 384 MiB, and in it brim as it
// was built. brim, its agent, the programs it starts and the libraries they are linked to lie on a
// disk of their own at /w, which has room for swap.
//
// The emulator's processor is many times slower than the host's: looking at it takes a part of it.

#include "base/result.h"
#include "lab.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace brim::live {

class V2Guest {
 public:
  struct Contents {
    std::filesystem::path brim;  // its agent lies beside it
    std::string_view scenario;   // to be /w/study.toml
  };
  // Comes back once it can be asked. `missing` where this host lacks something for it.
  [[nodiscard]] static Result<V2Guest> start(const Contents& contents);

  // Whether the host had systemd-oomd to give, on PATH or installed.
  [[nodiscard]] bool has_oomd() const { return has_oomd_; }
  // Output and errors of a shell script in it.
  [[nodiscard]] Result<std::string> run(const std::string& script,
                                        std::chrono::seconds timeout = std::chrono::seconds(60));
  // A program that goes on in it. Its output, errors and pid are files at /w, of this name, and its
  // exit status once it has ended.
  [[nodiscard]] Result<void> start_program(const std::string& name, const std::string& command);
  // Nothing while it runs.
  [[nodiscard]] Result<std::optional<int>> status_of(const std::string& name);
  [[nodiscard]] Result<void> kill(const std::string& name, const std::string& signal);
  // A file at /w, of 16 MiB at most: what a script prints is limited.
  [[nodiscard]] Result<std::string> file(const std::string& name);

 private:
  V2Guest() = default;
  [[nodiscard]] Result<void> make_disk(const Contents& contents);
  [[nodiscard]] Result<void> copy_program(const std::filesystem::path& program,
                                          const std::string& to) const;
  [[nodiscard]] Result<void> boot();

  // What the guest runs on: gone after it, and at the same place while this moves.
  std::unique_ptr<host::ScratchDirectory> files_ =
      std::make_unique<host::ScratchDirectory>("/var/tmp");
  std::unique_ptr<Lab> lab_ = std::make_unique<Lab>("6.12-cloud");
  std::optional<lab::Guest> guest_;
  bool has_oomd_ = false;
};

}  // namespace brim::live
