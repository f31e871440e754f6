// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: builds image files in memory, and puts them in temporary files.

#include "base/fd.h"
#include "base/rng.h"
#include "image/ram_image.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <elf.h>
#include <endian.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace brim::image::test {

using ByteVector = std::vector<std::byte>;

inline ByteVector random_bytes(Rng& rng, std::size_t size) {
  ByteVector bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(rng.next());
  return bytes;
}

inline ByteVector bytes_of_text(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

template <class T>
void append(ByteVector& bytes, const T& value) {
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof(T));
}

// At `offset`, the gap before it filled with zeros.
inline void put(ByteVector& bytes, std::size_t offset, std::span<const std::byte> content) {
  bytes.resize(std::max(bytes.size(), offset + content.size()));
  std::copy(content.begin(), content.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}
template <class T>
void put_value(ByteVector& bytes, std::size_t offset, const T& value) {
  put(bytes, offset, std::as_bytes(std::span(&value, 1)));
}

// A temporary file that is removed at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::span<const std::byte> content = {}) {
    path_ = ::testing::TempDir() + "brim-image-XXXXXX";
    fd_ = Fd(::mkstemp(path_.data()));
    EXPECT_TRUE(fd_);
    write_at(0, content);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write_at(std::uint64_t offset, std::span<const std::byte> content) const {
    EXPECT_EQ(::pwrite(fd_.get(), content.data(), content.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(content.size()));
  }
  void truncate(std::uint64_t size) const {
    EXPECT_EQ(::ftruncate(fd_.get(), static_cast<off_t>(size)), 0);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  std::string path_;
  Fd fd_;
};

// An ELF core under construction. Segment contents follow the headers, at any alignment asked for.
struct ElfSegmentSpec {
  std::uint64_t address = 0;
  ByteVector content;
  std::uint64_t memory_size = 0;  // 0: as long as the content
  std::uint32_t type = PT_LOAD;
};

template <class Header, class Program, class Section>
ByteVector elf_core_of(std::span<const ElfSegmentSpec> segments, unsigned char elf_class,
                       std::size_t gap) {
  const bool extended = segments.size() >= PN_XNUM;
  Header header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = elf_class;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_CORE;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof(Header);
  header.e_phentsize = sizeof(Program);
  header.e_phnum = extended ? PN_XNUM : static_cast<std::uint16_t>(segments.size());
  header.e_phoff = sizeof(Header) + sizeof(Section);
  header.e_shoff = extended ? sizeof(Header) : 0;
  header.e_shentsize = sizeof(Section);
  header.e_shnum = extended ? 1 : 0;
  ByteVector file;
  put_value(file, 0, header);
  Section section = {};
  section.sh_info = static_cast<std::uint32_t>(segments.size());
  put_value(file, sizeof(Header), section);
  std::size_t offset = header.e_phoff + segments.size() * sizeof(Program);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    offset += gap;
    Program program = {};
    program.p_type = segments[i].type;
    program.p_offset = static_cast<decltype(program.p_offset)>(offset);
    program.p_paddr = static_cast<decltype(program.p_paddr)>(segments[i].address);
    program.p_filesz = static_cast<decltype(program.p_filesz)>(segments[i].content.size());
    program.p_memsz = segments[i].memory_size != 0
                          ? static_cast<decltype(program.p_memsz)>(segments[i].memory_size)
                          : program.p_filesz;
    put_value(file, header.e_phoff + i * sizeof(Program), program);
    offset += segments[i].content.size();
  }
  file.reserve(offset);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    Program program = {};
    std::memcpy(&program, file.data() + header.e_phoff + i * sizeof(Program), sizeof(Program));
    put(file, program.p_offset, segments[i].content);
  }
  return file;
}

inline ByteVector elf64_core(std::span<const ElfSegmentSpec> segments, std::size_t gap = 0) {
  return elf_core_of<Elf64_Ehdr, Elf64_Phdr, Elf64_Shdr>(segments, ELFCLASS64, gap);
}
inline ByteVector elf32_core(std::span<const ElfSegmentSpec> segments, std::size_t gap = 0) {
  return elf_core_of<Elf32_Ehdr, Elf32_Phdr, Elf32_Shdr>(segments, ELFCLASS32, gap);
}
// Where program header i is, for tests that damage it.
inline std::size_t program_header_at(std::size_t i) {
  return sizeof(Elf64_Ehdr) + sizeof(Elf64_Shdr) + i * sizeof(Elf64_Phdr);
}

// A compressed kdump (header version 6, x86-64) with pages stored uncompressed, as makedumpfile
// does with pages that don't shrink. frames: what RAM there is; a frame without content is
// filtered.
struct KdumpFrame {
  std::uint64_t frame = 0;
  ByteVector content;  // one page, or empty: filtered
};

