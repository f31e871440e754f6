// SPDX-License-Identifier: Apache-2.0
// ChampSim's inc/trace_instruction.h, input_instr: 64 bytes, little-endian: uint64 address of the
// instruction; 8 bytes of branches and registers; uint64 destination_memory[2]; uint64
// source_memory[4]. An address of 0 is none.

#include "image/trace_readers.h"

#include <array>
#include <bit>
#include <utility>
#include <vector>

namespace brim::image {
namespace {

constexpr std::size_t kInstructionSize = 64;
constexpr std::size_t kDestinationsAt = 16;
constexpr std::size_t kDestinations = 2;
constexpr std::size_t kSourcesAt = 32;
constexpr std::size_t kSources = 4;

class ChampsimReader final : public TraceReader {
 public:
  ChampsimReader(TraceInput input, const TraceOptions& options)
      : input_(std::move(input)),
        page_shift_(std::countr_zero(options.page_size)),
        instructions_(options.instructions) {}

  Result<std::size_t> read(std::span<TraceReference> out) override {
    first_ += std::exchange(given_, 0);
    if (found_at_.size() < out.size()) found_at_.resize(out.size());
    std::size_t count = 0;
    while (count < out.size()) {
      if (taken_ < found_) {
        out[count] = references_[taken_++];
        found_at_[count++] = instruction_at_;
        continue;
      }
      BRIM_TRY(const std::string_view instructions, whole_records(input_, kInstructionSize));
      if (instructions.empty()) break;
      decode(instructions.data());
      instruction_at_ = input_.position();
      input_.consume(kInstructionSize);
    }
    given_ = count;
    return count;
  }

  [[nodiscard]] std::string place(std::uint64_t reference) const override {
    BRIM_ASSERT(reference >= first_ && reference - first_ < given_);
    return input_.place(found_at_[reference - first_]);
  }

 private:
  void decode(const char* instruction) {
    taken_ = 0;
    found_ = 0;
    if (instructions_) add(number_in_record(instruction), false);
    for (std::size_t i = 0; i < kSources; ++i)
      add(number_in_record(instruction + kSourcesAt + 8 * i), false);
    for (std::size_t i = 0; i < kDestinations; ++i)
      add(number_in_record(instruction + kDestinationsAt + 8 * i), true);
  }
  void add(std::uint64_t address, bool write) {
    if (address != 0) references_[found_++] = {address >> page_shift_, kNoNext, write};
  }

  TraceInput input_;
  int page_shift_;
  bool instructions_;
  // Of the last instruction: what it refers to, of which so much is given, and its first byte.
  std::array<TraceReference, 1 + kSources + kDestinations> references_;
  std::size_t found_ = 0;
  std::size_t taken_ = 0;
  std::uint64_t instruction_at_ = 0;
  std::uint64_t first_ = 0;              // reference of the last batch
  std::size_t given_ = 0;                // references in it
  std::vector<std::uint64_t> found_at_;  // the bytes where their instructions begin
};

}  // namespace

std::unique_ptr<TraceReader> open_champsim_trace(TraceInput input, const TraceOptions& options) {
  return std::make_unique<ChampsimReader>(std::move(input), options);
}

}  // namespace brim::image
