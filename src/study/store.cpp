// SPDX-License-Identifier: Apache-2.0
// The only file that includes SOCI, which is why it is long. Its exceptions end here.
#include "study/store.h"

#include "base/utf8.h"
#include "study/metric.h"
#include "study/store_location.h"
#include "study/store_schema.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include <fmt/format.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

namespace brim::study {

namespace {

struct Connection {
  soci::session sql;
  Dialect dialect = Dialect::sqlite;
  std::string where;  // as shown in errors
};

using std::chrono::system_clock;

constexpr int kBusyMilliseconds = 10'000;
constexpr long long kApplicationId = 0x6272696d;  // "brim", in the SQLite header
constexpr long long kMigrationLock = 0x6272696d;  // PostgreSQL advisory lock

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '.' || text.back() == ' '))
    text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

Error sqlite_error(const soci::sqlite3_soci_error& error, const std::string& where) {
  switch (error.result() & 0xff) {  // the primary code
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

// Runs `work`, which returns a Result; what SOCI throws becomes an Error.
template <class Work>
auto guarded(const std::string& where, Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const soci::sqlite3_soci_error& error) {
    return fail(sqlite_error(error, where));
  } catch (const soci::soci_error& error) {
    return fail(postgresql_error(error, where));
  } catch (const std::exception& error) {
    return fail(ErrorCode::io, one_line(error.what()), where);
  }
}

// Begun at once as a writer, so that two writers queue instead of failing half way; rolled back
// unless committed.
class Transaction {
 public:
  Transaction(soci::session& sql, Dialect dialect) : sql_(sql) {
    sql_ << (dialect == Dialect::sqlite ? "BEGIN IMMEDIATE" : "BEGIN");
  }
  ~Transaction() {
    if (committed_) return;
    try {
      sql_ << "ROLLBACK";
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): it was rolled back already
    }
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    sql_ << "COMMIT";
    committed_ = true;
  }

 private:
  soci::session& sql_;
  bool committed_ = false;
};

