// SPDX-License-Identifier: Apache-2.0
#include "study/store_schema.h"

#include <array>
#include <utility>

namespace brim::study {
namespace {

constexpr std::array<std::string_view, 4> kVersion1 = {
    "CREATE TABLE schema_version (version INTEGER NOT NULL)",
    "INSERT INTO schema_version (version) VALUES (0)",
    "CREATE TABLE run ("
    " id {id},"
    " area TEXT NOT NULL,"
    " command TEXT NOT NULL,"
    " arguments TEXT NOT NULL,"
    " label TEXT NOT NULL,"
    " provenance TEXT NOT NULL,"
    " status TEXT NOT NULL,"
    " started_ns BIGINT NOT NULL,"
    " finished_ns BIGINT,"
    " version TEXT NOT NULL,"
    " context_json TEXT NOT NULL,"
    " result_json TEXT NOT NULL)",
    "CREATE TABLE sample ("
    " run_id BIGINT NOT NULL REFERENCES run (id) ON DELETE CASCADE,"
    " number BIGINT NOT NULL,"
    " metric TEXT NOT NULL,"
    " subject TEXT NOT NULL,"
    " t_seconds DOUBLE PRECISION NOT NULL,"
    " point BIGINT NOT NULL,"
    " repeat BIGINT NOT NULL,"
    " value DOUBLE PRECISION NOT NULL,"
    " low DOUBLE PRECISION,"
    " high DOUBLE PRECISION,"
    " PRIMARY KEY (run_id, number)) {clustered}"};

// A run of version 1 does not tell its process: one that seems to be running can only be an
// interrupted one, or one that will still say how it ended.
constexpr std::array<std::string_view, 5> kVersion2 = {
    "ALTER TABLE run ADD COLUMN host_id TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE run ADD COLUMN boot_id TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE run ADD COLUMN process BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE run ADD COLUMN process_start_ticks BIGINT NOT NULL DEFAULT 0",
    "UPDATE run SET status = 'interrupted' WHERE status = 'running'"};

constexpr std::array kMigrations = std::to_array<Migration>({{1, kVersion1}, {2, kVersion2}});

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

int newest_schema_version() { return kMigrations.back().version; }

std::string in_dialect(std::string_view statement, Dialect dialect) {
  const bool sqlite = dialect == Dialect::sqlite;
  // AUTOINCREMENT: the number of a removed run is never given again.
  const std::pair<std::string_view, std::string_view> words[] = {
      {"{id}", sqlite ? "INTEGER PRIMARY KEY AUTOINCREMENT"
                      : "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"},
      {"{clustered}", sqlite ? "WITHOUT ROWID" : ""}};
  std::string out(statement);
  for (const auto& [placeholder, word] : words)
    if (const std::size_t at = out.find(placeholder); at != std::string::npos)
      out.replace(at, placeholder.size(), word);
  return out;
}

}  // namespace brim::study