inline ByteVector kdump_file(std::span<const KdumpFrame> frames, std::uint64_t frame_count) {
  constexpr std::size_t kBlock = 4096;
  const std::size_t bitmap_blocks = (frame_count + 8 * kBlock - 1) / (8 * kBlock);
  ByteVector file(kBlock * (2 + 2 * bitmap_blocks));
  put(file, 0, bytes_of_text("KDUMP   "));
  put_value(file, 8, std::uint32_t{6});             // header_version
  put(file, 12, bytes_of_text("Linux"));            // utsname.sysname
  put(file, 12 + 2 * 65, bytes_of_text("6.1.0"));   // utsname.release
  put(file, 12 + 4 * 65, bytes_of_text("x86_64"));  // utsname.machine
  put_value(file, 428, std::uint32_t{kBlock});      // block_size
  put_value(file, 432, std::uint32_t{1});           // sub_hdr_size in blocks
  put_value(file, 436, static_cast<std::uint32_t>(2 * bitmap_blocks));
  put_value(file, 440, static_cast<std::uint32_t>(frame_count));  // max_mapnr
  put_value(file, 460, std::uint32_t{1});                         // nr_cpus
  put_value(file, kBlock + 96, frame_count);                      // sub header's max_mapnr_64
  const std::size_t bitmap = 2 * kBlock;
  std::size_t dumped = 0;
  for (const KdumpFrame& frame : frames) {
    const auto bit = static_cast<std::byte>(1U << (frame.frame % 8));
    file[bitmap + frame.frame / 8] |= bit;
    if (frame.content.empty()) continue;
    file[bitmap + bitmap_blocks * kBlock + frame.frame / 8] |= bit;
    ++dumped;
  }
  const std::size_t descriptors = file.size();
  std::size_t data = descriptors + dumped * 24;
  std::size_t descriptor = descriptors;
  for (const KdumpFrame& frame : frames) {
    if (frame.content.empty()) continue;
    put_value(file, descriptor, static_cast<std::uint64_t>(data));
    put_value(file, descriptor + 8, static_cast<std::uint32_t>(kPageSize));
    put_value(file, descriptor + 12, std::uint32_t{0});  // flags: not compressed
    put_value(file, descriptor + 16, std::uint64_t{0});
    descriptor += 24;
    data += kPageSize;
  }
  for (const KdumpFrame& frame : frames)
    if (!frame.content.empty()) file.insert(file.end(), frame.content.begin(), frame.content.end());
  return file;
}

// makedumpfile's flattened form of a file, in records of the sizes that the draw gives, shuffled.
struct FlatRecord {
  std::int64_t offset = 0;
  std::int64_t size = 0;
  ByteVector content;
};
inline ByteVector flattened(std::span<const FlatRecord> records, bool with_end = true) {
  ByteVector file(4096);
  put(file, 0, bytes_of_text("makedumpfile"));
  put_value(file, 16, htobe64(1));
  put_value(file, 24, htobe64(1));
  for (const FlatRecord& record : records) {
    append(file, htobe64(static_cast<std::uint64_t>(record.offset)));
    append(file, htobe64(static_cast<std::uint64_t>(record.size)));
    file.insert(file.end(), record.content.begin(), record.content.end());
  }
  if (with_end) {
    append(file, ~std::uint64_t{0});
    append(file, ~std::uint64_t{0});
  }
  return file;
}
inline ByteVector flattened_file(Rng& rng, std::span<const std::byte> file) {
  std::vector<FlatRecord> records;
  for (std::size_t at = 0; at < file.size();) {
    const std::size_t size = std::min<std::size_t>(1 + rng.below(9000), file.size() - at);
    const auto part = file.subspan(at, size);
    records.push_back({static_cast<std::int64_t>(at), static_cast<std::int64_t>(size),
                       ByteVector(part.begin(), part.end())});
    at += size;
  }
  rng.shuffle(std::span(records));
  return flattened(records);
}

inline std::string error_of(const std::string& path) {
  const auto image = open_ram_image(path);
  return image ? std::string("no error") : error_line(image.error());
}

// All pages of one frame range, read in pieces of `step` pages.
inline ByteVector read_all(const RamImage& image, const Extent& extent, std::uint64_t step,
                           std::vector<GuestFrame>& unavailable) {
  ByteVector bytes;
  Scratch scratch;
  for (std::uint64_t done = 0; done < extent.count.count(); done += step) {
    const Pages count(std::min(step, extent.count.count() - done));
    const auto read = image.read(extent.first + done, count, scratch, unavailable);
    EXPECT_TRUE(read) << (read ? "" : error_line(read.error()));
    if (!read) return bytes;
    bytes.insert(bytes.end(), read->begin(), read->end());
  }
  return bytes;
}

}  // namespace brim::image::test
