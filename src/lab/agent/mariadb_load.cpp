// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"
#include "base/text.h"
#include "host/dependent_process.h"
#include "lab/agent/program_load.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace brim::lab {
namespace {

using std::chrono::steady_clock;

constexpr char kServerSocket[] = "/run/mariadb.sock";
constexpr char kServerLog[] = "/run/mariadbd.log";
// Emulated guests are slow: this one only bounds the wait for a server that hangs.
constexpr auto kLongestStart = std::chrono::minutes(15);
constexpr auto kLongestStop = std::chrono::minutes(2);

std::string socket_argument() { return fmt::format("--socket={}", kServerSocket); }

bool server_listens() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, kServerSocket, sizeof kServerSocket);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return socket &&
         ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Small but for the buffer pool, so that its memory is what the load says. As root: a change of
// user would take from it the signal that ends it with the load.
Result<host::DependentProcess> start_server(const MariadbLoad& load) {
  constexpr std::uint64_t kConnectionsBesides = 10;
  BRIM_TRY(auto server,
           host::DependentProcess::start(
               {{"mariadbd", "--no-defaults", "--user=root", "--datadir=/var/lib/mysql",
                 socket_argument(), "--skip-networking", "--skip-name-resolve",
                 "--key-buffer-size=1M", "--aria-pagecache-buffer-size=1M",
                 fmt::format("--innodb-buffer-pool-size={}", load.buffer_pool_size.count()),
                 fmt::format("--max-connections={}", load.clients + kConnectionsBesides)},
                kServerLog,
                ""}));
  const auto deadline = steady_clock::now() + kLongestStart;
  while (!server_listens()) {
    if (!server.running() || steady_clock::now() > deadline)
      return fail(ErrorCode::io, "the server did not start: " + last_line_in(kServerLog),
                  "mariadbd");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return server;
}

// What the server has done since it started.
struct ServerWork {
  std::uint64_t questions = 0;
  std::uint64_t rows_sent = 0;
};

// Asking is itself a question, with an answer of two rows; the next answer counts them.
Result<ServerWork> ask_server() {
  BRIM_TRY(const std::string text,
           run_in_root({"mariadb", "--no-defaults", socket_argument(), "--batch",
                        "--skip-column-names", "--execute",
                        "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Rows_sent')"}));
  ServerWork work;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    const auto number = parse_number(line.substr(tab + 1));
    if (!number) return fail(ErrorCode::io, "an answer that is no number", "mariadb");
    (line.starts_with("Questions") ? work.questions : work.rows_sent) = *number;
  }
  return work;
}

// mariadb-slap makes its table anew for every iteration: one of its own is one of ours.
Result<void> run_iteration(const MariadbLoad& load) {
  BRIM_CHECK(run_in_root({"mariadb-slap", "--no-defaults", socket_argument(), "--auto-generate-sql",
                          "--iterations=1", fmt::format("--concurrency={}", load.clients),
                          fmt::format("--number-of-queries={}", load.queries)}));
  return {};
}

void stop_server(host::DependentProcess& server) {
  ::kill(server.pid(), SIGTERM);
  static_cast<void>(server.wait(kLongestStop));
}

}  // namespace

Result<std::string> run_mariadb_load(const MariadbLoad& load, LoadProgress& progress) {
  BRIM_TRY(host::DependentProcess server, start_server(load));
  BRIM_TRY(const ServerWork before, ask_server());
  ServerWork now = before;
  progress.filled = true;
  const auto started = steady_clock::now();
  while (load.iterations == 0 || progress.cycles < load.iterations) {
    BRIM_CHECK(run_iteration(load));
    BRIM_TRY(now, ask_server());
    progress.work = now.rows_sent - before.rows_sent;
    ++progress.cycles;
  }
  const std::chrono::duration<double> taken = steady_clock::now() - started;
  stop_server(server);
  return fmt::format(
      "done: {} iterations of {} queries by {} clients, {} questions, {} rows, {:.1f} s",
      load.iterations, load.queries, load.clients, now.questions - before.questions,
      progress.work.load(), taken.count());
}

}  // namespace brim::lab
