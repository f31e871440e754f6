// SPDX-License-Identifier: Apache-2.0
#include "image/flattened.h"

#include "base/units.h"
#include "image/mapped_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <endian.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace brim::image {
namespace {

constexpr std::uint64_t kHeaderSize = 4096;
constexpr std::uint64_t kRecordHeaderSize = 16;
constexpr std::uint64_t kTypeOffset = 16;
constexpr std::uint64_t kVersionOffset = 24;

// How much is copied at once: bounds how long a shrunk source goes unnoticed.
constexpr std::uint64_t kCopyStep = std::uint64_t{16} << 20;

std::int64_t number_at(std::span<const std::byte> file, std::uint64_t offset) {
  std::uint64_t big_endian = 0;
  std::memcpy(&big_endian, file.data() + offset, sizeof(big_endian));
  return static_cast<std::int64_t>(be64toh(big_endian));
}

tl::unexpected<Error> bad(std::string what, const std::string& name, std::uint64_t byte) {
  return fail(ErrorCode::bad_input, std::move(what), fmt::format("{} at byte {}", name, byte));
}

Result<void> check_header(std::span<const std::byte> file, const std::string& name) {
  if (file.size() < kHeaderSize)
    return bad(fmt::format("truncated: a flattened dump's header has {} bytes", kHeaderSize), name,
               file.size());
  const std::int64_t type = number_at(file, kTypeOffset);
  const std::int64_t version = number_at(file, kVersionOffset);
  if (type != 1 || version != 1)
    return bad(fmt::format("flattened dump of type {}, version {}; brim knows type 1, version 1",
                           type, version),
               name, kTypeOffset);
  return {};
}

Result<Fd> temporary_file(const std::string& beside) {
  std::vector<std::string> folders;
  if (const char* chosen = std::getenv("TMPDIR"); chosen != nullptr && *chosen != '\0')
    folders.emplace_back(chosen);
  folders.emplace_back("/var/tmp");  // on a disk; /tmp is often memory
  const std::size_t slash = beside.rfind('/');
  folders.push_back(slash == std::string::npos ? "." : beside.substr(0, slash + 1));
  int first_errno = 0;
  for (const std::string& folder : folders) {
    Fd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd) return fd;
    if (first_errno == 0) first_errno = errno;
    std::string pattern = folder + "/brim-XXXXXX";  // a filesystem without O_TMPFILE
    Fd named(::mkostemp(pattern.data(), O_CLOEXEC));
    if (!named) continue;
    ::unlink(pattern.c_str());
    return named;
  }
  return fail(errno_error(first_errno,
                          "make a temporary file to rearrange the flattened dump (set TMPDIR)",
                          folders.front()));
}

Result<void> write_at(int fd, std::uint64_t offset, std::span<const std::byte> bytes,
                      const MappedFile& source, const Cancel& cancel) {
  while (!bytes.empty()) {
    if (cancel.requested()) return fail(ErrorCode::interrupted, "interrupted", source.name());
    const std::size_t step = std::min<std::size_t>(bytes.size(), kCopyStep);
    const ssize_t wrote = ::pwrite(fd, bytes.data(), step, static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      const int write_errno = errno;
      BRIM_CHECK(source.check_intact());  // EFAULT: the source has shrunk under us
      return fail(errno_error(
          write_errno, "rearrange the flattened dump into a temporary file (TMPDIR says where)",
          source.name()));
    }
    offset += static_cast<std::uint64_t>(wrote);
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

}  // namespace

Result<std::uint64_t> for_each_record(std::span<const std::byte> file, const std::string& name,
                                      const RecordSink& sink) {
  BRIM_CHECK(check_header(file, name));
  const std::uint64_t most = 4 * file.size() + gibibytes(1).count();
  std::uint64_t dump_size = 0;
  std::uint64_t at = kHeaderSize;
  while (true) {
    if (file.size() - at < kRecordHeaderSize)
      return bad("truncated: a flattened dump ends with a record of offset -1 and size -1", name,
                 file.size());
    const std::int64_t offset = number_at(file, at);
    const std::int64_t size = number_at(file, at + 8);
    if (offset == -1 && size == -1) return dump_size;
    if (offset < 0 || size <= 0)
      return bad(
          fmt::format("flattened record of offset {} and size {}; neither can be", offset, size),
          name, at);
    const auto length = static_cast<std::uint64_t>(size);
    const std::uint64_t end = static_cast<std::uint64_t>(offset) + length;  // < 2^64: both < 2^63
    if (end > most)
      return bad(
          fmt::format("flattened record ends at {:#x} of the dump, more than 4 times the file "
                      "and 1 GiB",
                      end),
          name, at);
    const std::uint64_t data = at + kRecordHeaderSize;
    if (length > file.size() - data)
      return bad(fmt::format("truncated: flattened record of {} bytes, the file ends after {}",
                             size, file.size() - data),
                 name, at);
    BRIM_CHECK(sink(static_cast<std::uint64_t>(offset), file.subspan(data, length)));
    dump_size = std::max(dump_size, end);
    at = data + length;
  }
}

Result<Fd> unflatten(Fd flattened, const std::string& name, const Cancel& cancel) {
  BRIM_TRY(const auto source, MappedFile::create(std::move(flattened), name));
  BRIM_TRY(Fd dump, temporary_file(name));
  const auto size = for_each_record(source->bytes(), name,
                                    [&](std::uint64_t offset, std::span<const std::byte> bytes) {
                                      return write_at(dump.get(), offset, bytes, *source, cancel);
                                    });
  BRIM_CHECK(source->check_intact());
  if (!size) return fail(size.error());
  if (*size == 0) return fail(ErrorCode::bad_input, "a flattened dump without records", name);
  return dump;
}

}  // namespace brim::image
