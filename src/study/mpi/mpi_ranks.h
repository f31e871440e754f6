// SPDX-License-Identifier: Apache-2.0
#pragma once
// How brim finds libbrim-mpi.so's only function. Its name changes with what stands in ranks.h.

#include "study/ranks.h"

namespace brim::study {

// Initializes MPI; null where it allows one thread only. At most once a process.
using JoinMpi = Ranks*();
inline constexpr const char* kJoinMpi = "brim_join_mpi_1";

}  // namespace brim::study
