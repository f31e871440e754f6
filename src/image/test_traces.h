// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: traces in memory, and all that a reader makes of them.

#include "image/test_files.h"
#include "image/trace_readers.h"

#include <array>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

namespace brim::image {

inline void PrintTo(const TraceReference& reference, std::ostream* out) {
  *out << reference.page << (reference.write ? " w" : " r") << " next " << reference.next;
}

}  // namespace brim::image

namespace brim::image::test {

inline TraceReference a_read(std::uint64_t page) { return {page, kNoNext, false}; }
inline TraceReference a_write(std::uint64_t page) { return {page, kNoNext, true}; }

struct ReadTrace {
  std::vector<TraceReference> references;
  std::vector<std::string> places;
  std::string error;  // of opening or reading; empty: none
};

struct ReadSizes {
  std::size_t buffer = kTraceBuffer;
  std::size_t batch = 100;
};

inline ReadTrace read_all_of(Result<std::unique_ptr<TraceReader>> reader, std::size_t batch) {
  ReadTrace result;
  std::vector<TraceReference> references(batch);
  for (;;) {
    if (!reader) return {{}, {}, error_line(reader.error())};
    const auto count = (*reader)->read(references);
    if (!count) {
      result.error = error_line(count.error());
      EXPECT_EQ(count.error().code, ErrorCode::bad_input);
      return result;
    }
    for (std::size_t i = 0; i < *count; ++i) {
      result.places.push_back((*reader)->place(result.references.size()));
      result.references.push_back(references[i]);
    }
    if (*count == batch) continue;
    const auto behind = (*reader)->read(references);
    EXPECT_TRUE(behind && *behind == 0) << "more after the end";
    return result;
  }
}

inline ReadTrace read_trace(std::span<const std::byte> bytes, TraceFormat format,
                            const TraceOptions& options = {}, const ReadSizes& sizes = {}) {
  return read_all_of(
      open_trace_source({memory_source(bytes), "trace", sizes.buffer}, format, options),
      sizes.batch);
}
inline ReadTrace read_trace(std::string_view text, TraceFormat format,
                            const TraceOptions& options = {}, const ReadSizes& sizes = {}) {
  return read_trace(std::as_bytes(std::span(text)), format, options, sizes);
}

// One of oracleGeneral's records.
inline void add_request(ByteVector& bytes, std::uint64_t object, std::int64_t next) {
  append(bytes, std::uint32_t{7});  // time
  append(bytes, htole64(object));
  append(bytes, std::uint32_t{512});  // size
  append(bytes, htole64(static_cast<std::uint64_t>(next)));
}

// One of ChampSim's.
inline void add_instruction(ByteVector& bytes, std::uint64_t address,
                            const std::array<std::uint64_t, 2>& destinations,
                            const std::array<std::uint64_t, 4>& sources) {
  append(bytes, htole64(address));
  append(bytes, ~std::uint64_t{0});  // branches and registers
  for (const std::uint64_t destination : destinations) append(bytes, htole64(destination));
  for (const std::uint64_t source : sources) append(bytes, htole64(source));
}

// `filter` is one of libarchive's: ARCHIVE_FILTER_GZIP.
inline ByteVector compressed(std::span<const std::byte> bytes, int filter) {
  ByteVector result(bytes.size() + 4096);
  std::size_t used = 0;
  archive* const to = ::archive_write_new();
  EXPECT_EQ(::archive_write_add_filter(to, filter), ARCHIVE_OK);
  EXPECT_EQ(::archive_write_set_format_raw(to), ARCHIVE_OK);
  ::archive_write_set_bytes_per_block(to, 0);
  EXPECT_EQ(::archive_write_open_memory(to, result.data(), result.size(), &used), ARCHIVE_OK);
  archive_entry* const entry = ::archive_entry_new();
  ::archive_entry_set_filetype(entry, AE_IFREG);
  EXPECT_EQ(::archive_write_header(to, entry), ARCHIVE_OK);
  EXPECT_EQ(::archive_write_data(to, bytes.data(), bytes.size()),
            static_cast<la_ssize_t>(bytes.size()));
  ::archive_entry_free(entry);
  EXPECT_EQ(::archive_write_close(to), ARCHIVE_OK);
  ::archive_write_free(to);
  result.resize(used);
  return result;
}

}  // namespace brim::image::test
