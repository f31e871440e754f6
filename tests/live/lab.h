// SPDX-License-Identifier: Apache-2.0
#pragma once
// Options for a real guest from what `brim lab prepare` made, in $BRIM_LAB_CACHE, else where brim
// keeps it for root. It needs root (a cgroup), QEMU and the prepared artefacts. Lab("6.12-cloud")
// gives a guest with cgroup version 2 alone, whatever the host's own layout.

#include "host/child.h"
#include "host/scratch_directory.h"
#include "lab/guest.h"

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>

#include <unistd.h>

namespace brim::live {

inline constexpr auto kBoot = std::chrono::seconds(120);
inline constexpr auto kAnswer = std::chrono::seconds(20);

// `missing` says what is not there.
struct Lab {
  host::ScratchDirectory scratch;
  std::optional<host::Host> host;
  lab::GuestOptions options;
  std::string missing;

  explicit Lab(const std::string& kernel) {
    if (::geteuid() != 0) missing = "root, for a cgroup";
    if (!host::run_program({"qemu-system-x86_64", "--version"}, std::chrono::seconds(10)))
      missing = "qemu-system-x86_64";
    auto live = host::Host::open("/");
    if (live) host.emplace(std::move(*live));
    const auto made = cache();
    const auto files = made ? lab::prepared_kernel(*made, kernel) : fail(made.error());
    if (files)
      options.files = *files;
    else
      missing = error_line(files.error());
    options.directory = scratch.path();
    options.records = scratch / "records";
    if (missing.empty())
      if (const auto cgroup = host::guest_cgroup_path(*host, "brim-lab-test"); !cgroup)
        missing = error_line(cgroup.error());
  }

  // With a root file system and the memory for what runs in it.
  void take_root(Bytes memory) {
    // Once: its checksum takes seconds.
    static const Result<std::string> root = [] {
      const auto made = cache();
      return made ? lab::prepared_root(*made) : fail(made.error());
    }();
    if (root)
      options.root_image = *root;
    else
      missing = error_line(root.error());
    options.memory = memory;
    options.host_memory_limit = Bytes(memory.count() + lab::kEmulatorMemory.count());
  }

  static Result<lab::Cache> cache() {
    const char* named = std::getenv("BRIM_LAB_CACHE");
    return lab::Cache::open_for_reading(named != nullptr ? named : "/var/cache/brim");
  }
};

}  // namespace brim::live
