// SPDX-License-Identifier: Apache-2.0
#include "image/flattened.h"
#include "image/kdump_confinement.h"
#include "image/kdump_worker.h"
#include "image/test_files.h"

#include <chrono>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace brim::image {
namespace {

using namespace test;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// 600 frames of RAM in two runs, every 7th filtered.
struct Sample {
  std::vector<KdumpFrame> frames;
  std::vector<std::uint64_t> filtered;
  ByteVector file;

  explicit Sample(Rng rng) {
    for (std::uint64_t frame = 0; frame < 1000; ++frame) {
      if (frame >= 300 && frame < 700) continue;
      const bool keep = frame % 7 != 3;
      frames.push_back({frame, keep ? random_bytes(rng, kPageSize) : ByteVector()});
      if (!keep) filtered.push_back(frame);
    }
    file = kdump_file(frames, 1000);
  }
};

void expect_sample(const RamImage& image, const Sample& sample) {
  EXPECT_EQ(image.format(), ImageFormat::kdump);
  ASSERT_EQ(image.extents().size(), 2U);
  EXPECT_EQ(image.extents()[0].first, GuestFrame(0));
  EXPECT_EQ(image.extents()[0].count, Pages(300));
  EXPECT_EQ(image.extents()[1].first, GuestFrame(700));
  EXPECT_EQ(image.extents()[1].count, Pages(300));
  std::vector<GuestFrame> unavailable;
  ByteVector all = read_all(image, image.extents()[0], 300, unavailable);
  const ByteVector second = read_all(image, image.extents()[1], 300, unavailable);
  all.insert(all.end(), second.begin(), second.end());
  ByteVector expected;
  for (const KdumpFrame& frame : sample.frames) {
    ByteVector page = frame.content;
    page.resize(kPageSize);
    expected.insert(expected.end(), page.begin(), page.end());
  }
  EXPECT_EQ(all, expected);
  std::vector<std::uint64_t> numbers;
  numbers.reserve(unavailable.size());
  for (const GuestFrame frame : unavailable) numbers.push_back(frame.number());
  EXPECT_EQ(numbers, sample.filtered);
}

TEST(KdumpImage, Pages_come_back_and_filtered_ones_are_unavailable) {
  const Sample sample(Rng(1));
  const TemporaryFile file(sample.file);
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  EXPECT_FALSE((*image)->was_flattened());
  expect_sample(**image, sample);
  EXPECT_TRUE((*image)->check_intact());
}

TEST(KdumpImage, Several_threads_read_at_once) {
  const Sample sample(Rng(2));
  const TemporaryFile file(sample.file);
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  std::vector<std::thread> readers;
  readers.reserve(6);
  for (int i = 0; i < 6; ++i) readers.emplace_back([&] { expect_sample(**image, sample); });
  for (std::thread& reader : readers) reader.join();
}

TEST(KdumpImage, Opening_it_can_be_stopped) {
  const Sample sample(Rng(5));
  const TemporaryFile file(sample.file);
  Cancel cancel;
  cancel.request();
  const auto image = open_ram_image(file.path(), cancel);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::interrupted);
}

TEST(KdumpImage, A_child_that_hangs_is_not_waited_for_when_the_work_is_to_stop) {
  const Sample sample(Rng(6));
  const TemporaryFile file(sample.file);
  const auto filter = kdump::make_filter();
  ASSERT_TRUE(filter);
  Cancel cancel;
  const auto worker = kdump::Worker::start(file.fd(), file.path(), *filter, cancel);
  ASSERT_TRUE(worker) << error_line(worker.error());
  const pid_t child = (*worker)->pid();
  ASSERT_EQ(::kill(child, SIGSTOP), 0);
  const std::jthread user([&cancel] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    cancel.request();
  });
  const auto before = std::chrono::steady_clock::now();
  ByteVector page(kPageSize);
  std::vector<GuestFrame> unavailable;
  const auto read = (*worker)->read(GuestFrame(0), page, unavailable);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::interrupted);
  // It would have been given up after a minute.
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(30));
  EXPECT_EQ(::kill(child, 0), -1);  // ended and reaped
}

