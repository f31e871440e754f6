// SPDX-License-Identifier: Apache-2.0
#include "study/store.h"

#include "base/utf8.h"
#include "study/metric.h"
#include "study/store_connection.h"

#include <chrono>
#include <cmath>

#include <fmt/format.h>
#include <soci/soci.h>

namespace brim::study {
namespace {

using std::chrono::system_clock;

long long nanoseconds_of(system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}
system_clock::time_point time_of(long long nanoseconds) {
  return system_clock::time_point(
      std::chrono::duration_cast<system_clock::duration>(std::chrono::nanoseconds(nanoseconds)));
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
    // Bound to the statement above.  NOLINTBEGIN(clang-analyzer-deadcode.DeadStores)
    t_seconds = sample.t_seconds;
    point = sample.point;
    repeat = sample.repeat;
    value = sample.value + 0.0;  // -0 becomes 0: SQLite does not keep its sign, PostgreSQL would
    low = sample.low.value_or(0) + 0.0;
    high = sample.high.value_or(0) + 0.0;
    has_low = sample.low ? soci::i_ok : soci::i_null;
    has_high = sample.high ? soci::i_ok : soci::i_null;
    // NOLINTEND(clang-analyzer-deadcode.DeadStores)
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

// SQLite only: pages of the file that are free now go back to the disk.
void give_back_space(Connection& in) {
  long long ignored = 0;
  soci::statement vacuum = (in.sql.prepare << "PRAGMA incremental_vacuum", soci::into(ignored));
  for (bool more = vacuum.execute(true); more;) more = vacuum.fetch();
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
  BRIM_CHECK(connect(store.state_->connection, location));
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
    Transaction transaction(to, Access::write);
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
    Transaction transaction(to, Access::write);
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
    Transaction transaction(to, Access::write);
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

Result<void> Store::reopen(std::int64_t run, const RunOwner& owner) {
  Connection& to = state_->connection;
  return guarded(to.where, [&]() -> Result<void> {
    const long long id = run;
    const long long process = owner.process;
    const long long ticks = owner.process_start_ticks;
    Transaction transaction(to, Access::write);
    std::string status;
    soci::indicator found = soci::i_null;
    to.sql << "SELECT status FROM run WHERE id = :run", soci::use(id), soci::into(status, found);
    if (!to.sql.got_data())
      return fail(ErrorCode::gone, fmt::format("there is no run {} any more", run), to.where);
    if (status == name_of(RunStatus::complete) || status == name_of(RunStatus::running))
      return fail(ErrorCode::bad_input, fmt::format("run {} is {}", run, status), to.where);
    to.sql << "UPDATE run SET status = 'running', finished_ns = NULL, result_json = '',"
              " host_id = :host, boot_id = :boot, process = :process, process_start_ticks = :ticks"
              " WHERE id = :run",
        soci::use(owner.host_id), soci::use(owner.boot_id), soci::use(process), soci::use(ticks),
        soci::use(id);
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
      soci::statement mark = (in.sql.prepare << "UPDATE run SET status = 'interrupted'"
                                                " WHERE id = :run AND status = 'running'",
                              soci::use(id));
      mark.execute(true);
      marked += static_cast<std::size_t>(mark.get_affected_rows());
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

Result<std::optional<std::int64_t>> Store::last_finished(const std::string& host_id) const {
  Connection& from = state_->connection;
  return guarded(from.where, [&]() -> Result<std::optional<std::int64_t>> {
    long long run = 0;
    from.sql << "SELECT id FROM run WHERE finished_ns IS NOT NULL"
                " ORDER BY CASE WHEN host_id = :host THEN 0 ELSE 1 END, id DESC LIMIT 1",
        soci::use(host_id), soci::into(run);
    if (!from.sql.got_data()) return std::nullopt;
    return run;
  });
}

Result<Run> Store::load(std::int64_t run) const {
  Connection& from = state_->connection;
  return guarded(from.where, [&]() -> Result<Run> {
    const long long id = run;
    const Transaction transaction(from, Access::read);  // info, result and samples of one moment
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
    soci::statement remove =
        (in.sql.prepare << "DELETE FROM run WHERE status <> 'running' AND id NOT IN (SELECT id"
                           " FROM run WHERE status <> 'running' ORDER BY id DESC LIMIT :keep)",
         soci::use(kept));
    Transaction transaction(in, Access::write);
    remove.execute(true);
    const auto removed = static_cast<std::size_t>(remove.get_affected_rows());
    transaction.commit();
    if (in.dialect == Dialect::sqlite && removed > 0) give_back_space(in);
    return removed;
  });
}

}  // namespace brim::study
