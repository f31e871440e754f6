// SPDX-License-Identifier: Apache-2.0
#include "host/own_program.h"

#include "host/files.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>

namespace brim::host {

Result<Fd> copy_of_own_program(const std::string& folder) {
  constexpr char kOwnProgram[] = "/proc/self/exe";
  constexpr mode_t kOwnerOnly = 0700;
  const Fd own(::open(kOwnProgram, O_RDONLY | O_CLOEXEC));
  if (!own) return fail(errno_error(errno, "open", kOwnProgram));
  BRIM_TRY(const std::string program, read_to_end(own.get(), kOwnProgram));
  Fd copy(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kOwnerOnly));
  if (!copy) return fail(errno_error(errno, "make a file without a name", folder));
  if (!write_all(copy.get(), program)) return fail(errno_error(errno, "copy a program", folder));
  // Clean pages can be evicted; and what is open for writing can't be started.
  if (::fsync(copy.get()) != 0) return fail(errno_error(errno, "write a program", folder));
  Fd reading(::open(fmt::format("/proc/self/fd/{}", copy.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!reading) return fail(errno_error(errno, "open a program's copy", folder));
  return reading;
}

}  // namespace brim::host
