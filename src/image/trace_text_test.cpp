// SPDX-License-Identifier: Apache-2.0
#include "image/test_traces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::image {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(PagesTrace, A_page_a_line_is_a_read_unless_a_w_follows) {
  const ReadTrace trace = read_trace(
      "# page access\n"
      "7\n"
      "\n"
      "0x1F w\n"
      "  18446744073709551615\tr \n"
      " # indented\n"
      "0Xabc  w\r\n"
      "0",
      TraceFormat::pages);
  EXPECT_EQ(trace.error, "");
  EXPECT_THAT(trace.references, ElementsAre(a_read(7), a_write(31), a_read(~std::uint64_t{0}),
                                            a_write(0xabc), a_read(0)));
  EXPECT_THAT(trace.places, ElementsAre("trace:2", "trace:4", "trace:5", "trace:7", "trace:8"));
}

TEST(PagesTrace, What_is_not_a_page_is_an_error_that_names_its_line) {
  for (const std::string_view line :
       {"x", "-1", "1.5", "0x", "0xg", "7w", "7 x", "7 rw", "7 w w", "7 8", "7 # seven",
        "18446744073709551616", "0x10000000000000000", "7,w", "r 7"}) {
    SCOPED_TRACE(line);
    const ReadTrace trace =
        read_trace("1\n# two\n" + std::string(line) + "\n2\n", TraceFormat::pages);
    EXPECT_THAT(trace.error,
                StartsWith("trace:3: '" + std::string(line) + "' is not a page number"));
  }
}

TEST(PagesTrace, An_error_shows_the_beginning_of_a_long_line) {
  const ReadTrace trace = read_trace(std::string(1000, 'x'), TraceFormat::pages);
  EXPECT_THAT(trace.error, StartsWith("trace:1: '" + std::string(60, 'x') + "...' is not"));
}

constexpr std::string_view kLackey =
    "==4242== Lackey, an example Valgrind tool\n"
    "==4242== \n"
    "--4242-- warning: something\n"
    "**4242** printed by the client\n"
    "\n"
    "I  04001000,3\n"
    " L 1ffe,2\n"
    " S 3000,8\n"
    " M 00005008,4\n"
    "I  04001003,5\n"
    "==4242== Exit code:       0\n";

TEST(LackeyTrace, Data_count_and_instructions_do_where_asked_for) {
  const ReadTrace data = read_trace(kLackey, TraceFormat::lackey);
  EXPECT_EQ(data.error, "");
  EXPECT_THAT(data.references, ElementsAre(a_read(1), a_write(3), a_write(5)));
  EXPECT_THAT(data.places, ElementsAre("trace:7", "trace:8", "trace:9"));
  const ReadTrace all = read_trace(kLackey, TraceFormat::lackey, {.instructions = true});
  EXPECT_EQ(all.error, "");
  EXPECT_THAT(all.references,
              ElementsAre(a_read(0x4001), a_read(1), a_write(3), a_write(5), a_read(0x4001)));
}

TEST(LackeyTrace, An_access_touches_each_page_that_it_lies_on) {
  const std::string_view text =
      " L 1ffe,2\n"
      " L 1ffe,3\n"
      "I  2fff,2\n"
      " M 3ff0,512\n"
      " S ffffffffffffffff,1\n";
  const ReadTrace trace = read_trace(text, TraceFormat::lackey, {.instructions = true});
  EXPECT_EQ(trace.error, "");
  EXPECT_THAT(trace.references,
              ElementsAre(a_read(1), a_read(1), a_read(2), a_read(2), a_read(3), a_write(3),
                          a_write(4), a_write((std::uint64_t{1} << 52) - 1)));
  EXPECT_THAT(trace.places, ElementsAre("trace:1", "trace:2", "trace:2", "trace:3", "trace:3",
                                        "trace:4", "trace:4", "trace:5"));
}

TEST(LackeyTrace, Pages_are_as_large_as_asked_for) {
  const std::string_view text = " L 1ff8,24\n S 200000,1\n";
  EXPECT_THAT(read_trace(text, TraceFormat::lackey, {.page_size = 8}).references,
              ElementsAre(a_read(0x3ff), a_read(0x400), a_read(0x401), a_write(0x40000)));
  EXPECT_THAT(read_trace(text, TraceFormat::lackey, {.page_size = 2 << 20}).references,
              ElementsAre(a_read(0), a_write(1)));
}

TEST(LackeyTrace, What_is_not_an_access_is_an_error_that_names_its_line) {
  for (const std::string_view line :
       {"hello from the program", " L 1ffe", " L 1ffe,", " L ,8", " L 1ffe,8 ", " L 1ffe,8,8",
        " L xyz,8", " L 1ffe,0", " L 1ffe,4097", " L1ffe,8", " X 1ffe,8", " L ffffffffffffffff,2",
        " L 10000000000000000,8", "=4242= no", "I  4001000,x"}) {
    SCOPED_TRACE(line);
    const ReadTrace trace =
        read_trace("==1== \n L 1,1\n" + std::string(line) + "\n", TraceFormat::lackey);
    EXPECT_THAT(trace.error, StartsWith("trace:3: '" + std::string(line) + "' is not an access"));
  }
}

