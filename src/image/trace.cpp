// SPDX-License-Identifier: Apache-2.0
#include "image/trace.h"

#include "base/fd.h"
#include "image/trace_readers.h"

#include <array>
#include <bit>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace brim::image {
namespace {

// In the order of TraceFormat.
constexpr std::array<std::string_view, 5> kTraceFormats = {"pages", "lackey", "csv",
                                                           "oracleGeneral", "champsim"};

Result<Fd> open_trace_file(const std::string& path) {
  Fd fd(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                    : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail(named_by_user(errno_error(errno, "open", path)));
  return fd;
}

}  // namespace

std::string_view name_of(TraceFormat format) {
  return kTraceFormats[static_cast<std::size_t>(format)];
}

std::optional<TraceFormat> trace_format(std::string_view name) {
  for (std::size_t i = 0; i < kTraceFormats.size(); ++i)
    if (kTraceFormats[i] == name) return static_cast<TraceFormat>(i);
  return std::nullopt;
}

Result<std::unique_ptr<TraceReader>> open_trace_source(TraceSource source, TraceFormat format,
                                                       const TraceOptions& options) {
  if (!std::has_single_bit(options.page_size))
    return fail(ErrorCode::bad_input,
                fmt::format("a page size of {} bytes is not a power of two", options.page_size),
                std::move(source.name));
  BRIM_TRY(TraceInput input, decompressed(TraceInput(std::move(source.bytes),
                                                     std::move(source.name), source.buffer_size),
                                          source.buffer_size));
  switch (format) {
    case TraceFormat::pages:
      return open_pages_trace(std::move(input));
    case TraceFormat::lackey:
      return open_lackey_trace(std::move(input), options);
    case TraceFormat::csv:
      return open_csv_trace(std::move(input), options);
    case TraceFormat::oracle_general:
      return open_oracle_general_trace(std::move(input));
    case TraceFormat::champsim:
      return open_champsim_trace(std::move(input), options);
  }
  BRIM_ASSERT(false);
}

Result<std::unique_ptr<TraceReader>> open_trace(const std::string& path, TraceFormat format,
                                                const TraceOptions& options) {
  BRIM_TRY(Fd fd, open_trace_file(path));
  std::string name = path == "-" ? "standard input" : path;
  auto bytes = file_source(std::move(fd), name);
  return open_trace_source({std::move(bytes), std::move(name)}, format, options);
}

}  // namespace brim::image
