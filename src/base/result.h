// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the world can cause is a Result; a bug hits BRIM_ASSERT. No exception crosses a module.
//
// An Error says what kind it is, what is wrong (with what would be right, where that is known), and
// where: a path, a peer, "file.toml:12", "file at byte 64". error_line() is what a person sees.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace brim {

enum class ErrorCode : std::uint8_t {
  bad_input,    // the user's file, option or argument is wrong
  denied,       // it is there, but this user may not
  gone,         // it was there when asked for, and is not any more
  io,           // the system reported a failure that is neither of these
  missing,      // something this command needs does not exist on this machine
  interrupted,  // the user stopped it
};

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::io;
  std::string what;   // one clause, no full stop: "not an ELF core: e_machine is 40, expected 62"
  std::string where;  // path, peer or position; may be empty
};

template <class T = void>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string what,
                                                std::string where = {}) {
  return tl::unexpected<Error>(Error{code, std::move(what), std::move(where)});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

// An Error from errno: EACCES and EPERM are `denied`; ENOENT and ENOTDIR `missing`; ESRCH `gone`;
// all else `io`. `tried` is what was attempted ("open", "read pagemap").
[[nodiscard]] Error errno_error(int errno_value, std::string_view tried, std::string where);

// For what the user named: not being there is then bad input, not something this machine lacks.
[[nodiscard]] Error named_by_user(Error error);

// "where: what", one line; control characters and broken UTF-8 escaped.
[[nodiscard]] std::string error_line(const Error& error);

// The exit status of a command that ends with this error: 2 bad_input, denied, gone, io; 3 missing;
// 130 interrupted.
[[nodiscard]] int exit_status(ErrorCode code);
[[nodiscard]] std::string_view name_of(ErrorCode code);

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace brim

// Live in release builds; never for user input.
#define BRIM_ASSERT(condition) \
  ((condition) ? void() : ::brim::assertion_failed(#condition, __FILE__, __LINE__))

// Assigns the value of a Result expression, or returns its error from the enclosing function.
#define BRIM_TRY_CONCAT_(a, b) a##b
#define BRIM_TRY_CONCAT(a, b) BRIM_TRY_CONCAT_(a, b)
#define BRIM_TRY(declaration, ...) \
  BRIM_TRY_(BRIM_TRY_CONCAT(brim_try_, __LINE__), declaration, __VA_ARGS__)
#define BRIM_TRY_(name, declaration, ...)                  \
  auto name = (__VA_ARGS__);                               \
  if (!name) return ::brim::fail(std::move(name).error()); \
  declaration = std::move(*name)
// The same for Result<void>.
#define BRIM_CHECK(...)                                   \
  do {                                                    \
    if (auto brim_check = (__VA_ARGS__); !brim_check)     \
      return ::brim::fail(std::move(brim_check).error()); \
  } while (false)
