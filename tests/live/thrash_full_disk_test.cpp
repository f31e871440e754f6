// SPDX-License-Identifier: Apache-2.0
// Disks that are full, or fill up: below the swap file, the store and the file of the result. Small
// file systems are mounted for it, and gone at the end.
#include "host/swap_area.h"
#include "thrash_fixture.h"

#include <atomic>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <sys/mount.h>

namespace brim::live {
namespace {

using testing::AnyOf;
using testing::EndsWith;
using testing::HasSubstr;

// A small file system in a folder of its own, as long as this lives.
class SmallDisk {
 public:
  // ext4 in a file, which can hold swap files; without a journal, so that what is freed is free at
  // once.
  static std::unique_ptr<SmallDisk> ext4(const std::string& folder, Bytes size) {
    const std::string place = folder + "/disk";
    const std::string command = fmt::format(
        "(truncate -s {0} {1}.image && mkfs.ext4 -q -F -m 0 -O ^has_journal {1}.image &&"
        " mkdir {1} && mount -o loop {1}.image {1}) >{1}.log 2>&1",
        size.count(), place);
    if (std::system(command.c_str()) != 0) return nullptr;
    return std::unique_ptr<SmallDisk>(new SmallDisk(place));
  }
  // In memory, for all but swap.
  static std::unique_ptr<SmallDisk> tmpfs(const std::string& folder, Bytes size) {
    const std::string place = folder + "/disk";
    std::filesystem::create_directory(place);
    const std::string options = fmt::format("size={}", size.count());
    if (::mount("tmpfs", place.c_str(), "tmpfs", 0, options.c_str()) != 0) return nullptr;
    return std::unique_ptr<SmallDisk>(new SmallDisk(place));
  }
  ~SmallDisk() {
    EXPECT_TRUE(eventually([this] { return ::umount2(place_.c_str(), 0) == 0; })) << place_;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] std::string operator/(std::string_view name) const {
    return place_ + "/" + std::string(name);
  }
  [[nodiscard]] const std::string& path() const { return place_; }
  void fill() const {
    std::ofstream filler(*this / "filler", std::ios::binary);
    const std::string block(4096, 'x');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  }
  void empty() const { std::filesystem::remove(*this / "filler"); }
  // All names but the test's own and ext4's, a line each.
  [[nodiscard]] std::string others() const {
    std::string names;
    for (const auto& item : std::filesystem::directory_iterator(place_)) {
      const std::string name = item.path().filename();
      if (name != "filler" && name != "lost+found") names += name + "\n";
    }
    return names;
  }

 private:
  explicit SmallDisk(std::string place) : place_(std::move(place)) {}
  std::string place_;
};

// Another program that takes all there is and gives it back, again and again.
class Hog {
 public:
  Hog(const SmallDisk& disk, Bytes size)
      : file_(::open((disk / "filler").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)),
        thread_([this, size] {
          while (!stop_) {
            static_cast<void>(::fallocate(file_, 0, 0, static_cast<off_t>(size.count())));
            static_cast<void>(::ftruncate(file_, 0));
          }
        }) {}
  ~Hog() {
    stop_ = true;
    thread_.join();
    ::close(file_);
  }
  Hog(const Hog&) = delete;
  Hog& operator=(const Hog&) = delete;

