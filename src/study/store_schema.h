// SPDX-License-Identifier: Apache-2.0
#pragma once
// The store's tables, as the migrations that make them: from nothing (version 0) to the newest.
// A migration that was ever released is never edited; a change is a further one.
//
// run: one row a run. sample: its samples, numbered in the order recorded. Times are nanoseconds
// since 1970 (UTC). Version 2 tells whose process makes a run (RunOwner).

#include <span>
#include <string>
#include <string_view>

namespace brim::study {

enum class Dialect : std::uint8_t { sqlite, postgresql };

// One step: the statements that lead from version - 1 to version.
struct Migration {
  int version = 0;
  std::span<const std::string_view> statements;
};

[[nodiscard]] std::span<const Migration> migrations();  // versions 1, 2, 3 ... in order
[[nodiscard]] int newest_schema_version();

// The statement in a dialect: {id} a number given by the database, {clustered} how a table is kept
// in the order of its key.
[[nodiscard]] std::string in_dialect(std::string_view statement, Dialect dialect);

}  // namespace brim::study
