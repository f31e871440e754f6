// SPDX-License-Identifier: Apache-2.0
#include "lab/kernel_image.h"

#include "host/scratch_directory.h"
#include "lab/archive.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>
#include <zstd.h>

namespace brim::lab {
namespace {

constexpr std::size_t kSetupSize = 512 * 3;  // two sectors and the boot sector
constexpr std::size_t kGap = 0x40;           // before the payload, code that unpacks it

std::string zstd_of(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

// A bzImage with this payload.
std::string image_of(const std::string& payload, std::uint16_t protocol = 0x020f) {
  std::string image(kSetupSize + kGap, '\x90');
  const auto put = [&image](std::size_t offset, auto number) {
    std::memcpy(image.data() + offset, &number, sizeof number);
  };
  image[0x1f1] = 2;
  image.replace(0x202, 4, "HdrS");
  put(0x206, protocol);
  put(0x248, static_cast<std::uint32_t>(kGap));
  put(0x24c, static_cast<std::uint32_t>(payload.size()));
  return image + payload + std::string(100, '\xcc');
}

Result<KernelPayload> payload_of(const std::string& image) {
  return find_kernel_payload(std::as_bytes(std::span(image)), "image");
}

TEST(KernelImage, An_ELF_kernel_comes_out_as_it_was_packed) {
  const host::ScratchDirectory scratch;
  const std::string kernel =
      "\x7f"
      "ELF" +
      std::string(100000, 'k');
  scratch.write("vmlinuz", image_of(zstd_of(kernel) + "size"));
  const auto done = unpack_kernel(scratch / "vmlinuz", scratch / "vmlinux");
  ASSERT_TRUE(done) << error_line(done.error());
  EXPECT_EQ(scratch.read("vmlinux"), kernel);
}

TEST(KernelImage, The_appended_length_is_no_part_of_the_payload_but_gzip_has_none) {
  const auto other = payload_of(image_of(std::string(50, 'x')));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->offset, kSetupSize + kGap);
  EXPECT_EQ(other->size, 46U);
  const auto gzip = payload_of(image_of("\x1f\x8b" + std::string(48, 'x')));
  ASSERT_TRUE(gzip);
  EXPECT_EQ(gzip->size, 50U);
}

TEST(KernelImage, What_is_no_kernel_is_refused_with_the_reason) {
  EXPECT_FALSE(payload_of(""));
  EXPECT_FALSE(payload_of(std::string(2000, 'x')));
  EXPECT_FALSE(payload_of(image_of("payload", 0x0207)));
  std::string outside = image_of(std::string(50, 'x'));
  outside.resize(kSetupSize + kGap + 49);
  EXPECT_FALSE(payload_of(outside));
  const host::ScratchDirectory scratch;
  scratch.write("packed_text", image_of(zstd_of("no ELF file") + "size"));
  scratch.write("unpacked", image_of("\x7f"
                                     "ELF and more, not compressed"));
  scratch.write("cut", image_of(zstd_of("\x7f"
                                        "ELF" +
                                        std::string(5000, 'k'))
                                    .substr(0, 15)));
  for (const char* name : {"packed_text", "unpacked", "cut"})
    EXPECT_FALSE(unpack_kernel(scratch / name, scratch / "out")) << name;
}

TEST(Initramfs, The_same_entries_make_the_same_bytes_and_hold_what_was_asked_for) {
  using Kind = ArchiveEntry::Kind;
  const host::ScratchDirectory scratch;
  scratch.write("program", "#!run");
  const std::vector<ArchiveEntry> entries = {{Kind::directory, "dev", "", "", 0, 0},
                                             {Kind::character_device, "dev/console", "", "", 5, 1},
                                             {Kind::program, "init", scratch / "program", "", 0, 0},
                                             {Kind::link, "sh", "", "init", 0, 0}};
  ASSERT_TRUE(write_initramfs(scratch / "one", entries));
  ASSERT_TRUE(write_initramfs(scratch / "two", entries));
  const std::string bytes = scratch.read("one");
  EXPECT_EQ(bytes, scratch.read("two"));
  EXPECT_TRUE(bytes.starts_with("070701")) << "newc, the one format the kernel takes";
  EXPECT_NE(bytes.find("#!run"), std::string::npos);
  EXPECT_EQ(bytes.size() % 512, 0U) << "archives may follow one another";
  EXPECT_FALSE(write_initramfs(scratch / "three", {{Kind::file, "x", "/nonexistent", "", 0, 0}}));
}

}  // namespace
}  // namespace brim::lab
