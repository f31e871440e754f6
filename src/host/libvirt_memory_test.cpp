// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// As `virsh dumpxml` of a running domain gives it, cut to what matters.
std::string domain(const std::string& backing, const std::string& devices) {
  return "<domain type='kvm' id='3'><name>web</name>" + backing +
         "<cpu><numa><cell id='0' memory='1048576' unit='KiB'/>"
         "<cell id='1' memory='1048576' unit='KiB' memAccess='shared'/></numa></cpu><devices>" +
         devices + "</devices></domain>";
}

std::string dimm(const std::string& alias, const std::string& node = "0",
                 const std::string& attributes = "model='dimm'", const std::string& source = "") {
  return "<memory " + attributes + ">" + source + "<target><size unit='KiB'>524288</size><node>" +
         node + "</node></target><alias name='" + alias +
         "'/><address type='dimm' slot='0'/></memory>";
}

TEST(LibvirtMemory, Dimms_and_virtio_mem_are_blocks_and_nvdimms_are_not) {
  const auto blocks = memory_devices(
      domain("", dimm("dimm0") + dimm("virtiomem0", "0", "model='virtio-mem'") +
                     dimm("nvdimm0", "0", "model='nvdimm'") + "<memballoon model='virtio'/>"));
  ASSERT_THAT(blocks, SizeIs(2));
  EXPECT_EQ(blocks[0].id, "memdimm0");
  EXPECT_EQ(blocks[0].kind, RamBlock::Kind::anonymous);
  EXPECT_EQ(blocks[0].size, mebibytes(512));
  EXPECT_FALSE(blocks[0].share);
  EXPECT_TRUE(blocks[0].is_ram);
  EXPECT_EQ(blocks[1].id, "memvirtiomem0");
}

TEST(LibvirtMemory, Backing_and_access_are_the_devices_own_or_else_the_cells_or_the_domains) {
  const std::string memfd = "<memoryBacking><source type='memfd'/></memoryBacking>";
  const std::string shared_file =
      "<memoryBacking><source type='file'/><access mode='shared'/></memoryBacking>";
  const std::string page_size = "<source><pagesize unit='KiB'>2048</pagesize></source>";
  const auto only = [](const std::string& xml) {
    const auto blocks = memory_devices(xml);
    return blocks.size() == 1 ? blocks.front() : RamBlock{};
  };
  EXPECT_EQ(only(domain(memfd, dimm("dimm0"))).kind, RamBlock::Kind::memfd);
  EXPECT_TRUE(only(domain(memfd, dimm("dimm0"))).share) << "as QEMU has it";
  EXPECT_EQ(only(domain(shared_file, dimm("dimm0"))).kind, RamBlock::Kind::file);
  EXPECT_TRUE(only(domain(shared_file, dimm("dimm0"))).share);
  EXPECT_FALSE(
      only(domain(shared_file, dimm("dimm0", "0", "model='dimm' access='private'"))).share);
  EXPECT_TRUE(only(domain("", dimm("dimm0", "1"))).share) << "the cell's memAccess";
  EXPECT_EQ(only(domain("", dimm("dimm0", "0", "model='dimm'", page_size))).kind,
            RamBlock::Kind::file);
  EXPECT_EQ(only(domain("<memoryBacking><hugepages/></memoryBacking>", dimm("dimm0"))).kind,
            RamBlock::Kind::file);
}

TEST(LibvirtMemory, What_says_too_little_gives_no_block) {
  EXPECT_THAT(memory_devices(""), IsEmpty());
  EXPECT_THAT(memory_devices("<domain><devices><memory model='dimm'"), IsEmpty());
  EXPECT_THAT(memory_devices("<network/>"), IsEmpty());
  EXPECT_THAT(memory_devices(domain("", "<memory model='dimm'/>")), IsEmpty());
  EXPECT_THAT(memory_devices(domain("", dimm(""))), IsEmpty()) << "a domain that does not run";
}

}  // namespace
}  // namespace brim::host
