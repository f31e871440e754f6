// SPDX-License-Identifier: Apache-2.0
#include "study/store_connection.h"

#include "study/store_location.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/statvfs.h>

namespace brim::study {
namespace {

constexpr int kBusyMilliseconds = 10'000;
constexpr long long kApplicationId = 0x6272696d;  // "brim", in the SQLite header
constexpr long long kMigrationLock = 0x6272696d;  // PostgreSQL advisory lock

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '.' || text.back() == ' '))
    text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// Hardly enough left for the index of SQLite's log (32 KiB), without which it opens nothing.
bool disk_is_full(const std::string& file) {
  constexpr unsigned long kLeastRoom = 64UL << 10;
  struct statvfs status {};
  const std::string folder = std::filesystem::path(file).parent_path();
  return ::statvfs(folder.c_str(), &status) == 0 && status.f_bavail * status.f_frsize < kLeastRoom;
}

Error sqlite_error(const soci::sqlite3_soci_error& error, const std::string& where) {
  int code = error.result() & 0xff;  // the primary one
  if (code == SQLITE_IOERR && disk_is_full(where)) code = SQLITE_FULL;
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::io, "another process has held the store locked for more than 10 s", where};
    case SQLITE_FULL:
      return {ErrorCode::io, "the disk is full; what was recorded before is kept", where};
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {ErrorCode::denied,
              "the store can't be written: the file or its directory is read-only", where};
    case SQLITE_CANTOPEN:
      return {ErrorCode::denied,
              "the store can't be opened: its directory must be writable (for SQLite's log)",
              where};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::bad_input,
              "the store is damaged; move it away, or try sqlite3's .recover on a copy", where};
    default:
      return {ErrorCode::io, one_line(error.get_error_message()), where};
  }
}

Error postgresql_error(const soci::soci_error& error, const std::string& where) {
  const auto* const told = dynamic_cast<const soci::postgresql_soci_error*>(&error);
  const std::string state = told == nullptr ? std::string() : told->sqlstate();
  const bool denied = state.starts_with("28") || state == "42501";  // PostgreSQL manual, appendix A
  return {denied ? ErrorCode::denied : ErrorCode::io, one_line(error.get_error_message()), where};
}

// Switching to WAL needs the file for itself, and SQLite does not wait for that: try again.
void use_wal(soci::session& sql) {
  for (int waited = 0;; waited += 20) {
    try {
      std::string mode;
      sql << "PRAGMA journal_mode = WAL", soci::into(mode);
      return;
    } catch (const soci::sqlite3_soci_error& error) {
      if ((error.result() & 0xff) != SQLITE_BUSY || waited >= kBusyMilliseconds) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

void connect_sqlite(soci::session& sql, const std::string& path) {
  const bool plain = path.find('=') == std::string::npos;
  sql.open(soci::sqlite3, plain ? path : fmt::format("dbname=\"{}\"", path));
  sql << fmt::format("PRAGMA busy_timeout = {}", kBusyMilliseconds);
  sql << "PRAGMA foreign_keys = ON";
}

void connect_postgresql(soci::session& sql, const std::string& location) {
  sql.open(soci::postgresql, with_connect_timeout(location));
  sql << "SET client_encoding = 'UTF8'";
  sql << "SET client_min_messages = warning";
}

struct Tables {
  long long versions = 0;  // 1 where there is a table of schema versions
  long long all = 0;
};

// In one statement: between two, another process may make the store.
Tables count_tables(Connection& to) {
  static constexpr std::string_view kSqlite =
      "sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
  static constexpr std::string_view kPostgresql =
      "(SELECT table_name AS name FROM information_schema.tables"
      " WHERE table_schema = current_schema()) AS tables";
  Tables tables;
  to.sql << fmt::format(
      "SELECT count(CASE WHEN name = 'schema_version' THEN 1 END), count(*) FROM {}",
      to.dialect == Dialect::sqlite ? kSqlite : kPostgresql),
      soci::into(tables.versions), soci::into(tables.all);
  return tables;
}

// 0: nothing there yet.
Result<int> schema_version(Connection& to) {
  const Tables tables = count_tables(to);
  if (tables.versions == 0) {
    // A PostgreSQL schema may well hold other tables; an SQLite file is brim's alone.
    if (to.dialect == Dialect::sqlite && tables.all > 0)
      return fail(ErrorCode::bad_input, "not a brim store: an SQLite database of something else",
                  to.where);
    return 0;
  }
  long long version = -1;
  to.sql << "SELECT max(version) FROM schema_version", soci::into(version);
  if (version > newest_schema_version())
    return fail(ErrorCode::bad_input,
                fmt::format("made by a newer brim (schema {}, this one knows up to {}); use that "
                            "brim, or another store",
                            version, newest_schema_version()),
                to.where);
  return static_cast<int>(version);
}

// All migrations that are missing, in one transaction: a store is never between two versions.
Result<void> migrate(Connection& to) {
  BRIM_TRY(const int seen, schema_version(to));
  if (seen == newest_schema_version()) return {};
  if (to.dialect == Dialect::sqlite && seen == 0) {
    to.sql << fmt::format("PRAGMA application_id = {}", kApplicationId);
    to.sql << "PRAGMA auto_vacuum = INCREMENTAL";
  }
  Transaction transaction(to, Access::write);
  if (to.dialect == Dialect::postgresql)
    to.sql << fmt::format("SELECT pg_advisory_xact_lock({})", kMigrationLock);
  BRIM_TRY(const int version, schema_version(to));  // another process may have been first
  for (const Migration& migration : migrations()) {
    if (migration.version <= version) continue;
    for (const std::string_view statement : migration.statements)
      to.sql << in_dialect(statement, to.dialect);
    to.sql << fmt::format("UPDATE schema_version SET version = {}", migration.version);
  }
  transaction.commit();
  return {};
}

std::string_view begin_statement(Dialect dialect, Access access) {
  if (dialect == Dialect::sqlite) return access == Access::write ? "BEGIN IMMEDIATE" : "BEGIN";
  // In PostgreSQL's own default each statement sees what was committed before it.
  return access == Access::write ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
}

}  // namespace

Error store_error(const std::exception& thrown, const std::string& where) {
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&thrown))
    return sqlite_error(*sqlite, where);
  if (const auto* soci = dynamic_cast<const soci::soci_error*>(&thrown))
    return postgresql_error(*soci, where);
  return {ErrorCode::io, one_line(thrown.what()), where};
}

Transaction::Transaction(Connection& connection, Access access) : sql_(connection.sql) {
  sql_ << std::string(begin_statement(connection.dialect, access));
}

Transaction::~Transaction() {
  if (committed_) return;
  try {
    sql_ << "ROLLBACK";
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): it was rolled back already
  }
}

void Transaction::commit() {
  sql_ << "COMMIT";
  committed_ = true;
}

Result<void> connect(Connection& to, const std::string& location) {
  to.where = without_password(location);
  std::string path;
  if (is_postgresql(location)) {
    to.dialect = Dialect::postgresql;
  } else {
    BRIM_TRY(path, prepare_file(location));
    to.where = path;
  }
  return guarded(to.where, [&]() -> Result<void> {
    if (to.dialect == Dialect::postgresql) {
      connect_postgresql(to.sql, location);
      return migrate(to);
    }
    connect_sqlite(to.sql, path);
    BRIM_CHECK(migrate(to));
    use_wal(to.sql);
    return {};
  });
}

}  // namespace brim::study
