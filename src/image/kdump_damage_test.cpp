// SPDX-License-Identifier: Apache-2.0
#include "image/test_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

namespace brim::image {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Where kdump_file() puts things (one block of bitmap each).
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kStatusAt = 424;
constexpr std::size_t kBlockSizeAt = 428;
constexpr std::size_t kSubBlocksAt = 432;
constexpr std::size_t kBitmapBlocksAt = 436;
constexpr std::size_t kSplitAt = 4096 + 12;
constexpr std::size_t kFirst64At = 4096 + 80;
constexpr std::size_t kEnd64At = 4096 + 88;
constexpr std::size_t kMaxMapnr64At = 4096 + 96;
constexpr std::size_t kDescriptorsAt = 4 * 4096;
constexpr std::size_t kDescriptorSize = 24;
constexpr std::uint64_t kFrames = 600;

// Frames 0 to 599, all held.
ByteVector whole_dump(Rng& rng) {
  std::vector<KdumpFrame> frames;
  for (std::uint64_t frame = 0; frame < kFrames; ++frame)
    frames.push_back({frame, random_bytes(rng, kPageSize)});
  return kdump_file(frames, kFrames);
}

// No page has 5 bytes.
void spoil_page(ByteVector& dump, std::uint64_t frame) {
  put_value(dump, kDescriptorsAt + frame * kDescriptorSize + 8, std::uint32_t{5});
}

// What a read of the whole image says is unavailable; all else must be the file's.
std::vector<GuestFrame> unavailable_of(const RamImage& image, const ByteVector& dump) {
  std::vector<GuestFrame> unavailable;
  const ByteVector pages = read_all(image, {GuestFrame(0), Pages(kFrames)}, 512, unavailable);
  EXPECT_EQ(pages.size(), kFrames * kPageSize);
  const std::size_t data = kDescriptorsAt + kFrames * kDescriptorSize;
  for (std::uint64_t frame = 0; frame < kFrames && !pages.empty(); ++frame) {
    const bool missing =
        std::find(unavailable.begin(), unavailable.end(), GuestFrame(frame)) != unavailable.end();
    const auto read = std::span(pages).subspan(frame * kPageSize, kPageSize);
    const auto planted = std::span(dump).subspan(data + frame * kPageSize, kPageSize);
    const ByteVector expected =
        missing ? ByteVector(kPageSize) : ByteVector(planted.begin(), planted.end());
    EXPECT_TRUE(std::equal(read.begin(), read.end(), expected.begin())) << "frame " << frame;
  }
  return unavailable;
}

TEST(KdumpDamage, A_page_that_cannot_be_read_costs_itself_only_and_is_told_with_its_frame) {
  Rng rng(1);
  ByteVector dump = whole_dump(rng);
  for (const std::uint64_t frame : {40U, 41U, 255U, 590U}) spoil_page(dump, frame);
  const TemporaryFile file(dump);
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  EXPECT_FALSE((*image)->damage());
  Scratch scratch;
  std::vector<GuestFrame> last;
  ASSERT_TRUE((*image)->read(GuestFrame(590), Pages(1), scratch, last));
  EXPECT_THAT(error_line(*(*image)->damage()), HasSubstr("page frame 590: "));
  EXPECT_EQ(unavailable_of(**image, dump),
            (std::vector{GuestFrame(40), GuestFrame(41), GuestFrame(255), GuestFrame(590)}));
  ASSERT_TRUE((*image)->damage());
  EXPECT_EQ((*image)->damage()->code, ErrorCode::bad_input);
  EXPECT_EQ(error_line(*(*image)->damage()),
            file.path() + ": libkdumpfile failed on it: page frame 40: Wrong page size: 5");
  EXPECT_TRUE((*image)->check_intact());
}

TEST(KdumpDamage, A_dump_whose_writer_ran_out_of_space_is_told_to_be_and_what_it_has_is_read) {
  Rng rng(2);
  ByteVector dump = whole_dump(rng);
  put_value(dump, kStatusAt, std::uint32_t{8});
  const ByteVector nothing(kDescriptorSize);
  for (std::uint64_t frame = 500; frame < kFrames; ++frame)
    put(dump, kDescriptorsAt + frame * kDescriptorSize, nothing);
  const TemporaryFile file(dump);
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  const std::string incomplete = file.path() + ": incomplete dump: its writer ran out of space";
  EXPECT_EQ(error_line(*(*image)->damage()), incomplete) << "whether a page was missed or not";
  EXPECT_EQ(unavailable_of(**image, dump).size(), kFrames - 500);
  EXPECT_THAT(error_line(*(*image)->damage()), StartsWith(incomplete));
  EXPECT_THAT(error_line(*(*image)->damage()), HasSubstr("page frame 500: "));

  dump.resize(dump.size() / 2);
  EXPECT_THAT(error_of(TemporaryFile(dump).path()),
              HasSubstr("incomplete dump: its writer ran out of space: its headers say that it "
                        "goes on to byte"));
}

struct FlawedHeader {
  const char* name;
  void (*damage)(ByteVector&);
  const char* expected;
};
const FlawedHeader kFlawedHeaders[] = {
    {"more bitmap than file",
     [](ByteVector& b) { put_value(b, kBitmapBlocksAt, std::uint32_t{0x7fffffff}); },
     "truncated: its headers say that it goes on to byte 8796093026304"},
    {"sub header larger than the file",
     [](ByteVector& b) { put_value(b, kSubBlocksAt, std::uint32_t{1000000}); },
     "truncated: its headers say that it goes on to byte 4096012288"},
    {"large blocks", [](ByteVector& b) { put_value(b, kBlockSizeAt, std::uint32_t{1} << 20); },
     "truncated: its headers say that it goes on to byte 4194304"},
    {"a file of a magic only", [](ByteVector& b) { b.resize(8); }, "truncated: its headers say"},
    {"a part of the header", [](ByteVector& b) { b.resize(100); }, "truncated: its headers say"},
    {"more pages than bitmap",
     [](ByteVector& b) { put_value(b, kMaxMapnr64At, std::uint64_t{1} << 40); },
     "max_mapnr 1099511627776 needs more bitmap than the header's 2 blocks"},
    {"a page far away",
     [](ByteVector& b) {
       put_value(b, kDescriptorsAt + 20 * kDescriptorSize, std::uint64_t{1} << 62);
     },
     "page descriptor of frame 20 points to byte 4611686018427387904, beyond any file"},
    {"no frames", [](ByteVector& b) { put_value(b, kMaxMapnr64At, std::uint64_t{0}); },
     "a kdump without a page of memory"},
    {"version 0", [](ByteVector& b) { put_value(b, kVersionAt, std::uint32_t{0}); },
     "a kdump without a page of memory"},
    {"a piece that ends before it starts",
     [](ByteVector& b) {
       put_value(b, kSplitAt, std::uint32_t{1});
       put_value(b, kFirst64At, std::uint64_t{300});
       put_value(b, kEnd64At, std::uint64_t{200});
     },
     "a kdump without a page of memory"},
};

TEST(KdumpDamage, Headers_that_cannot_be_are_one_line_that_says_which) {
  Rng rng(3);
  const ByteVector dump = whole_dump(rng);
  for (const FlawedHeader& flawed : kFlawedHeaders) {
    SCOPED_TRACE(flawed.name);
    ByteVector bytes = dump;
    flawed.damage(bytes);
    const TemporaryFile file(bytes);
    const auto image = open_ram_image(file.path());
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, ErrorCode::bad_input);
    EXPECT_THAT(error_line(image.error()), StartsWith(file.path() + ": " + flawed.expected));
  }
}

