// SPDX-License-Identifier: Apache-2.0
#include "image/test_traces.h"

#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::image {
namespace {

using namespace test;
using ::testing::ElementsAre;

// Two records, byte by byte.
constexpr std::string_view kRequests(
    "\x01\x00\x00\x00"
    "\xef\xcd\xab\x89\x67\x45\x23\x01"
    "\x00\x10\x00\x00"
    "\x05\x00\x00\x00\x00\x00\x00\x00"
    "\x02\x00\x00\x00"
    "\xff\xff\xff\xff\xff\xff\xff\xff"
    "\x00\x00\x00\x00"
    "\xfe\xff\xff\xff\xff\xff\xff\xff",
    48);

TEST(OracleGeneralTrace, A_record_is_a_read_with_the_next_as_recorded) {
  const ReadTrace trace = read_trace(kRequests, TraceFormat::oracle_general);
  EXPECT_EQ(trace.error, "");
  EXPECT_THAT(trace.references,
              ElementsAre(TraceReference{0x0123456789abcdef, 5, false},
                          TraceReference{std::numeric_limits<std::uint64_t>::max(), -2, false}));
  EXPECT_THAT(trace.places, ElementsAre("trace at byte 0", "trace at byte 24"));
}

TEST(OracleGeneralTrace, A_part_of_a_record_at_the_end_is_an_error_that_says_where_it_begins) {
  for (const std::size_t size : {1U, 23U, 25U, 47U}) {
    SCOPED_TRACE(size);
    EXPECT_EQ(read_trace(kRequests.substr(0, size), TraceFormat::oracle_general).error,
              fmt::format("trace at byte {}: ends within a record: {} of its 24 bytes are there",
                          size / 24 * 24, size % 24));
  }
}

TEST(ChampsimTrace, Sources_are_read_then_destinations_written_and_zeros_are_none) {
  ByteVector bytes;
  add_instruction(bytes, 0x401234, {0x7000, 0x8000}, {0x1000, 0x2fff, 0x3000, 0x4000});
  add_instruction(bytes, 0x401238, {0, 0}, {0, 0, 0, 0});
  add_instruction(bytes, 0x40123a, {0, 0x9000}, {0, 0, 0x5008, 0});
  const ReadTrace data = read_trace(bytes, TraceFormat::champsim);
  EXPECT_EQ(data.error, "");
  EXPECT_THAT(data.references, ElementsAre(a_read(1), a_read(2), a_read(3), a_read(4), a_write(7),
                                           a_write(8), a_read(5), a_write(9)));
  EXPECT_EQ(data.places.front(), "trace at byte 0");
  EXPECT_EQ(data.places[5], "trace at byte 0");
  EXPECT_EQ(data.places[6], "trace at byte 128");
  const ReadTrace all = read_trace(bytes, TraceFormat::champsim, {.instructions = true});
  EXPECT_THAT(all.references,
              ElementsAre(a_read(0x401), a_read(1), a_read(2), a_read(3), a_read(4), a_write(7),
                          a_write(8), a_read(0x401), a_read(0x401), a_read(5), a_write(9)));
}

TEST(ChampsimTrace, Pages_are_as_large_as_asked_for) {
  ByteVector bytes;
  add_instruction(bytes, 0, {64, 0}, {63, 0, 0, 0});
  EXPECT_THAT(read_trace(bytes, TraceFormat::champsim, {.page_size = 64}).references,
              ElementsAre(a_read(0), a_write(1)));
}

TEST(ChampsimTrace, A_part_of_a_record_at_the_end_is_an_error_that_says_where_it_begins) {
  ByteVector bytes;
  add_instruction(bytes, 1, {0, 0}, {0, 0, 0, 1});
  add_instruction(bytes, 1, {0, 0}, {0, 0, 0, 1});
  bytes.resize(100);
  EXPECT_EQ(read_trace(bytes, TraceFormat::champsim).error,
            "trace at byte 64: ends within a record: 36 of its 64 bytes are there");
}

}  // namespace
}  // namespace brim::image
