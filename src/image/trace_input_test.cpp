// SPDX-License-Identifier: Apache-2.0
#include "image/test_traces.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace brim::image {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::array kFormats = {TraceFormat::pages, TraceFormat::lackey, TraceFormat::csv,
                                 TraceFormat::oracle_general, TraceFormat::champsim};
constexpr std::array kFilters = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD};

// Reads of all pages below `count`, in order.
ByteVector trace_of(TraceFormat format, std::uint64_t count) {
  ByteVector bytes = bytes_of_text(format == TraceFormat::csv ? "note,page\n" : "");
  for (std::uint64_t page = 0; page < count; ++page) {
    std::string line;
    if (format == TraceFormat::pages) line = fmt::format("{}\n", page);
    if (format == TraceFormat::lackey) line = fmt::format(" L {:x},8\n", page << 12);
    if (format == TraceFormat::csv) line = fmt::format("\"a note\",{}\n", page);
    const ByteVector text = bytes_of_text(line);
    bytes.insert(bytes.end(), text.begin(), text.end());
    if (format == TraceFormat::oracle_general) add_request(bytes, page, -1);
    if (format == TraceFormat::champsim)
      add_instruction(bytes, 1, {0, 0}, {0, 0, page << 12 | 8, 0});
  }
  return bytes;
}

std::vector<TraceReference> reads_below(std::uint64_t count) {
  std::vector<TraceReference> references;
  for (std::uint64_t page = 0; page < count; ++page) references.push_back(a_read(page));
  return references;
}

TEST(Trace, Formats_have_names) {
  for (const TraceFormat format : kFormats) EXPECT_EQ(trace_format(name_of(format)), format);
  EXPECT_EQ(name_of(TraceFormat::oracle_general), "oracleGeneral");
  EXPECT_EQ(trace_format("oracle_general"), std::nullopt);
}

TEST(Trace, An_empty_file_has_no_references) {
  for (const TraceFormat format : kFormats) {
    SCOPED_TRACE(name_of(format));
    const ReadTrace trace = read_trace("", format);
    EXPECT_EQ(trace.error, "");
    EXPECT_TRUE(trace.references.empty());
  }
}

TEST(Trace, A_page_size_that_is_not_a_power_of_two_is_an_error) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{4095}})
    EXPECT_THAT(read_trace("", TraceFormat::lackey, {.page_size = size}).error,
                HasSubstr(fmt::format("{} bytes is not a power of two", size)));
}

// Of trace_of(): what oracleGeneral's records say of the next reference is none.
std::vector<TraceReference> reads_of(TraceFormat format, std::uint64_t pages) {
  std::vector<TraceReference> reads = reads_below(pages);
  if (format == TraceFormat::oracle_general)
    for (TraceReference& read : reads) read.next = -1;
  return reads;
}

TEST(Trace, Neither_the_buffer_nor_the_batch_changes_what_is_read) {
  constexpr std::uint64_t kPages = 300;
  for (const TraceFormat format : kFormats) {
    const ByteVector bytes = trace_of(format, kPages);
    const ReadTrace whole = read_trace(bytes, format);
    ASSERT_EQ(whole.references, reads_of(format, kPages));
    for (const std::size_t buffer : {1, 2, 3, 7, 16, 24, 63, 64, 65, 1000})
      for (const std::size_t batch : {1, 3, 299, 300, 301}) {
        SCOPED_TRACE(fmt::format("{} {} {}", name_of(format), buffer, batch));
        const ReadTrace trace = read_trace(bytes, format, {}, {buffer, batch});
        EXPECT_EQ(trace.error, "");
        EXPECT_EQ(trace.references, whole.references);
        EXPECT_EQ(trace.places, whole.places);
      }
  }
}

TEST(Trace, A_file_larger_than_the_buffer_is_read_to_its_end) {
  const std::uint64_t pages = 3 * kTraceBuffer / 24 + 5;
  for (const TraceFormat format : kFormats) {
    SCOPED_TRACE(name_of(format));
    const TemporaryFile file(trace_of(format, pages));
    const ReadTrace trace = read_all_of(open_trace(file.path(), format, {}), 4096);
    EXPECT_EQ(trace.error, "");
    EXPECT_EQ(trace.references, reads_of(format, pages));
  }
}

TEST(Trace, An_access_of_many_pages_goes_on_in_the_next_batch) {
  const ReadTrace trace =
      read_trace(" L 7,20\n", TraceFormat::lackey, {.page_size = 8}, {.buffer = 4, .batch = 1});
  EXPECT_THAT(trace.references, ElementsAre(a_read(0), a_read(1), a_read(2), a_read(3)));
  EXPECT_THAT(trace.places, ElementsAre("trace:1", "trace:1", "trace:1", "trace:1"));
}

TEST(Trace, A_line_may_be_1_MiB_long_and_not_longer) {
  for (const std::size_t buffer : {std::size_t{100}, kTraceBuffer, TraceInput::kLargestWindow}) {
    SCOPED_TRACE(buffer);
    const std::string longest = "5" + std::string(kLongestLine - 1, ' ');
    for (const std::string_view end : {"", "\n", "\n6\n"}) {
      const ReadTrace trace =
          read_trace(longest + std::string(end), TraceFormat::pages, {}, {.buffer = buffer});
      EXPECT_EQ(trace.error, "");
      EXPECT_EQ(trace.references.size(), end.size() == 3 ? 2U : 1U);
      EXPECT_THAT(
          read_trace("1\n" + longest + " " + std::string(end), TraceFormat::pages, {}, {buffer})
              .error,
          StartsWith("trace:2: a line of more than 1 MiB"));
    }
  }
}