TEST(KdumpDamage, A_piece_of_a_split_dump_is_noted_and_the_pages_of_the_others_are_unavailable) {
  Rng rng(4);
  ByteVector dump = whole_dump(rng);
  const TemporaryFile whole(dump);
  EXPECT_THAT((*open_ram_image(whole.path()))->notes(), IsEmpty());
  put_value(dump, kSplitAt, std::uint32_t{1});
  put_value(dump, kEnd64At, std::uint64_t{400});
  const TemporaryFile file(dump);
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  ASSERT_EQ((*image)->notes().size(), 1U);
  EXPECT_THAT((*image)->notes()[0], StartsWith(file.path() + " is one piece of a split dump"));
  EXPECT_EQ(unavailable_of(**image, dump).size(), kFrames - 400);
  EXPECT_FALSE((*image)->damage());
}

// A file as a block device, while the object lives.
class LoopDevice {
 public:
  explicit LoopDevice(int file) {
    const Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    const int number = control ? ::ioctl(control.get(), LOOP_CTL_GET_FREE) : -1;
    if (number < 0) return;
    path_ = "/dev/loop" + std::to_string(number);
    device_ = Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (device_ && ::ioctl(device_.get(), LOOP_SET_FD, file) != 0) device_.reset();
  }
  ~LoopDevice() {
    if (device_) ::ioctl(device_.get(), LOOP_CLR_FD, 0);
  }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

  [[nodiscard]] bool exists() const { return static_cast<bool>(device_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  Fd device_;
};

TEST(KdumpDamage, A_dump_on_a_block_device_is_not_truncated) {
  Rng rng(5);
  ByteVector dump = whole_dump(rng);
  dump.resize((dump.size() + kPageSize - 1) / kPageSize * kPageSize);  // whole sectors
  const TemporaryFile file(dump);
  const LoopDevice device(file.fd());
  if (!device.exists()) GTEST_SKIP() << "no loop device can be made here";
  const auto image = open_ram_image(device.path());
  ASSERT_TRUE(image) << error_line(image.error());
  EXPECT_THAT(unavailable_of(**image, dump), IsEmpty());
}

}  // namespace
}  // namespace brim::image
