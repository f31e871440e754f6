// SPDX-License-Identifier: Apache-2.0
#include "lab/archive.h"

#include "base/fd.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace brim::lab {
namespace {

using Reader = std::unique_ptr<archive, int (*)(archive*)>;
using Entry = std::unique_ptr<archive_entry, void (*)(archive_entry*)>;

Error archive_failed(archive* of, std::string_view tried, std::string where) {
  const char* why = ::archive_error_string(of);
  return {ErrorCode::io, fmt::format("{}: {}", tried, why != nullptr ? why : "unknown"),
          std::move(where)};
}

Error not_compressed(archive* of, const std::string& where) {
  Error error = archive_failed(of, "decompress", where);
  error.code = ErrorCode::bad_input;
  return error;
}

mode_t mode_of(ArchiveEntry::Kind kind) {
  switch (kind) {
    case ArchiveEntry::Kind::directory:
      return S_IFDIR | 0755;
    case ArchiveEntry::Kind::file:
      return S_IFREG | 0644;
    case ArchiveEntry::Kind::program:
      return S_IFREG | 0755;
    case ArchiveEntry::Kind::link:
      return S_IFLNK | 0777;
    case ArchiveEntry::Kind::character_device:
      return S_IFCHR | 0600;
  }
  return S_IFREG;
}

Result<std::string> bytes_of(const ArchiveEntry& entry) {
  if (entry.kind != ArchiveEntry::Kind::file && entry.kind != ArchiveEntry::Kind::program)
    return std::string();
  if (entry.source.empty()) return entry.text;
  std::ifstream file(entry.source, std::ios::binary);
  if (!file) return fail(errno_error(errno, "open", entry.source));
  return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<void> write_entry(archive* to, const ArchiveEntry& entry, const std::string& where) {
  BRIM_TRY(const std::string bytes, bytes_of(entry));
  const Entry header(::archive_entry_new(), ::archive_entry_free);
  ::archive_entry_set_pathname(header.get(), entry.name.c_str());
  ::archive_entry_set_mode(header.get(), mode_of(entry.kind));
  ::archive_entry_set_mtime(header.get(), 0, 0);
  ::archive_entry_set_size(header.get(), static_cast<la_int64_t>(bytes.size()));
  if (entry.kind == ArchiveEntry::Kind::link)
    ::archive_entry_set_symlink(header.get(), entry.text.c_str());
  if (entry.kind == ArchiveEntry::Kind::character_device)
    ::archive_entry_set_rdev(header.get(), makedev(entry.major, entry.minor));
  if (::archive_write_header(to, header.get()) != ARCHIVE_OK ||
      ::archive_write_data(to, bytes.data(), bytes.size()) != static_cast<la_ssize_t>(bytes.size()))
    return fail(archive_failed(to, fmt::format("write {}", entry.name), where));
  return {};
}

}  // namespace

Result<void> decompress(std::span<const std::byte> data, const std::string& to,
                        const std::string& where) {
  const Reader reader(::archive_read_new(), ::archive_read_free);
  ::archive_read_support_filter_all(reader.get());
  ::archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  if (::archive_read_open_memory(reader.get(), data.data(), data.size()) != ARCHIVE_OK ||
      ::archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
    return fail(not_compressed(reader.get(), where));
  if (::archive_filter_code(reader.get(), 0) == ARCHIVE_FILTER_NONE)
    return fail(ErrorCode::bad_input, "not compressed in a way brim knows", where);
  const Fd file(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) return fail(errno_error(errno, "create", to));
  if (::archive_read_data_into_fd(reader.get(), file.get()) != ARCHIVE_OK)
    return fail(not_compressed(reader.get(), where));
  return {};
}

Result<void> write_initramfs(const std::string& path, const std::vector<ArchiveEntry>& entries) {
  const Reader writer(::archive_write_new(), ::archive_write_free);
  ::archive_write_set_format_cpio_newc(writer.get());
  // Whole blocks: the kernel wants what follows to begin at a multiple of four.
  ::archive_write_set_bytes_in_last_block(writer.get(), 512);
  if (::archive_write_open_filename(writer.get(), path.c_str()) != ARCHIVE_OK)
    return fail(archive_failed(writer.get(), "create", path));
  for (const ArchiveEntry& entry : entries) BRIM_CHECK(write_entry(writer.get(), entry, path));
  if (::archive_write_close(writer.get()) != ARCHIVE_OK)
    return fail(archive_failed(writer.get(), "write", path));
  return {};
}

}  // namespace brim::lab
