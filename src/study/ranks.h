// SPDX-License-Identifier: Apache-2.0
#pragma once
// The processes that mpirun started as one, numbered from 0: who this one is, and messages between
// them. MPI itself is in a library of its own, libbrim-mpi.so (mpi/mpi_ranks.cpp), that is loaded
// and initialized only where mpirun started this process: brim needs no MPI otherwise.

#include "base/result.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace brim::study {

struct RankMessage {
  int from = 0;
  int channel = 0;
  std::vector<std::byte> bytes;
};

// Threads: any may call. Between two ranks, messages of a channel arrive in the order sent.
class Ranks {
 public:
  // Waits until every rank has come here.
  virtual ~Ranks() = default;

  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  // How many of them are on this machine, this one included.
  [[nodiscard]] virtual int ranks_here() const = 0;

  virtual void send(int to, int channel, std::span<const std::byte> bytes) = 0;
  // Does not wait: nothing where no message has come, from any rank, on that channel (or on any).
  [[nodiscard]] virtual std::optional<RankMessage> receive(std::optional<int> channel) = 0;
};

// What mpirun tells its processes through the environment.
struct LaunchedRank {
  int rank = 0;
  int size = 1;
};
[[nodiscard]] std::optional<LaunchedRank> launched_rank();

// Null where this process is alone. `missing` where mpirun started it and the library is not
// installed, `bad_input` where the mpirun is not that of the library.
[[nodiscard]] Result<std::unique_ptr<Ranks>> join_ranks();

}  // namespace brim::study