TEST(CsvTrace, Columns_are_found_by_name_and_others_are_passed_over) {
  const ReadTrace trace = read_trace(
      "time, Page ,process,write,note\n"
      "1,5,cc,0,\"a, b\"\n"
      "\n"
      "2, 0x10 ,ld,1\r\n"
      "3,\"7\",\"c \"\"c\"\", 1\", \"write\" ,\"never closed\n",
      TraceFormat::csv);
  EXPECT_EQ(trace.error, "");
  EXPECT_THAT(trace.references, ElementsAre(a_read(5), a_write(16), a_write(7)));
  EXPECT_THAT(trace.places, ElementsAre("trace:2", "trace:4", "trace:5"));
}

TEST(CsvTrace, Writes_have_many_names) {
  const ReadTrace trace = read_trace(
      "write,page\n"
      "0,1\n1,2\nfalse,3\nTrue,4\nr,5\nW,6\nread,7\nWRITE,8\nload,9\nStore,10\nR,11\nw,12\n",
      TraceFormat::csv);
  EXPECT_EQ(trace.error, "");
  EXPECT_THAT(trace.references,
              ElementsAre(a_read(1), a_write(2), a_read(3), a_write(4), a_read(5), a_write(6),
                          a_read(7), a_write(8), a_read(9), a_write(10), a_read(11), a_write(12)));
}

TEST(CsvTrace, The_header_says_what_separates) {
  for (const char separator : {',', ';', '\t'}) {
    SCOPED_TRACE(separator);
    std::string text = std::string("\"a,;\t\"") + separator + "page" + separator + "write\n";
    text += std::string("1") + separator + "3" + separator + "w\n";
    text += std::string("\"1,;\t2\"") + separator + "4" + separator + "r\n";
    const ReadTrace trace = read_trace(text, TraceFormat::csv);
    EXPECT_EQ(trace.error, "");
    EXPECT_THAT(trace.references, ElementsAre(a_write(3), a_read(4)));
  }
}

TEST(CsvTrace, Addresses_are_of_pages_of_the_size_asked_for_and_page_numbers_stay) {
  const std::string_view text = "address\n4095\n0x1000\n65536\n";
  EXPECT_THAT(read_trace(text, TraceFormat::csv).references,
              ElementsAre(a_read(0), a_read(1), a_read(16)));
  EXPECT_THAT(read_trace(text, TraceFormat::csv, {.page_size = 65536}).references,
              ElementsAre(a_read(0), a_read(0), a_read(1)));
  EXPECT_THAT(read_trace("address,page\n4096,9000\n", TraceFormat::csv).references,
              ElementsAre(a_read(9000)));
}

TEST(CsvTrace, A_byte_order_mark_and_empty_lines_before_the_header_are_passed_over) {
  EXPECT_THAT(read_trace("\xef\xbb\xbfpage\n5\n", TraceFormat::csv).references,
              ElementsAre(a_read(5)));
  EXPECT_THAT(read_trace("\n\r\npage\n5\n", TraceFormat::csv).references, ElementsAre(a_read(5)));
}

TEST(CsvTrace, A_header_without_a_page_is_an_error) {
  const auto error_of_header = [](std::string_view header) {
    return read_trace(header, TraceFormat::csv).error;
  };
  EXPECT_EQ(error_of_header("time,write\n"),
            "trace:1: the first line names no column page or address: 'time,write'");
  EXPECT_EQ(error_of_header("page,PAGE\n"), "trace:1: two columns are called page");
  EXPECT_THAT(error_of_header("page,\"write\n"), HasSubstr("quotes that do not enclose"));
  EXPECT_THAT(error_of_header("page,\"write\" x\n"), HasSubstr("quotes that do not enclose"));
}

TEST(CsvTrace, What_is_wrong_in_a_row_is_named_with_its_line_and_column) {
  const auto error_of_row = [](std::string_view row) {
    return read_trace("time,page,write\n1,2,r\n" + std::string(row) + "\n", TraceFormat::csv).error;
  };
  EXPECT_EQ(error_of_row("1"), "trace:3: column 2 (page) is not there: '1'");
  EXPECT_EQ(error_of_row("1,2"), "trace:3: column 3 (write) is not there: '1,2'");
  EXPECT_THAT(error_of_row("1,,r"), StartsWith("trace:3: column 2 (page) is not a number"));
  EXPECT_THAT(error_of_row("1,2 3,r"), StartsWith("trace:3: column 2 (page) is not a number"));
  EXPECT_THAT(error_of_row("1,-2,r"), StartsWith("trace:3: column 2 (page) is not a number"));
  EXPECT_THAT(error_of_row("1,2,x"), StartsWith("trace:3: column 3 (write) is none of"));
  EXPECT_THAT(error_of_row("1,2,"), StartsWith("trace:3: column 3 (write) is none of"));
  EXPECT_THAT(error_of_row("1,2,rewrite"), StartsWith("trace:3: column 3 (write) is none of"));
  EXPECT_THAT(error_of_row("\"1,2,r"), StartsWith("trace:3: column 1 (not needed) has quotes"));
  EXPECT_THAT(error_of_row("1,\"2\"3,r"), StartsWith("trace:3: column 2 (page) has quotes"));
  EXPECT_THAT(read_trace("address\nx\n", TraceFormat::csv).error,
              StartsWith("trace:2: column 1 (address) is not a number"));
}

}  // namespace
}  // namespace brim::image
