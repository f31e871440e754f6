// SPDX-License-Identifier: Apache-2.0
#pragma once
// `brim lab prepare`: makes what guests are made of, once, into a cache (cache.h).
//
// Steps: four Debian kernels (unpacked, with the modules of the lab's devices), the initramfs with
// busybox and brim's agent, and a root file system with MariaDB. Each is made whole or not at all;
// what is there and has its checksum is not made again. A step that lacks a program or the network
// is skipped with the reason, and the others go on. Nothing is installed, and nothing is mounted
// outside a mount namespace that ends with the program in it.

#include "base/result.h"
#include "lab/cache.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::lab {

struct PrepareOptions {
  std::string agent;              // the static brim-agent
  std::string mirror;             // of Debian
  std::vector<std::string> only;  // names of steps; empty: all
  std::function<void(const std::string& step, const std::string& doing)> progress;
};

enum class StepOutcome : std::uint8_t { made, kept, skipped };
[[nodiscard]] std::string_view name_of(StepOutcome outcome);

struct PreparedStep {
  std::string name;
  StepOutcome outcome = StepOutcome::kept;
  std::string reason;  // of a skip
  double seconds = 0;
  std::vector<Artefact> artefacts;
};

struct StepDescription {
  std::string_view name;
  std::string_view summary;
};
[[nodiscard]] std::vector<StepDescription> prepare_steps();

// In the order of prepare_steps(). `bad_input` for an unknown step in `only`; an error that is no
// lack of something (a full disk, a damaged package) ends it.
[[nodiscard]] Result<std::vector<PreparedStep>> prepare(Cache& cache,
                                                        const PrepareOptions& options);

// What a guest is started from, verified.
struct KernelFiles {
  std::string kernel;
  std::vector<std::string> initramfs;  // to be put one after the other
};
// `kernel`: "6.1", "6.1-cloud", "6.12" or "6.12-cloud". `missing`, naming the command to run, where
// it was not prepared.
[[nodiscard]] Result<KernelFiles> prepared_kernel(const Cache& cache, const std::string& kernel);
// The image of the root file system; to be opened for reading only. `missing` as above.
[[nodiscard]] Result<std::string> prepared_root(const Cache& cache);
// The initramfs with the agent, without any kernel's modules. `missing` as above.
[[nodiscard]] Result<std::string> prepared_initramfs(const Cache& cache);

}  // namespace brim::lab
