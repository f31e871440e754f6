// SPDX-License-Identifier: Apache-2.0
#include "image/detect.h"

#include "image/flattened.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <elf.h>

namespace brim::image {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  FileKind kind;
  std::string_view what;
  std::string_view remedy;
};

constexpr auto kFromLibvirt =
    "from a running guest, take one with virsh dump --memory-only, or QEMU's dump-guest-memory"sv;
constexpr auto kDiskImage =
    "it holds a disk, not memory; take memory with virsh dump --memory-only"sv;
constexpr auto kDecompress = "decompress it first"sv;
constexpr auto kVmwareRemedy =
    "give the .vmem file beside it, or convert the pair with VMware's vmss2core"sv;
constexpr auto kAcquireRaw = "convert it to a raw image first (Volatility 3's layerwriter does)"sv;
constexpr auto kXenRemedy =
    "take an ELF core with xl dump-core, or the domain's memory as a raw image"sv;

// Sources: QEMU migration/savevm.h and block/qcow2.h, libvirt src/qemu/qemu_saveimage.h,
// LiME's lime.h, AVML's image.rs, Windows' DUMP_HEADER, Volatility's vmware.py, Xen's
// libxc-migration-stream.pandoc and libxl's xl_saverestore, file(1)'s magic for the rest.
// A raw image's first page is the guest's interrupt table: the chance that it starts like one of
// these is small, and then file(1) would be wrong about it too.
constexpr Magic kMagics[] = {
    {"KDUMP   "sv, FileKind::kdump, {}, {}},
    {"DISKDUMP"sv, FileKind::kdump, {}, {}},
    {"makedumpfile\0\0\0\0"sv, FileKind::flattened, {}, {}},
    {"QEVM"sv, FileKind::foreign, "a QEMU migration stream (savevm)"sv, kFromLibvirt},
    {"LibvirtQemudSave"sv, FileKind::foreign, "a libvirt save file (virsh save)"sv,
     "virsh restore it, then take an image with virsh dump --memory-only"sv},
    {"LibvirtQemudPart"sv, FileKind::foreign, "an unfinished libvirt save file"sv, kFromLibvirt},
    {"QFI\xfb"sv, FileKind::foreign, "a qcow2 disk image"sv, kDiskImage},
    {"KDMV"sv, FileKind::foreign, "a VMDK disk image"sv, kDiskImage},
    {"# Disk DescriptorFile"sv, FileKind::foreign, "a VMDK disk descriptor"sv, kDiskImage},
    {"<<< "sv, FileKind::foreign, "a VirtualBox disk image"sv, kDiskImage},
    {"vhdxfile"sv, FileKind::foreign, "a VHDX disk image"sv, kDiskImage},
    {"\x7fVirtualBox SavedState"sv, FileKind::foreign, "a VirtualBox saved state"sv,
     "take an ELF core with VBoxManage debugvm NAME dumpvmcore"sv},
    {"EMiL"sv, FileKind::foreign, "a LiME memory dump"sv,
     "take it with format=raw or padded, or convert it to a raw image first"sv},
    {"AVML"sv, FileKind::foreign, "an AVML memory dump"sv,
     "convert it with avml-convert --format raw"sv},
    {"PAGEDU64"sv, FileKind::foreign, "a Windows crash dump (64 bits)"sv, kAcquireRaw},
    {"PAGEDUMP"sv, FileKind::foreign, "a Windows crash dump (32 bits)"sv, kAcquireRaw},
    {"hibr"sv, FileKind::foreign, "a Windows hibernation file"sv, kAcquireRaw},
    {"HIBR"sv, FileKind::foreign, "a Windows hibernation file"sv, kAcquireRaw},
    {"\xd0\xbe\xd2\xbe"sv, FileKind::foreign, "a VMware suspend or snapshot file"sv, kVmwareRemedy},
    {"\xd1\xba\xd1\xba"sv, FileKind::foreign, "a VMware suspend or snapshot file"sv, kVmwareRemedy},
    {"\xd2\xbe\xd2\xbe"sv, FileKind::foreign, "a VMware suspend or snapshot file"sv, kVmwareRemedy},
    {"\xd3\xbe\xd3\xbe"sv, FileKind::foreign, "a VMware suspend or snapshot file"sv, kVmwareRemedy},
    {"Xen saved domain"sv, FileKind::foreign, "a Xen save file (xl save)"sv, kXenRemedy},
    {"LinuxGuestRecord"sv, FileKind::foreign, "a Xen save file"sv, kXenRemedy},
    {"\xff\xff\xff\xff\xff\xff\xff\xffXENF"sv, FileKind::foreign, "a Xen migration stream"sv,
     kXenRemedy},
    {"\x1f\x8b\x08"sv, FileKind::foreign, "a gzip-compressed file"sv, kDecompress},
    {"\xfd"
     "7zXZ\0"sv,
     FileKind::foreign, "an xz-compressed file"sv, kDecompress},
    {"\x28\xb5\x2f\xfd"sv, FileKind::foreign, "a zstd-compressed file"sv, kDecompress},
    {"\x04\x22\x4d\x18"sv, FileKind::foreign, "an lz4-compressed file"sv, kDecompress},
    {"BZh"sv, FileKind::foreign, "a bzip2-compressed file"sv, kDecompress},
    {"\x89LZO\0\r\n\x1a\n"sv, FileKind::foreign, "an lzop-compressed file"sv, kDecompress},
    {"7z\xbc\xaf\x27\x1c"sv, FileKind::foreign, "a 7z archive"sv, kDecompress},
    {"PK\x03\x04"sv, FileKind::foreign, "a zip archive"sv, kDecompress},
};

// Fewer bytes may well be a tiny image's.
constexpr std::size_t kShortestBeginning = 3;

// ET_CORE is read; other ELF files hold programs. Both byte orders: the core reader says the rest.
Detected detect_elf(std::span<const std::byte> first_bytes) {
  const auto byte = [&](std::size_t at) {
    return at < first_bytes.size() ? static_cast<unsigned>(first_bytes[at]) : 0U;
  };
  const bool big_endian = byte(EI_DATA) == ELFDATA2MSB;
  const std::size_t type_at = offsetof(Elf64_Ehdr, e_type);  // the same in ELF32
  const unsigned type = big_endian ? byte(type_at) << 8U | byte(type_at + 1)
                                   : byte(type_at + 1) << 8U | byte(type_at);
  if (type == ET_REL || type == ET_EXEC || type == ET_DYN)
    return {FileKind::foreign, "an ELF program or library, not a core", kFromLibvirt};
  return {FileKind::elf, {}, {}};
}

}  // namespace

Detected detect(std::span<const std::byte> first_bytes) {
  const std::string_view text(reinterpret_cast<const char*>(first_bytes.data()),
                              first_bytes.size());
  if (text.starts_with(std::string_view(ELFMAG, SELFMAG))) return detect_elf(first_bytes);
  for (const Magic& magic : kMagics)
    if (text.starts_with(magic.bytes)) return {magic.kind, magic.what, magic.remedy};
  const auto begins = [&](std::string_view magic) { return magic.starts_with(text); };
  if (text.size() >= kShortestBeginning &&
      (begins(std::string_view(ELFMAG, SELFMAG)) ||
       std::any_of(std::begin(kMagics), std::end(kMagics),
                   [&](const Magic& magic) { return begins(magic.bytes); })))
    return {FileKind::truncated, {}, {}};
  return {};
}

}  // namespace brim::image