TEST(Trace, Compressed_files_are_known_by_their_content) {
  for (const TraceFormat format : kFormats)
    for (const int filter : kFilters) {
      SCOPED_TRACE(fmt::format("{} {}", name_of(format), filter));
      const ByteVector bytes = compressed(trace_of(format, 20000), filter);
      const ReadTrace trace = read_trace(bytes, format);
      EXPECT_EQ(trace.error, "");
      EXPECT_EQ(trace.references, reads_of(format, 20000));
      EXPECT_EQ(read_trace(bytes, format, {}, {.buffer = 7}).references, trace.references);
      const TemporaryFile file(bytes);
      EXPECT_EQ(read_all_of(open_trace(file.path(), format, {}), 4096).references,
                trace.references);
    }
}

TEST(Trace, What_an_empty_file_was_compressed_to_has_no_references) {
  for (const int filter : kFilters) {
    const ByteVector bytes = compressed({}, filter);
    SCOPED_TRACE(fmt::format("{} {}", filter, bytes.size()));
    const ReadTrace trace = read_trace(bytes, TraceFormat::oracle_general);
    EXPECT_EQ(trace.error, "");
    EXPECT_TRUE(trace.references.empty());
  }
}

TEST(Trace, Files_that_were_compressed_one_by_one_and_joined_are_one_trace) {
  for (const int filter : kFilters) {
    SCOPED_TRACE(filter);
    ByteVector bytes = compressed(bytes_of_text("1\n2"), filter);
    const ByteVector second = compressed(bytes_of_text("3\n4\n"), filter);
    bytes.insert(bytes.end(), second.begin(), second.end());
    EXPECT_THAT(read_trace(bytes, TraceFormat::pages).references,
                ElementsAre(a_read(1), a_read(23), a_read(4)));
  }
}

TEST(Trace, A_compressed_file_that_is_cut_off_is_an_error_wherever_it_is) {
  for (const int filter : kFilters) {
    const ByteVector bytes = compressed(trace_of(TraceFormat::pages, 2000), filter);
    for (std::size_t size = 6; size < bytes.size(); size += size < 40 ? 1 : 97) {
      SCOPED_TRACE(fmt::format("{}: {} of {}", filter, size, bytes.size()));
      EXPECT_THAT(read_trace(std::span(bytes).first(size), TraceFormat::pages).error,
                  HasSubstr("), but damaged or cut off: "));
    }
    SCOPED_TRACE(fmt::format("{}: the last byte", filter));
    EXPECT_THAT(read_trace(std::span(bytes).first(bytes.size() - 1), TraceFormat::pages).error,
                HasSubstr("), but damaged or cut off: "));
  }
}

TEST(Trace, A_compressed_file_that_is_damaged_is_an_error) {
  for (const int filter : kFilters) {
    SCOPED_TRACE(filter);
    ByteVector bytes = compressed(trace_of(TraceFormat::oracle_general, 2000), filter);
    ASSERT_GT(bytes.size(), 100U);
    // From where blocks begin: what they hold has a checksum only in xz here.
    std::fill(bytes.begin() + 6, bytes.begin() + 90, std::byte{0xff});
    EXPECT_THAT(read_trace(bytes, TraceFormat::oracle_general).error,
                HasSubstr("), but damaged or cut off: "));
  }
}

TEST(Trace, An_error_in_a_compressed_file_says_that_its_bytes_are_decompressed) {
  ByteVector bytes = trace_of(TraceFormat::oracle_general, 3);
  bytes.resize(50);
  EXPECT_EQ(read_trace(compressed(bytes, ARCHIVE_FILTER_XZ), TraceFormat::oracle_general).error,
            "trace at byte 48 of what it decompresses to: ends within a record: 2 of its 24 bytes "
            "are there");
}

TEST(Trace, A_file_that_cannot_be_read_has_the_systems_words) {
  const auto absent = open_trace("/no/such/trace", TraceFormat::pages, {});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::bad_input);
  EXPECT_EQ(error_line(absent.error()), "/no/such/trace: open: No such file or directory");
  const auto folder = open_trace("/", TraceFormat::pages, {});
  ASSERT_FALSE(folder);
  EXPECT_EQ(error_line(folder.error()), "/: read: Is a directory");
}

TEST(Trace, A_dash_is_the_standard_input) {
  std::array<int, 2> ends = {};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const std::string_view text = "1\n2 w\nthree\n";
  ASSERT_EQ(::write(writing.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  writing.reset();
  const Fd standard_input(::dup(STDIN_FILENO));
  ASSERT_EQ(::dup2(reading.get(), STDIN_FILENO), STDIN_FILENO);
  auto reader = open_trace("-", TraceFormat::pages, {});
  if (standard_input) ::dup2(standard_input.get(), STDIN_FILENO);
  const ReadTrace trace = read_all_of(std::move(reader), 1);
  EXPECT_THAT(trace.references, ElementsAre(a_read(1), a_write(2)));
  EXPECT_THAT(trace.error, StartsWith("standard input:3: 'three' is not"));
}

}  // namespace
}  // namespace brim::image
