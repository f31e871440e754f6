// SPDX-License-Identifier: Apache-2.0
#include "host/qemu.h"
#include "host/qemu_options.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Words split at spaces, after the program.
QemuArguments parsed(const std::string& line) {
  std::vector<std::string> words = {"/usr/bin/qemu-system-x86_64"};
  std::istringstream stream(line);
  for (std::string word; stream >> word;) words.push_back(word);
  return *parse_qemu_arguments(words);
}

TEST(QemuArguments, System_emulators_are_told_from_qemus_other_programs) {
  for (const char* program :
       {"qemu-system-x86_64", "/usr/bin/qemu-system-aarch64", "kvm", "/usr/libexec/qemu-kvm",
        "/usr/bin/qemu-system-x86_64 (deleted)", "/nix/store/x/.qemu-system-x86_64-wrapped"})
    EXPECT_TRUE(is_system_emulator(program)) << program;
  for (const char* program : {"qemu-img", "/usr/bin/qemu-nbd", "qemu-x86_64", "qemu-ga",
                              "qemu-storage-daemon", "kvm-nx-lpage-re", "", "/usr/bin/kvm/x"})
    EXPECT_FALSE(is_system_emulator(program)) << program;
  EXPECT_FALSE(parse_qemu_arguments({}));
  EXPECT_FALSE(parse_qemu_arguments({"timeout", "9", "qemu-system-x86_64"}));
}

TEST(QemuArguments, Names_come_in_three_forms_and_debug_threads_is_none) {
  EXPECT_EQ(parsed("-name web").name, "web");
  EXPECT_EQ(parsed("-name guest=web,debug-threads=on").name, "web");
  EXPECT_EQ(parsed("--name a,,b,process=x").name, "a,b");
  EXPECT_EQ(parsed("-name debug-threads=on").name, std::nullopt);
  EXPECT_EQ(parsed("-name").name, std::nullopt);
}

TEST(QemuArguments, Memory_is_mebibytes_unless_it_says_otherwise) {
  EXPECT_EQ(parsed("").memory, mebibytes(128));
  EXPECT_EQ(parsed("-m 64").memory, mebibytes(64));
  EXPECT_EQ(parsed("-m 2G").memory, gibibytes(2));
  EXPECT_EQ(parsed("-m 1.5G").memory, mebibytes(1536));
  EXPECT_EQ(parsed("-m size=2097152k,slots=4,maxmem=8G").memory, gibibytes(2));
  EXPECT_EQ(parsed("-m 512,slots=2,maxmem=1G").memory, mebibytes(512));
  EXPECT_EQ(parsed("-machine memory.size=1G").memory, gibibytes(1));
  EXPECT_EQ(parsed("-m 9k").memory, Bytes(16384)) << "rounded up to 8 KiB, as QEMU does";
}

TEST(QemuArguments, Sizes_that_are_none_are_refused) {
  for (const char* text : {"", "x", "G", "-1", "1X", "1GG", "0x", "99999999999999999999", "1e3",
                           "17179869184G", "16E"})
    EXPECT_FALSE(parse_qemu_size(text, mebibytes(1))) << text;
  EXPECT_EQ(parse_qemu_size("0x10", mebibytes(1)), mebibytes(16));
  EXPECT_EQ(parse_qemu_size("15E", Bytes(1)), Bytes(15ULL << 60));
  EXPECT_EQ(parse_qemu_size("4096b", mebibytes(1)), Bytes(4096));
}

TEST(QemuArguments, A_machine_backend_stands_for_the_machines_memory) {
  const auto arguments = parsed(
      "-object memory-backend-memfd,id=m0,size=256M,share=on -machine pc,memory-backend=m0 -m 256");
  const auto blocks = arguments.ram_blocks();
  ASSERT_THAT(blocks, SizeIs(1));
  EXPECT_EQ(blocks[0].id, "m0");
  EXPECT_EQ(blocks[0].kind, RamBlock::Kind::memfd);
  EXPECT_EQ(blocks[0].size, mebibytes(256));
  EXPECT_TRUE(arguments.shared);
}