 private:
  int file_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class FullDisk : public ThrashLive {
 protected:
  // What brim says of a run in the store; empty where it can't.
  [[nodiscard]] json report(int run) const {
    const std::string command =
        fmt::format("BRIM_STATE_DIR={} BRIM_STORE={} {} report {} --format json >{} 2>&1",
                    scratch_ / "state", store_, BRIM_PROGRAM, run, scratch_ / "report");
    if (std::system(command.c_str()) != 0) return {};
    return json::parse(read_text(scratch_ / "report"), nullptr, false);
  }
};

TEST_F(FullDisk, One_that_fills_up_after_the_look_for_room_gives_a_line_and_leaves_nothing) {
  constexpr Bytes kDisk = mebibytes(96);
  constexpr Bytes kArea = mebibytes(64);
  const auto disk = SmallDisk::ext4(scratch_.path(), kDisk);
  BRIM_NEEDS(disk, "no ext4 in a file here: " + read_text(scratch_ / "disk.log"));
  bool filled_up = false;
  {
    const Hog hog(*disk, kDisk);
    // One try in some hundreds is caught between the look and the allocation.
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!filled_up && !HasFailure() && std::chrono::steady_clock::now() < deadline) {
      const auto area = host::SwapArea::create_file(
          host_, scratch_ / "state/swap", {disk->path(), kArea, host::SwapOrder::last, Bytes(0)});
      if (area) continue;
      const std::string line = error_line(area.error());
      EXPECT_EQ(area.error().code, ErrorCode::missing) << line;
      EXPECT_THAT(line,
                  AnyOf(HasSubstr("would leave less than"),
                        HasSubstr("no room for a swap file of 64.0 MiB: the disk filled up")));
      filled_up = line.find("filled up") != std::string::npos;
    }
  }
  EXPECT_TRUE(filled_up);
  EXPECT_EQ(disk->others(), "");
  EXPECT_EQ(left_of(::getpid()), "");
}

TEST_F(FullDisk, One_that_is_too_small_for_the_swap_file_is_said_before_anything_is_made) {
  const auto disk = SmallDisk::ext4(scratch_.path(), mebibytes(256));
  BRIM_NEEDS(disk, "no ext4 in a file here: " + read_text(scratch_ / "disk.log"));
  BrimRun run(*this, {"live.swap_folder=" + disk->path()});
  EXPECT_EQ(run.wait(), 3);
  EXPECT_THAT(run.errors(), HasSubstr("a swap file of 192.0 MiB would leave less than 1.0 GiB"));
  EXPECT_EQ(std::ranges::count(run.errors(), '\n'), 1) << run.errors();
  EXPECT_EQ(disk->others(), "");
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(FullDisk, Below_the_store_a_run_comes_to_its_end_and_earlier_ones_are_whole) {
  const auto disk = SmallDisk::tmpfs(scratch_.path(), mebibytes(2));
  BRIM_NEEDS(disk, "no file system can be mounted here");
  store_ = *disk / "store.sqlite";
  BrimRun first(*this, {"schedule.duration=2s"});
  ASSERT_EQ(first.wait(), 0) << first.errors();
  const json whole = report(1);
  ASSERT_TRUE(whole.is_object()) << read_text(scratch_ / "report");
  BrimRun second(*this, {"schedule.duration=4s"});
  ASSERT_TRUE(eventually([&] { return !second.processes("--consumer").empty(); }, 30));
  disk->fill();
  EXPECT_EQ(second.wait(), 0) << second.errors();
  EXPECT_THAT(second.result()["warnings"].dump(),
              HasSubstr("Run 2 is recorded in part: " + store_ + ": the disk is full"));
  EXPECT_EQ(left_of(second.pid()), "");
  // One that finds it full from the start.
  BrimRun third(*this, {"schedule.duration=2s"});
  EXPECT_EQ(third.wait(), 0) << third.errors();
  EXPECT_THAT(third.result()["warnings"].dump(),
              HasSubstr("Not recorded: " + store_ + ": the disk is full"));
  EXPECT_EQ(left_of(third.pid()), "");
  disk->empty();
  EXPECT_EQ(report(1), whole);
}

TEST_F(FullDisk, Below_the_result_gives_a_line_and_leaves_the_earlier_one_whole) {
  const auto disk = SmallDisk::tmpfs(scratch_.path(), mebibytes(1));
  BRIM_NEEDS(disk, "no file system can be mounted here");
  const std::string result = *disk / "result.json";
  std::ofstream(result) << "earlier";
  disk->fill();
  BrimRun run(*this, {"schedule.duration=2s"}, {"--output", result});
  EXPECT_EQ(run.wait(), 2);
  EXPECT_THAT(run.errors(), EndsWith(result + ": write: No space left on device\n"));
  EXPECT_EQ(std::ranges::count(run.errors(), '\n'), 1) << run.errors();
  EXPECT_EQ(read_text(result), "earlier");
  EXPECT_EQ(disk->others(), "result.json\n");
  EXPECT_EQ(left_of(run.pid()), "");
  EXPECT_TRUE(report(1).is_object()) << "it is in the store all the same";
}

}  // namespace
}  // namespace brim::live
