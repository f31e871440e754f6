// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include "base/printable.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

namespace brim {

Error errno_error(int errno_value, std::string_view tried, std::string where) {
  ErrorCode code = ErrorCode::io;
  if (errno_value == EACCES || errno_value == EPERM) code = ErrorCode::denied;
  if (errno_value == ENOENT || errno_value == ENOTDIR) code = ErrorCode::missing;
  if (errno_value == ESRCH) code = ErrorCode::gone;
  return Error{code, fmt::format("{}: {}", tried, std::generic_category().message(errno_value)),
               std::move(where)};
}

Error named_by_user(Error error) {
  if (error.code == ErrorCode::missing) error.code = ErrorCode::bad_input;
  return error;
}

std::string error_line(const Error& error) {
  return printable(error.where.empty() ? error.what
                                       : fmt::format("{}: {}", error.where, error.what));
}

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::missing:
      return 3;
    case ErrorCode::interrupted:
      return 130;
    case ErrorCode::bad_input:
    case ErrorCode::denied:
    case ErrorCode::gone:
    case ErrorCode::io:
      return 2;
  }
  return 2;
}

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_input:
      return "bad_input";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::gone:
      return "gone";
    case ErrorCode::io:
      return "io";
    case ErrorCode::missing:
      return "missing";
    case ErrorCode::interrupted:
      return "interrupted";
  }
  return "io";
}

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "brim: a bug in brim: %s is false at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace brim