TEST(QemuArguments, Libvirts_json_objects_mean_the_same) {
  const std::string backend =
      R"({"qom-type":"memory-backend-file","id":"pc.ram","mem-path":"/dev/hugepages/a,b",)"
      R"("share":true,"x-use-canonical-path-for-ramblock-id":false,"size":1073741824})";
  const auto arguments = parse_qemu_arguments(
      {"/usr/bin/qemu-system-x86_64", "-name", "guest=vm1,debug-threads=on", "-machine",
       "pc-q35-7.2,usb=off,dump-guest-core=off,memory-backend=pc.ram,mem-merge=off", "-m",
       "size=1048576k", "-object", backend, "-uuid", "c7a5fdbd-cdaf-9455-926a-d65c16db1809",
       "-chardev", "socket,id=charmonitor,fd=21,server=on,wait=off", "-mon",
       "chardev=charmonitor,id=monitor,mode=control"});
  ASSERT_TRUE(arguments);
  ASSERT_THAT(arguments->ram_blocks(), SizeIs(1));
  EXPECT_EQ(arguments->ram_blocks()[0].path, "/dev/hugepages/a,b");
  EXPECT_TRUE(arguments->ram_blocks()[0].share);
  EXPECT_EQ(arguments->memory, gibibytes(1));
  EXPECT_EQ(arguments->uuid, "c7a5fdbd-cdaf-9455-926a-d65c16db1809");
  EXPECT_FALSE(arguments->merge);
  EXPECT_THAT(arguments->qmp_sockets, IsEmpty()) << "libvirt passes a descriptor, not a path";
}

TEST(QemuArguments, Numa_backends_and_dimms_are_ram_and_nvdimms_are_not) {
  const auto numa = parsed(
      "-m 128 -object memory-backend-ram,id=n0,size=64M -object memory-backend-ram,id=n1,size=64M "
      "-numa node,memdev=n0 -numa node,nodeid=1,memdev=n1");
  ASSERT_THAT(numa.ram_blocks(), SizeIs(2));
  EXPECT_EQ(numa.ram_blocks()[1].id, "n1");
  const auto mixed = parsed(
      "-m 128 -object memory-backend-ram,id=d,size=64M -device pc-dimm,memdev=d "
      "-object memory-backend-file,id=nv,size=1G,mem-path=/nv -device nvdimm,memdev=nv "
      "-object memory-backend-ram,id=idle,size=32M");
  ASSERT_THAT(mixed.ram_blocks(), SizeIs(2));
  EXPECT_EQ(mixed.ram_blocks()[0].id, "") << "the machine's own comes first";
  EXPECT_EQ(mixed.ram_blocks()[1].id, "d");
  EXPECT_EQ(mixed.memory, mebibytes(128));
}

TEST(QemuArguments, Mem_path_makes_the_machines_memory_a_file) {
  const auto arguments = parsed("-m 64 -mem-path /dev/hugepages -mem-prealloc");
  ASSERT_THAT(arguments.ram_blocks(), SizeIs(1));
  EXPECT_EQ(arguments.ram_blocks()[0].kind, RamBlock::Kind::file);
  EXPECT_THAT(arguments.memory_paths, ElementsAre("/dev/hugepages"));
}

TEST(QemuArguments, Merging_is_off_by_the_machine_or_by_a_backend) {
  EXPECT_TRUE(parsed("-m 64").merge);
  EXPECT_FALSE(parsed("-machine mem-merge=off").merge);
  EXPECT_FALSE(
      parsed("-object memory-backend-ram,id=a,size=1G,merge=off -M memory-backend=a").merge);
  EXPECT_TRUE(parsed("-object memory-backend-ram,id=a,size=1G,merge=off").merge) << "not in use";
}

TEST(QemuArguments, Only_listening_control_sockets_are_monitors) {
  EXPECT_THAT(parsed("-qmp unix:/a,server,nowait").qmp_sockets, ElementsAre("/a"));
  EXPECT_THAT(parsed("-qmp-pretty unix:/a,server=on").qmp_sockets, ElementsAre("/a"));
  EXPECT_THAT(parsed("-qmp unix:/a").qmp_sockets, IsEmpty()) << "a client";
  EXPECT_THAT(parsed("-qmp tcp:localhost:4444,server").qmp_sockets, IsEmpty());
  EXPECT_THAT(parsed("-qmp unix:/a,server=on,abstract=on").qmp_sockets, IsEmpty());
  EXPECT_THAT(parsed("-mon chardev=c,mode=control -chardev socket,id=c,path=/b,server=on,wait=off")
                  .qmp_sockets,
              ElementsAre("/b"));
  EXPECT_THAT(parsed("-mon chardev=c -chardev socket,id=c,path=/b,server=on").qmp_sockets,
              IsEmpty())
      << "a human monitor";
  EXPECT_TRUE(parsed("-qmp unix:/a,server=on").monitors[0].waits);
  EXPECT_FALSE(parsed("-qmp unix:/a,server=on,wait=off").monitors[0].waits);
  EXPECT_FALSE(parsed("-qmp unix:/a,server,nowait").monitors[0].waits);
}

TEST(QemuArguments, Broken_options_are_no_reason_to_stop) {
  const auto arguments = parsed("-object {\"qom-type\": -object [] -m , -machine -name -chardev");
  EXPECT_EQ(arguments.memory, mebibytes(128));
  std::string nested;
  for (int i = 0; i < 100000; ++i) nested += "{\"a\":";
  EXPECT_EQ(QemuOptions::parse(nested, "").get("a"), std::nullopt);
}

}  // namespace
}  // namespace brim::host
