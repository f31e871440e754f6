// SPDX-License-Identifier: Apache-2.0
#include "study/store_location.h"
#include "study/store_test_place.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill() is POSIX
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::study {
namespace {

constexpr uid_t kNobody = 65534;

// Ends what outlives a test.
struct Keeper {
  std::vector<std::string> directories;
  pid_t server = 0;
  pid_t owner = ::getpid();

  Keeper() = default;
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper() {
    if (owner != ::getpid()) return;  // a child of ours: not its business
    if (server > 0) {
      ::kill(server, SIGQUIT);  // PostgreSQL's immediate shutdown
      ::waitpid(server, nullptr, 0);
    }
    std::error_code ignored;
    for (const std::string& directory : directories)
      std::filesystem::remove_all(directory, ignored);
  }
};

Keeper& keeper() {
  static Keeper the_keeper;
  return the_keeper;
}

std::string in_child_as(const std::function<std::string()>& work, bool drop_rights) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    if (drop_rights && ::geteuid() == 0 &&
        (::setresgid(kNobody, kNobody, kNobody) != 0 ||
         ::setresuid(kNobody, kNobody, kNobody) != 0))
      ::_exit(1);
    const std::string text = work();
    (void)!::write(ends[1], text.data(), text.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(got));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? text : text + fmt::format(" [child's wait status {}]", status);
}

std::optional<std::string> postgresql_programs() {
  for (const char* version : {"15", "16", "17", "18", "14", "13"}) {
    std::string directory = fmt::format("/usr/lib/postgresql/{}/bin", version);
    if (::access((directory + "/initdb").c_str(), X_OK) == 0) return directory;
  }
  return std::nullopt;
}

// As an unprivileged user: the server refuses root.
pid_t start_as_nobody(const std::vector<std::string>& command, const std::string& log) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  if (::geteuid() == 0 &&
      (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0))
    ::_exit(127);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // after the change of user, which clears it
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(out, 1);
  ::dup2(out, 2);
  if (::chdir("/") != 0) ::_exit(127);
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));  // NOLINT: execv's signature
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

// The location of the server's own database, or why there is no server.
Result<std::string> start_postgresql() {
  const auto programs = postgresql_programs();
  if (!programs)
    return fail(ErrorCode::missing,
                "no PostgreSQL server program (Debian: apt install postgresql)");
  const std::string directory = fresh_directory();
  if (::geteuid() == 0 && ::chown(directory.c_str(), kNobody, kNobody) != 0)
    return fail(ErrorCode::missing, "the server's directory can't be given to nobody");
  const std::string log = directory + "/log";
  const pid_t made =
      start_as_nobody({*programs + "/initdb", "-D", directory + "/data", "-U", "brim", "-A",
                       "trust", "-E", "UTF8", "--locale=C", "--no-sync"},
                      log);
  int status = 0;
  if (::waitpid(made, &status, 0) != made || status != 0)
    return fail(ErrorCode::missing, fmt::format("PostgreSQL's initdb failed ({})", status));
  keeper().server = start_as_nobody({*programs + "/postgres", "-D", directory + "/data", "-k",
                                     directory, "-c", "listen_addresses=", "-c", "fsync=off"},
                                    log);
  std::string location = fmt::format("postgresql:///postgres?host={}&user=brim", directory);
  for (int i = 0; i < 300; ++i) {
    try {
      const soci::session sql(soci::postgresql, location);
      return location;
    } catch (const soci::soci_error&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  return fail(ErrorCode::missing, "the PostgreSQL server did not answer within 30 s");
}

}  // namespace

std::string place_name(const testing::TestParamInfo<Place>& info) {
  return info.param == Place::sqlite ? "SQLite" : "PostgreSQL";
}

std::string fresh_directory() {
  std::string name = std::filesystem::temp_directory_path() / "brim-store-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) return {};
  keeper().directories.push_back(name);
  return name;
}

Result<std::string> fresh_location(Place place) {
  if (place == Place::sqlite) return fresh_directory() + "/brim.sqlite";
  static const Result<std::string> server = start_postgresql();
  if (!server) return server;
  static int databases = 0;
  const std::string name = fmt::format("test{}", ++databases);
  raw_sql(*server, {"CREATE DATABASE " + name});
  std::string location = *server;
  return location.replace(location.find("/postgres?") + 1, 8, name);
}

void while_writing(const std::string& path, const std::function<void()>& work) {
  soci::session sql(soci::sqlite3, path);
  sql << "BEGIN IMMEDIATE";
  work();
  sql << "ROLLBACK";
}

std::string raw_sql(const std::string& location, const std::vector<std::string>& statements) {
  std::string answer;
  try {
    soci::session sql;
    if (is_postgresql(location))
      sql.open(soci::postgresql, location);
    else
      sql.open(soci::sqlite3, location);
    for (const std::string& statement : statements) {
      soci::indicator indicator = soci::i_ok;
      answer.clear();
      if (statement.starts_with("SELECT") || statement.starts_with("PRAGMA"))
        sql << statement, soci::into(answer, indicator);
      else
        sql << statement;
    }
  } catch (const soci::soci_error& error) {
    ADD_FAILURE() << error.what();
  }
  return answer;
}

std::string as_nobody(const std::function<std::string()>& work) { return in_child_as(work, true); }
std::string in_child(const std::function<std::string()>& work) { return in_child_as(work, false); }

}  // namespace brim::study