TEST(KdumpImage, A_flattened_dump_is_put_back_together_whatever_the_order_of_its_records) {
  const Sample sample(Rng(3));
  Rng rng(4);
  const TemporaryFile file(flattened_file(rng, sample.file));
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  EXPECT_TRUE((*image)->was_flattened());
  expect_sample(**image, sample);
}

TEST(KdumpImage, A_flattened_ELF_core_reads_as_the_core) {
  Rng rng(5);
  const std::vector<ElfSegmentSpec> segments = {
      {0x3000, random_bytes(rng, 3 * kPageSize), 0, PT_LOAD}};
  const TemporaryFile file(flattened_file(rng, elf64_core(segments)));
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  EXPECT_EQ((*image)->format(), ImageFormat::elf);
  EXPECT_TRUE((*image)->was_flattened());
  std::vector<GuestFrame> unavailable;
  EXPECT_EQ(read_all(**image, (*image)->extents()[0], 8, unavailable), segments[0].content);
}

TEST(KdumpImage, Damaged_dumps_are_one_line_or_read_never_a_crash) {
  const Sample sample(Rng(6));
  const Rng seed(7);
  for (std::uint64_t i = 0; i < 25; ++i) {
    SCOPED_TRACE(i);
    Rng rng = seed.split("damage", i);
    ByteVector bytes = sample.file;
    if (i % 5 == 0) bytes.resize(8 + rng.below(20000));
    for (int changes = 0; changes < 20; ++changes)  // headers, bitmaps, descriptors
      bytes[8 + rng.below(std::min<std::size_t>(bytes.size() - 8, 30000))] =
          static_cast<std::byte>(rng.chance(0.3) ? 0xff : rng.next());
    const TemporaryFile file(bytes);
    const auto image = open_ram_image(file.path());
    if (!image) {
      EXPECT_EQ(image.error().code, ErrorCode::bad_input) << error_line(image.error());
      EXPECT_THAT(error_line(image.error()),
                  AnyOf(HasSubstr("libkdumpfile failed on it"),
                        HasSubstr("its headers say that it goes on"),
                        HasSubstr("needs more bitmap than the header's"),
                        HasSubstr("beyond any file"), HasSubstr("without a page of memory")));
      continue;
    }
    Scratch scratch;
    std::vector<GuestFrame> unavailable;
    const Extent extent = (*image)->extents()[0];
    const auto pages =
        (*image)->read(extent.first, Pages(std::min<std::uint64_t>(extent.count.count(), 300)),
                       scratch, unavailable);
    if (!pages) {
      EXPECT_EQ(pages.error().code, ErrorCode::bad_input);
    }
  }
}

TEST(KdumpImage, A_shrinking_dump_is_gone_and_a_truncated_one_is_said_to_be) {
  const Sample sample(Rng(8));
  const TemporaryFile file(sample.file);
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image);
  file.truncate(sample.file.size() / 2);
  Scratch scratch;
  std::vector<GuestFrame> unavailable;
  const auto pages = (*image)->read(GuestFrame(700), Pages(300), scratch, unavailable);
  ASSERT_FALSE(pages);
  EXPECT_EQ(pages.error().code, ErrorCode::gone);
  EXPECT_EQ((*image)->check_intact().error().code, ErrorCode::gone);

  const auto truncated = open_ram_image(file.path());
  ASSERT_FALSE(truncated);
  EXPECT_EQ(truncated.error().code, ErrorCode::bad_input);
  EXPECT_THAT(error_line(truncated.error()), HasSubstr("truncated: its headers say"));
}

