// SPDX-License-Identifier: Apache-2.0
#include "host/program_log.h"

#include "base/text.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace brim::host {

ProgramLog::ProgramLog(Fd file)
    : file_(std::move(file)), name_(fmt::format("/proc/{}/fd/{}", ::getpid(), file_.get())) {}

Result<ProgramLog> ProgramLog::create() {
  Fd file(::memfd_create("brim-log", MFD_CLOEXEC));
  if (!file) return fail(errno_error(errno, "make memory for a log", ""));
  return ProgramLog(std::move(file));
}

std::string ProgramLog::last_line() const {
  constexpr off_t kLongest = 4096;
  std::string end(kLongest, '\0');
  const off_t size = ::lseek(file_.get(), 0, SEEK_END);
  const ssize_t n =
      ::pread(file_.get(), end.data(), end.size(), std::max<off_t>(size - kLongest, 0));
  end.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  std::string last;
  for (const std::string_view line : split(end, '\n'))
    if (!trim(line).empty()) last = trim(line);
  return last;
}

}  // namespace brim::host