long long nanoseconds_of(system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}
system_clock::time_point time_of(long long nanoseconds) {
  return system_clock::time_point(
      std::chrono::duration_cast<system_clock::duration>(std::chrono::nanoseconds(nanoseconds)));
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

long long count_tables(Connection& to, std::string_view condition) {
  static constexpr std::string_view kSqlite =
      "SELECT count(*) FROM sqlite_master WHERE type = 'table'";
  static constexpr std::string_view kPostgresql =
      "SELECT count(*) FROM (SELECT table_name AS name FROM information_schema.tables"
      " WHERE table_schema = current_schema()) AS tables WHERE true";
  long long tables = 0;
  to.sql << fmt::format("{} {}", to.dialect == Dialect::sqlite ? kSqlite : kPostgresql, condition),
      soci::into(tables);
  return tables;
}

// 0: nothing there yet.
Result<int> schema_version(Connection& to) {
  if (count_tables(to, "AND name = 'schema_version'") == 0) {
    // A PostgreSQL schema may well hold other tables; an SQLite file is brim's alone.
    if (to.dialect == Dialect::sqlite && count_tables(to, "AND name NOT LIKE 'sqlite_%'") > 0)
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
  Transaction transaction(to.sql, to.dialect);
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

constexpr std::string_view kRunColumns =
    "id, area, command, arguments, label, provenance, status, started_ns, finished_ns, version,"
    " host_id, boot_id, process, process_start_ticks, context_json";

struct RunRow {
  RunInfo info;
  std::string provenance;
  std::string status;
  long long id = 0;
  long long started = 0;
  long long finished = 0;
  soci::indicator has_finished = soci::i_null;
  long long process = 0;
  long long start_ticks = 0;
};

void define_row(soci::statement& statement, RunRow& row) {
  RunInfo& info = row.info;
  statement.exchange(soci::into(row.id));
  statement.exchange(soci::into(info.area));
  statement.exchange(soci::into(info.command));
  statement.exchange(soci::into(info.arguments));
  statement.exchange(soci::into(info.label));
  statement.exchange(soci::into(row.provenance));
  statement.exchange(soci::into(row.status));
  statement.exchange(soci::into(row.started));
  statement.exchange(soci::into(row.finished, row.has_finished));
  statement.exchange(soci::into(info.version));
  statement.exchange(soci::into(info.owner.host_id));
  statement.exchange(soci::into(info.owner.boot_id));
  statement.exchange(soci::into(row.process));
  statement.exchange(soci::into(row.start_ticks));
  statement.exchange(soci::into(info.context_json));
}

Result<RunInfo> info_of(const RunRow& row, const std::string& where) {
  RunInfo info = row.info;
  const auto provenance = provenance_named(row.provenance);
  const auto status = run_status_named(row.status);
  if (!provenance || !status)
    return fail(ErrorCode::bad_input,
                fmt::format("run {} is damaged: provenance '{}', status '{}'", row.id,
                            row.provenance, row.status),
                where);
  info.id = row.id;
  info.provenance = *provenance;
  info.status = *status;
  info.started = time_of(row.started);
  if (row.has_finished == soci::i_ok) info.finished = time_of(row.finished);
  info.owner.process = row.process;
  info.owner.process_start_ticks = row.start_ticks;
  return info;
}

// `condition` is brim's own text, without values from outside.
Result<std::vector<RunInfo>> select_runs(Connection& from, const std::string& condition) {
  RunRow row;
  soci::statement statement(from.sql);
  define_row(statement, row);
  statement.alloc();
  statement.prepare(fmt::format("SELECT {} FROM run {}", kRunColumns, condition));
  statement.define_and_bind();
  statement.execute(false);
  std::vector<RunInfo> runs;
  while (statement.fetch()) {
    BRIM_TRY(RunInfo info, info_of(row, from.where));
    runs.push_back(std::move(info));
  }
  return runs;
}

std::vector<Sample> select_samples(Connection& from, long long run) {
  Sample sample;
  long long point = 0;
  long long repeat = 0;
  double low = 0;
  double high = 0;
  soci::indicator has_low = soci::i_null;
  soci::indicator has_high = soci::i_null;
  soci::statement statement =
      (from.sql.prepare << "SELECT metric, subject, t_seconds, point, repeat, value, low, high"
                           " FROM sample WHERE run_id = :run ORDER BY number",
       soci::use(run), soci::into(sample.metric), soci::into(sample.subject),
       soci::into(sample.t_seconds), soci::into(point), soci::into(repeat),
       soci::into(sample.value), soci::into(low, has_low), soci::into(high, has_high));
  statement.execute(false);
  std::vector<Sample> samples;
  while (statement.fetch()) {
    samples.push_back(sample);
    samples.back().point = static_cast<std::uint32_t>(point);
    samples.back().repeat = static_cast<std::uint32_t>(repeat);
    if (has_low == soci::i_ok) samples.back().low = low;
    if (has_high == soci::i_ok) samples.back().high = high;
  }
  return samples;
}

void insert_samples(Connection& to, long long run, long long first,
                    std::span<const Sample> samples) {
  long long number = first;
  std::string metric;
  std::string subject;
  double t_seconds = 0;
  long long point = 0;
  long long repeat = 0;
  double value = 0;
  double low = 0;
  double high = 0;
  soci::indicator has_low = soci::i_null;
  soci::indicator has_high = soci::i_null;
  soci::statement statement =
      (to.sql.prepare << "INSERT INTO sample (run_id, number, metric, subject, t_seconds, point,"
                         " repeat, value, low, high) VALUES (:run, :number, :metric, :subject, :t,"
                         " :point, :repeat, :value, :low, :high)",
       soci::use(run), soci::use(number), soci::use(metric), soci::use(subject),
       soci::use(t_seconds), soci::use(point), soci::use(repeat), soci::use(value),
       soci::use(low, has_low), soci::use(high, has_high));
  for (const Sample& sample : samples) {
    metric = sample.metric;
    subject = valid_utf8(sample.subject);
    t_seconds = sample.t_seconds;
    point = sample.point;
    repeat = sample.repeat;
    value = sample.value + 0.0;  // -0 becomes 0: SQLite does not keep its sign, PostgreSQL would
    low = sample.low.value_or(0) + 0.0;
    high = sample.high.value_or(0) + 0.0;
    has_low = sample.low ? soci::i_ok : soci::i_null;
    has_high = sample.high ? soci::i_ok : soci::i_null;
    statement.execute(true);
    ++number;
  }
}

Result<void> no_such_run(Connection& in, std::int64_t run) {
  long long least = 0;
  long long greatest = 0;
  long long count = 0;
  in.sql << "SELECT count(*), coalesce(min(id), 0), coalesce(max(id), 0) FROM run",
      soci::into(count), soci::into(least), soci::into(greatest);
  std::string what = fmt::format("there is no run {}: ", run);
  if (count == 0)
    what += "the store holds none yet";
  else if (count == 1)
    what += fmt::format("the only run is {}", least);
  else
    what += fmt::format("runs are {} to {}{}", least, greatest,
                        count == greatest - least + 1 ? "" : ", not all of them");
  return fail(ErrorCode::missing, std::move(what), in.where);
}

}  // namespace

struct Store::State {
  Connection connection;
};

Store::Store() : state_(std::make_unique<State>()) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const std::string& location) {
  Store store;
  Connection& to = store.state_->connection;
  to.where = without_password(location);
  std::string path;
  if (is_postgresql(location)) {
    to.dialect = Dialect::postgresql;
  } else {
    BRIM_TRY(path, prepare_file(location));
    to.where = path;
  }
  const Result<void> ready = guarded(to.where, [&]() -> Result<void> {
    if (to.dialect == Dialect::postgresql) {
      connect_postgresql(to.sql, location);
      return migrate(to);
    }
    connect_sqlite(to.sql, path);
    BRIM_CHECK(migrate(to));
    use_wal(to.sql);
    return {};
  });
  if (!ready) return fail(ready.error());
  return store;
}

Result<std::int64_t> Store::begin(const RunInfo& info) {
  Connection& to = state_->connection;
  return guarded(to.where, [&]() -> Result<std::int64_t> {
    const std::string area = valid_utf8(info.area);
    const std::string command = valid_utf8(info.command);
    const std::string arguments = valid_utf8(info.arguments);
    const std::string label = valid_utf8(info.label);
    const std::string provenance(name_of(info.provenance));
    const std::string status(name_of(RunStatus::running));
    const long long started = nanoseconds_of(info.started);
    const std::string version = valid_utf8(info.version);
    const std::string host_id = valid_utf8(info.owner.host_id);
    const std::string boot_id = valid_utf8(info.owner.boot_id);
    const long long process = info.owner.process;
    const long long start_ticks = info.owner.process_start_ticks;
    const std::string context = valid_utf8(info.context_json);
    long long id = 0;
    Transaction transaction(to.sql, to.dialect);
    to.sql << "INSERT INTO run (area, command, arguments, label, provenance, status, started_ns,"
              " version, host_id, boot_id, process, process_start_ticks, context_json, result_json)"
              " VALUES (:area, :command, :arguments, :label, :provenance, :status, :started,"
              " :version, :host, :boot, :process, :ticks, :context, '') RETURNING id",
        soci::use(area), soci::use(command), soci::use(arguments), soci::use(label),
        soci::use(provenance), soci::use(status), soci::use(started), soci::use(version),
        soci::use(host_id), soci::use(boot_id), soci::use(process), soci::use(start_ticks),
        soci::use(context), soci::into(id);
    transaction.commit();
    return id;
  });
}

Result<void> Store::add(std::int64_t run, std::span<const Sample> samples) {
  for (const Sample& sample : samples) {
    BRIM_ASSERT(find_metric(sample.metric) != nullptr);
    BRIM_ASSERT(std::isfinite(sample.value) && std::isfinite(sample.t_seconds));
    BRIM_ASSERT(std::isfinite(sample.low.value_or(0)) && std::isfinite(sample.high.value_or(0)));
  }
  Connection& to = state_->connection;
  return guarded(to.where, [&]() -> Result<void> {
    const long long id = run;
    long long next = 0;
    long long runs = 0;
    Transaction transaction(to.sql, to.dialect);
    to.sql << "SELECT count(*) FROM run WHERE id = :run", soci::use(id), soci::into(runs);
    if (runs == 0)
      return fail(ErrorCode::gone, fmt::format("run {} was removed from the store", run), to.where);
    to.sql << "SELECT coalesce(max(number) + 1, 0) FROM sample WHERE run_id = :run", soci::use(id),
        soci::into(next);
    insert_samples(to, id, next, samples);
    transaction.commit();
    return {};
  });
}

Result<void> Store::finish(std::int64_t run, RunStatus status, const std::string& result_json) {
  BRIM_ASSERT(status != RunStatus::running);
  Connection& to = state_->connection;
  return guarded(to.where, [&]() -> Result<void> {
    const long long id = run;
    const std::string name(name_of(status));
    const long long now = nanoseconds_of(system_clock::now());
    const std::string result = valid_utf8(result_json);
    long long open = 0;
    Transaction transaction(to.sql, to.dialect);
    to.sql << "SELECT count(*) FROM run WHERE id = :run AND finished_ns IS NULL", soci::use(id),
        soci::into(open);
    if (open == 0)
      return fail(ErrorCode::gone, fmt::format("run {} has finished already, or was removed", run),
                  to.where);
    to.sql << "UPDATE run SET status = :status, finished_ns = :now, result_json = :result"
              " WHERE id = :run",
        soci::use(name), soci::use(now), soci::use(result), soci::use(id);
    transaction.commit();
    return {};
  });
}

Result<std::size_t> Store::mark_interrupted(const std::string& host_id, const Alive& alive) {
  Connection& in = state_->connection;
  return guarded(in.where, [&]() -> Result<std::size_t> {
    BRIM_TRY(const std::vector<RunInfo> running, select_runs(in, "WHERE status = 'running'"));
    std::size_t marked = 0;
    for (const RunInfo& info : running) {
      if (info.owner.host_id != host_id || info.owner.process == 0 || alive(info.owner)) continue;
      const long long id = info.id;
      // The process may have finished the run between our look and its end.
      in.sql << "UPDATE run SET status = 'interrupted' WHERE id = :run AND status = 'running'",
          soci::use(id);
      ++marked;
    }
    return marked;
  });
}

Result<std::vector<RunInfo>> Store::list(std::size_t limit) const {
  Connection& from = state_->connection;
  return guarded(from.where, [&] {
    return select_runs(from, limit == 0 ? std::string("ORDER BY id DESC")
                                        : fmt::format("ORDER BY id DESC LIMIT {}", limit));
  });
}

Result<Run> Store::load(std::int64_t run) const {
  Connection& from = state_->connection;
  return guarded(from.where, [&]() -> Result<Run> {
    const long long id = run;
    Transaction transaction(from.sql, from.dialect);  // info, result and samples of one moment
    BRIM_TRY(std::vector<RunInfo> infos, select_runs(from, fmt::format("WHERE id = {}", run)));
    if (infos.empty()) return fail(no_such_run(from, run).error());
    Run loaded;
    loaded.info = std::move(infos.front());
    from.sql << "SELECT result_json FROM run WHERE id = :run", soci::use(id),
        soci::into(loaded.result_json);
    loaded.samples = select_samples(from, id);
    return loaded;
  });
}

Result<std::size_t> Store::prune(std::size_t keep) {
  Connection& in = state_->connection;
  return guarded(in.where, [&]() -> Result<std::size_t> {
    const auto kept = static_cast<long long>(keep);
    long long before = 0;
    long long after = 0;
    {
      Transaction transaction(in.sql, in.dialect);
      in.sql << "SELECT count(*) FROM run", soci::into(before);
      in.sql << "DELETE FROM run WHERE status <> 'running' AND id NOT IN (SELECT id FROM run"
                " WHERE status <> 'running' ORDER BY id DESC LIMIT :keep)",
          soci::use(kept);
      in.sql << "SELECT count(*) FROM run", soci::into(after);
      transaction.commit();
    }
    if (in.dialect == Dialect::sqlite && before > after) {
      long long ignored = 0;
      soci::statement give_back =
          (in.sql.prepare << "PRAGMA incremental_vacuum", soci::into(ignored));
      for (bool more = give_back.execute(true); more;) more = give_back.fetch();
    }
    return static_cast<std::size_t>(before - after);
  });
}

}  // namespace brim::study
