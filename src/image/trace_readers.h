// SPDX-License-Identifier: Apache-2.0
#pragma once
// The readers behind open_trace(), one a format, and how to read a trace that is not a file.

#include "image/trace.h"
#include "image/trace_input.h"

#include <cstddef>
#include <memory>
#include <string>

namespace brim::image {

// Fits the second level cache of any processor that brim runs on; whole pages, and whole records of
// every format, so that none is moved to the buffer's front.
inline constexpr std::size_t kTraceBuffer = 252 << 10;

struct TraceSource {
  std::unique_ptr<ByteSource> bytes;
  std::string name;  // what errors call it
  std::size_t buffer_size = kTraceBuffer;
};

[[nodiscard]] Result<std::unique_ptr<TraceReader>> open_trace_source(TraceSource source,
                                                                     TraceFormat format,
                                                                     const TraceOptions& options);

[[nodiscard]] std::unique_ptr<TraceReader> open_pages_trace(TraceInput input);
[[nodiscard]] std::unique_ptr<TraceReader> open_lackey_trace(TraceInput input,
                                                             const TraceOptions& options);
[[nodiscard]] Result<std::unique_ptr<TraceReader>> open_csv_trace(TraceInput input,
                                                                  const TraceOptions& options);
[[nodiscard]] std::unique_ptr<TraceReader> open_oracle_general_trace(TraceInput input);
[[nodiscard]] std::unique_ptr<TraceReader> open_champsim_trace(TraceInput input,
                                                               const TraceOptions& options);

}  // namespace brim::image
