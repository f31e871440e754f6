// SPDX-License-Identifier: Apache-2.0
#include "study/ranks.h"

#include "base/text.h"
#include "study/mpi/mpi_ranks.h"

#include <array>
#include <cstdlib>
#include <utility>

#include <dlfcn.h>
#include <fmt/format.h>

namespace brim::study {
namespace {

std::optional<int> number_in_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  const auto number = parse_number(text);
  if (!number || *number > 1'000'000) return std::nullopt;
  return static_cast<int>(*number);
}

constexpr const char* kLibrary = "libbrim-mpi.so";  // found by the program's run path

Result<JoinMpi*> load_mpi() {
  // Global: Open MPI's own plugins look for its symbols there. Never closed: nor is MPI.
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr)
    return fail(ErrorCode::missing,
                fmt::format("started by mpirun, but brim's part for it can't be loaded ({}); "
                            "install brim-mpi, or build brim with libopenmpi-dev",
                            ::dlerror()),
                kLibrary);
  // POSIX: a data pointer that dlsym() gives may be cast to a function's.
  auto* join = reinterpret_cast<JoinMpi*>(::dlsym(library, kJoinMpi));
  if (join == nullptr) return fail(ErrorCode::missing, "of another version of brim", kLibrary);
  return join;
}

}  // namespace

std::optional<LaunchedRank> launched_rank() {
  // Open MPI; PMI of MPICH, Intel MPI and Slurm.
  static constexpr std::array kNames = {std::pair("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
                                        std::pair("PMI_RANK", "PMI_SIZE")};
  for (const auto& [rank, size] : kNames) {
    const auto number = number_in_environment(rank);
    const auto of = number_in_environment(size);
    if (number && of && *number < *of) return LaunchedRank{*number, *of};
  }
  return std::nullopt;
}

Result<std::unique_ptr<Ranks>> join_ranks() {
  const auto launched = launched_rank();
  if (!launched || launched->size == 1) return nullptr;
  BRIM_TRY(JoinMpi* const join, load_mpi());
  std::unique_ptr<Ranks> ranks(join());
  if (!ranks) return fail(ErrorCode::missing, "this MPI does not allow several threads", kLibrary);
  if (ranks->size() != launched->size)
    return fail(ErrorCode::bad_input,
                fmt::format("started as one of {} ranks, of which brim's MPI sees {}: use the "
                            "mpirun of the MPI that brim was built with",
                            launched->size, ranks->size()));
  return ranks;
}

}  // namespace brim::study
