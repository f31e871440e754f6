// SPDX-License-Identifier: Apache-2.0
#include "base/progress.h"

#include "base/fd.h"
#include "base/utf8.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

namespace brim {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(ProgressLine, Shows_label_bar_share_rate_and_time_left) {
  EXPECT_EQ(Progress::line("scan", 256, 1024, 2, 4096, 80),
            "scan [#######                       ]  25 %  512.0 KiB/s  6 s left");
}

TEST(ProgressLine, Never_exceeds_its_columns) {
  for (const std::string& label : {std::string(), std::string("scanning web-1"),
                                   std::string(200, 'x'), std::string("tab\tand\x1b[2J")})
    for (const std::uint64_t total : {0ULL, 1ULL, 1000ULL, ~0ULL})
      for (const std::uint64_t done : {0ULL, 1ULL, 999ULL, 5000ULL, ~0ULL})
        for (const double seconds : {0.0, 0.5, 3.0, 1e7, 1e300})
          for (const std::uint64_t unit : {0ULL, 4096ULL, ~0ULL})
            for (int columns = -1; columns <= 120; columns += columns < 40 ? 1 : 20) {
              const std::string line = Progress::line(label, done, total, seconds, unit, columns);
              ASSERT_LE(static_cast<int>(line.size()), std::max(0, columns)) << line;
            }
}

TEST(ProgressLine, Cuts_a_label_between_characters_and_never_through_one) {
  std::string label;
  for (int i = 0; i < 50; ++i) label += "\xe6\xbc\xa2";  // two columns wide each
  for (int columns = 0; columns <= 110; ++columns) {
    const std::string line = Progress::line(label, 1, 2, 0, 0, columns);
    EXPECT_EQ(valid_utf8(line), line);
    int width = 0;
    for (std::string_view rest = line; !rest.empty(); rest.remove_prefix(utf8_length(rest)))
      width += utf8_length(rest) == 1 ? 1 : 2;
    EXPECT_LE(width, columns);
  }
}

TEST(ProgressLine, Lets_no_control_character_through) {
  EXPECT_THAT(Progress::line("a\x1b[2J\nb", 1, 2, 0, 0, 80), StartsWith("a\\x1b[2J\\nb"));
}

TEST(ProgressLine, Says_100_percent_only_when_all_is_done) {
  EXPECT_THAT(Progress::line("x", 999'999, 1'000'000, 0, 0, 80), HasSubstr(" 99 %"));
  EXPECT_THAT(Progress::line("x", 1'000'000, 1'000'000, 5, 0, 80), HasSubstr("100 %"));
  EXPECT_THAT(Progress::line("x", 2'000'000, 1'000'000, 5, 0, 80), HasSubstr("100 %"));
}

TEST(ProgressLine, Fills_the_bar_in_step_with_the_share_up_to_the_largest_numbers) {
  EXPECT_THAT(Progress::line("x", 0, 10, 0, 0, 80), Not(HasSubstr("#")));
  EXPECT_THAT(Progress::line("x", 10, 10, 0, 0, 80), HasSubstr("[" + std::string(30, '#') + "]"));
  EXPECT_THAT(Progress::line("x", ~0ULL / 2, ~0ULL, 0, 0, 80),
              HasSubstr("[" + std::string(15, '#') + std::string(15, ' ') + "]"));
}

TEST(ProgressLine, Without_a_total_counts_and_draws_no_bar) {
  const std::string line = Progress::line("reading", 42, 0, 10, 0, 80);
  EXPECT_EQ(line, "reading 42");
}

TEST(ProgressLine, Claims_no_time_left_before_it_can_know) {
  EXPECT_THAT(Progress::line("x", 0, 10, 100, 0, 80), Not(HasSubstr("left")));
  EXPECT_THAT(Progress::line("x", 5, 10, 0.5, 0, 80), Not(HasSubstr("left")));
  EXPECT_THAT(Progress::line("x", 10, 10, 100, 0, 80), Not(HasSubstr("left")));
}

struct CloseFile {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

TEST(Progress, Writes_nothing_where_there_is_no_terminal) {
  const File file(std::tmpfile());
  ASSERT_NE(file, nullptr);
  {
    Progress progress(file.get(), "scan", 10);
    progress.advance(5);
    progress.advance(5);
    EXPECT_EQ(progress.done(), 10U);
  }
  EXPECT_EQ(std::ftell(file.get()), 0);
  EXPECT_FALSE(is_terminal(file.get()));
  EXPECT_EQ(terminal_columns(file.get(), 77), 77);
}

TEST(Progress, Default_one_counts_in_silence) {
  Progress progress;
  progress.advance(3);
  progress.finish();
  EXPECT_EQ(progress.done(), 3U);
}

// A pseudo-terminal: what a person would see.
class ProgressOnTerminal : public testing::Test {
 protected:
  void SetUp() override {
    master_ = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (!master_ || ::grantpt(master_.get()) != 0 || ::unlockpt(master_.get()) != 0)
      GTEST_SKIP() << "no pseudo-terminal can be opened here";
    std::array<char, 128> name{};
    ASSERT_EQ(::ptsname_r(master_.get(), name.data(), name.size()), 0);
    terminal_ = File(std::fopen(name.data(), "w"));
    ASSERT_NE(terminal_, nullptr);
    const winsize size{.ws_row = 24, .ws_col = 50, .ws_xpixel = 0, .ws_ypixel = 0};
    ASSERT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
  }

  std::string seen() {
    std::string text(1 << 16, '\0');
    const ssize_t got = ::read(master_.get(), text.data(), text.size());
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
    return text;
  }

  Fd master_;
  File terminal_;
};

TEST_F(ProgressOnTerminal, Draws_within_the_width_and_clears_its_line_at_the_end) {
  EXPECT_EQ(terminal_columns(terminal_.get(), 80), 50);
  Progress progress(terminal_.get(), std::string(100, 'x'), 10);
  progress.advance(5);
  const std::string drawn = seen();
  EXPECT_THAT(drawn, StartsWith("\rxxx"));
  EXPECT_THAT(drawn, EndsWith(" 50 %\x1b[K"));
  EXPECT_LT(drawn.size(), 50 + std::string("\r\x1b[K").size());
  progress.finish();
  EXPECT_EQ(seen(), "\r\x1b[K");
  progress.finish();
  EXPECT_EQ(seen(), "");
}

TEST_F(ProgressOnTerminal, Counts_every_unit_of_many_threads_and_draws_seldom) {
  Progress progress(terminal_.get(), "x", 400'000);
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&progress] {
      for (int n = 0; n < 100'000; ++n) progress.advance(1);
    });
  for (std::thread& thread : threads) thread.join();
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(progress.done(), 400'000U);
  const std::string text = seen();
  const auto draws = std::count(text.begin(), text.end(), '\r');
  EXPECT_GE(draws, 1);
  EXPECT_LE(draws, 1 + took / std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace brim
