// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a store is: a file (made ready here, readable by its owner only) or a PostgreSQL server.

#include "base/result.h"

#include <string>

namespace brim::study {

// "postgresql://…" or "postgres://…", as libpq takes it.
[[nodiscard]] bool is_postgresql(const std::string& location);
// The location as it may be shown: without passwords.
[[nodiscard]] std::string without_password(const std::string& location);
// With a time-out for the connection, unless it names one.
[[nodiscard]] std::string with_connect_timeout(std::string location);

// Makes the missing directories (mode 0700) and the file (0600), and sees that the file can be read
// and written and has nothing in it or an SQLite header. Returns its absolute path.
[[nodiscard]] Result<std::string> prepare_file(const std::string& path);

}  // namespace brim::study
