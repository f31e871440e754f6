// SPDX-License-Identifier: Apache-2.0
// Ranks by MPI: libbrim-mpi.so. An error of MPI itself (a rank that is gone) ends all ranks, as MPI
// does unless told otherwise; the store says then that the run was interrupted.
#include "study/mpi/mpi_ranks.h"

#include <mutex>

#include <mpi.h>

namespace brim::study {
namespace {

class MpiRanks final : public Ranks {
 public:
  MpiRanks() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm here = MPI_COMM_NULL;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
    MPI_Comm_size(here, &ranks_here_);
    MPI_Comm_free(&here);
  }
  ~MpiRanks() override { MPI_Finalize(); }
  MpiRanks(const MpiRanks&) = delete;
  MpiRanks& operator=(const MpiRanks&) = delete;

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  [[nodiscard]] int ranks_here() const override { return ranks_here_; }

  void send(int to, int channel, std::span<const std::byte> bytes) override {
    const std::lock_guard lock(mutex_);
    MPI_Send(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, to, channel, MPI_COMM_WORLD);
  }

  std::optional<RankMessage> receive(std::optional<int> channel) override {
    const std::lock_guard lock(mutex_);
    int there = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, channel.value_or(MPI_ANY_TAG), MPI_COMM_WORLD, &there, &status);
    if (there == 0) return std::nullopt;
    int count = 0;
    MPI_Get_count(&status, MPI_BYTE, &count);
    RankMessage message{status.MPI_SOURCE, status.MPI_TAG,
                        std::vector<std::byte>(static_cast<std::size_t>(count))};
    MPI_Recv(message.bytes.data(), count, MPI_BYTE, message.from, message.channel, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
    return message;
  }

 private:
  std::mutex mutex_;  // MPI_THREAD_SERIALIZED: one call at a time
  int rank_ = 0;
  int size_ = 1;
  int ranks_here_ = 1;
};

}  // namespace
}  // namespace brim::study

// The name is mpi_ranks.h's kJoinMpi.
extern "C" [[gnu::visibility("default")]] brim::study::Ranks* brim_join_mpi_1() {
  int allowed = MPI_THREAD_SINGLE;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &allowed);
  if (allowed < MPI_THREAD_SERIALIZED) {
    MPI_Finalize();
    return nullptr;
  }
  return new brim::study::MpiRanks();
}