TEST(KdumpImage, A_dump_that_lacks_its_last_byte_or_part_of_any_table_is_truncated) {
  const Sample sample(Rng(13));
  for (const std::size_t size : {sample.file.size() - 1, std::size_t{4096 * 4 + 30},
                                 std::size_t{4096 * 3 + 10}, std::size_t{4096 * 2 + 10}}) {
    const TemporaryFile file(std::span(sample.file).first(size));
    EXPECT_THAT(error_of(file.path()),
                AnyOf(HasSubstr("truncated: its headers say"), HasSubstr("libkdumpfile failed")))
        << size;
  }
}

TEST(KdumpWorker, A_child_that_dies_is_told_in_one_line_and_reaped) {
  const Sample sample(Rng(9));
  const TemporaryFile file(sample.file);
  const auto filter = kdump::make_filter();
  ASSERT_TRUE(filter);
  auto worker = kdump::Worker::start(file.fd(), file.path(), *filter);
  ASSERT_TRUE(worker) << error_line(worker.error());
  const pid_t pid = (*worker)->pid();
  ::kill(pid, SIGKILL);
  ByteVector page(kPageSize);
  std::vector<GuestFrame> unavailable;
  const auto read = (*worker)->read(GuestFrame(0), page, unavailable);
  ASSERT_FALSE(read);
  EXPECT_EQ(error_line(read.error()),
            file.path() + ": libkdumpfile failed on it: the process was ended by SIGKILL");
  EXPECT_FALSE((*worker)->read(GuestFrame(0), page, unavailable)) << "and stays so";
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(KdumpWorker, The_child_ends_with_its_object) {
  const Sample sample(Rng(10));
  const TemporaryFile file(sample.file);
  const auto filter = kdump::make_filter();
  ASSERT_TRUE(filter);
  auto worker = kdump::Worker::start(file.fd(), file.path(), *filter);
  ASSERT_TRUE(worker);
  const pid_t pid = (*worker)->pid();
  EXPECT_EQ(::kill(pid, 0), 0);
  worker->reset();
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(KdumpWorker, The_child_ends_when_brim_is_killed) {
  const Sample sample(Rng(14));
  const TemporaryFile file(sample.file);
  const auto filter = kdump::make_filter();
  ASSERT_TRUE(filter);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd result(ends[0]);
  Fd to_test(ends[1]);
  const pid_t brim = ::fork();
  if (brim == 0) {
    const auto worker = kdump::Worker::start(file.fd(), file.path(), *filter);
    const pid_t pid = worker ? (*worker)->pid() : -1;
    const bool told = ::write(to_test.get(), &pid, sizeof(pid)) == sizeof(pid);
    while (told) ::pause();  // NOLINT(bugprone-infinite-loop): until it is killed
    ::_exit(1);
  }
  to_test.reset();
  pid_t pid = -1;
  ASSERT_EQ(::read(result.get(), &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
  ASSERT_GT(pid, 0);
  const Fd child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ASSERT_TRUE(child);
  ::kill(brim, SIGKILL);
  ASSERT_EQ(::waitpid(brim, nullptr, 0), brim);
  pollfd waiting = {child.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 30000), 1) << "the child outlives its parent";
}

// Its numbers are then still those of brim's own files.
TEST(KdumpWorker, A_child_that_has_no_descriptors_to_spare_writes_nothing) {
  const Sample sample(Rng(15));
  const TemporaryFile file(sample.file);
  const TemporaryFile own(bytes_of_text(""));
  const auto filter = kdump::make_filter();
  ASSERT_TRUE(filter);
  const pid_t brim = ::fork();
  if (brim == 0) {
    const int dump = ::dup2(file.fd(), 3);
    ::dup2(own.fd(), kdump::kSocketFd);
    ::syscall(SYS_close_range, 5, ~0U, 0);
    const rlimit ten = {10, 10};
    ::setrlimit(RLIMIT_NOFILE, &ten);
    ::_exit(kdump::Worker::start(dump, "dump", *filter) ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(brim, &status, 0), brim);
  EXPECT_EQ(status, 0) << "it started all the same";
  struct stat now = {};
  ASSERT_EQ(::fstat(own.fd(), &now), 0);
  EXPECT_EQ(now.st_size, 0);
}

// What the child may do, tried in a child.
int status_of_confined(const std::function<int()>& act) {
  const auto filter = kdump::make_filter();
  EXPECT_TRUE(filter);
  const TemporaryFile file(bytes_of_text("x"));
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const pid_t pid = ::fork();
  if (pid == 0) {
    const bool confined =
        kdump::arrange_descriptors(file.fd(), null.get(), null.get()) && kdump::confine(*filter);
    ::_exit(confined ? act() : 99);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return status;
}

TEST(KdumpConfinement, Reading_the_dump_is_allowed_and_opening_or_connecting_ends_the_child) {
  const int allowed = status_of_confined([] {
    char byte = 0;
    return ::pread(kdump::kDumpFd, &byte, 1, 0) == 1 && byte == 'x' ? 7 : 8;
  });
  ASSERT_TRUE(WIFEXITED(allowed));
  EXPECT_EQ(WEXITSTATUS(allowed), 7);
  const std::function<int()> forbidden[] = {
      [] { return ::open("/etc/passwd", O_RDONLY); },
      [] { return ::socket(AF_INET, SOCK_STREAM, 0); },
      [] { return ::kill(1, 0); },
      [] { return static_cast<int>(::write(1, "x", 1)); },
      [] {
        return ::mmap(nullptr, kPageSize, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0) == MAP_FAILED;
      },
  };
  for (const auto& act : forbidden) {
    const int status = status_of_confined(act);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    EXPECT_EQ(WTERMSIG(status), SIGSYS);
  }
}

TEST(Flattened, Damaged_records_are_one_clear_line_with_the_byte) {
  Rng rng(11);
  const ByteVector some = random_bytes(rng, 100);
  const std::int64_t far = std::int64_t{1} << 40;
  const struct {
    std::vector<FlatRecord> records;
    bool with_end;
    const char* expected;
  } kCases[] = {
      {{{0, 100, some}}, false, "truncated: a flattened dump ends with a record of offset -1"},
      {{{0, 101, some}}, false, "at byte 4096: truncated: flattened record of 101 bytes"},
      {{{-5, 100, some}}, true, "flattened record of offset -5 and size 100"},
      {{{0, 0, {}}}, true, "flattened record of offset 0 and size 0"},
      {{{0, -1, {}}}, true, "flattened record of offset 0 and size -1"},
      {{{-1, 5, some}}, true, "flattened record of offset -1 and size 5"},
      {{{far, 100, some}}, true, "more than 4 times the file and 1 GiB"},
      {{{INT64_MAX, INT64_MAX, some}}, true, "more than 4 times the file"},
      {{}, true, "a flattened dump without records"},
  };
  for (const auto& damaged : kCases) {
    const TemporaryFile file(flattened(damaged.records, damaged.with_end));
    EXPECT_THAT(error_of(file.path()), HasSubstr(damaged.expected));
    EXPECT_THAT(error_of(file.path()), HasSubstr(file.path()));
  }
  ByteVector version = flattened({});
  put_value(version, 24, htobe64(2));
  EXPECT_THAT(error_of(TemporaryFile(version).path()), HasSubstr("type 1, version 2; brim knows"));
  version.resize(100);
  EXPECT_THAT(error_of(TemporaryFile(version).path()), HasSubstr("truncated"));
}

TEST(Flattened, A_flattened_dump_in_a_flattened_dump_is_refused) {
  Rng rng(12);
  const ByteVector inner = flattened_file(rng, random_bytes(rng, 5000));
  const TemporaryFile file(flattened_file(rng, inner));
  EXPECT_THAT(error_of(file.path()), HasSubstr("a flattened dump inside a flattened dump"));
}

TEST(Flattened, Rearranging_it_can_be_stopped) {
  Rng rng(13);
  const TemporaryFile file(flattened_file(rng, random_bytes(rng, 5000)));
  Cancel cancel;
  cancel.request();
  const auto image = open_ram_image(file.path(), cancel);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::interrupted);
}

}  // namespace
}  // namespace brim::image
