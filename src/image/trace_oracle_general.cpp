// SPDX-License-Identifier: Apache-2.0
// libCacheSim's oracleGeneralBin.h: 24 bytes without padding, little-endian: uint32 time, uint64
// object, uint32 size, int64 number of the object's next request.

#include "image/trace_readers.h"

#include <algorithm>

namespace brim::image {
namespace {

constexpr std::size_t kRequestSize = 24;
constexpr std::size_t kObjectAt = 4;
constexpr std::size_t kNextAt = 16;

class OracleGeneralReader final : public TraceReader {
 public:
  explicit OracleGeneralReader(TraceInput input) : input_(std::move(input)) {}

  Result<std::size_t> read(std::span<TraceReference> out) override {
    std::size_t count = 0;
    while (count < out.size()) {
      BRIM_TRY(const std::string_view requests, whole_records(input_, kRequestSize));
      if (requests.empty()) break;
      const std::size_t some = std::min(requests.size() / kRequestSize, out.size() - count);
      const char* at = requests.data();
      for (TraceReference& reference : out.subspan(count, some)) {
        reference.page = number_in_record(at + kObjectAt);
        reference.next = static_cast<std::int64_t>(number_in_record(at + kNextAt));
        reference.write = false;
        at += kRequestSize;
      }
      input_.consume(some * kRequestSize);
      count += some;
    }
    return count;
  }

  [[nodiscard]] std::string place(std::uint64_t reference) const override {
    return input_.place(reference * kRequestSize);
  }

 private:
  TraceInput input_;
};

}  // namespace

std::unique_ptr<TraceReader> open_oracle_general_trace(TraceInput input) {
  return std::make_unique<OracleGeneralReader>(std::move(input));
}

}  // namespace brim::image
