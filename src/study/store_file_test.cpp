// SPDX-License-Identifier: Apache-2.0
// The store as a file: older and newer schemas, bad places, a full disk.
#include "study/store.h"
#include "study/store_location.h"
#include "study/store_schema.h"
#include "study/store_test_place.h"

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill() is POSIX
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::study {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string error_of_open(const std::string& location) {
  const auto store = Store::open(location);
  return store ? std::string("opened") : error_line(store.error());
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

// A store as brim's first version made it, with a run in it.
void make_version_1(const std::string& location, Dialect dialect) {
  std::vector<std::string> statements;
  ASSERT_EQ(migrations().front().version, 1);
  for (const std::string_view statement : migrations().front().statements)
    statements.push_back(in_dialect(statement, dialect));
  statements.emplace_back("UPDATE schema_version SET version = 1");
  for (const char* status : {"complete", "running"})
    statements.push_back(fmt::format(
        "INSERT INTO run (area, command, arguments, label, provenance, status, started_ns, version,"
        " context_json, result_json) VALUES ('share', 'share scan', 'a', '{}', 'measured', '{}',"
        " 1000, '0.0.9', '', '')",
        status, status));
  statements.emplace_back(
      "INSERT INTO sample VALUES (1, 0, 'share.zero_pages', 's', 0.5, 1, 2,"
      " 0.1, NULL, 0.2)");
  raw_sql(location, statements);
}

void expect_version_1_is_kept(const std::string& location) {
  Store store = *Store::open(location);
  EXPECT_EQ(raw_sql(location, {"SELECT version FROM schema_version"}),
            std::to_string(newest_schema_version()));
  const study::Run kept = *store.load(1);
  EXPECT_EQ(kept.info.status, RunStatus::complete);
  EXPECT_EQ(kept.info.owner.process, 0);
  ASSERT_EQ(kept.samples.size(), 1U);
  EXPECT_EQ(kept.samples[0].value, 0.1);
  EXPECT_EQ(kept.samples[0].low, std::nullopt);
  EXPECT_EQ(kept.samples[0].high, 0.2);
  EXPECT_EQ(store.load(2)->info.status, RunStatus::interrupted);
  EXPECT_EQ(*store.begin(info_of_process()), 3);
  EXPECT_TRUE(Store::open(location));  // nothing left to migrate
}

TEST(StoreMigration, Version_1_is_brought_up_with_its_runs_in_SQLite) {
  const std::string location = fresh_directory() + "/brim.sqlite";
  make_version_1(location, Dialect::sqlite);
  expect_version_1_is_kept(location);
}

TEST(StoreMigration, Version_1_is_brought_up_with_its_runs_in_PostgreSQL) {
  const auto location = fresh_location(Place::postgresql);
  if (!location) GTEST_SKIP() << location.error().what;
  make_version_1(*location, Dialect::postgresql);
  expect_version_1_is_kept(*location);
}

TEST(StoreMigration, Failed_migration_leaves_the_old_version_whole) {
  const std::string location = fresh_directory() + "/brim.sqlite";
  make_version_1(location, Dialect::sqlite);
  // The second of version 2's columns is there already: its first one must not stay.
  raw_sql(location, {"ALTER TABLE run ADD COLUMN boot_id TEXT"});
  EXPECT_THAT(error_of_open(location), HasSubstr("boot_id"));
  EXPECT_EQ(raw_sql(location, {"SELECT version FROM schema_version"}), "1");
  EXPECT_EQ(raw_sql(location, {"SELECT count(*) || '' FROM pragma_table_info('run')"
                               " WHERE name = 'host_id'"}),
            "0");
}

TEST(StoreMigration, Versions_follow_each_other) {
  int expected = 0;
  for (const Migration& migration : migrations()) EXPECT_EQ(migration.version, ++expected);
  EXPECT_EQ(newest_schema_version(), expected);
}

TEST(StoreMigration, Store_of_a_newer_brim_is_refused_and_left_alone) {
  const std::string location = fresh_directory() + "/brim.sqlite";
  ASSERT_TRUE(Store::open(location));
  raw_sql(location, {"UPDATE schema_version SET version = 99"});
  const std::string error = error_of_open(location);
  EXPECT_THAT(error, HasSubstr("made by a newer brim (schema 99"));
  EXPECT_THAT(error, HasSubstr(location));
  EXPECT_EQ(raw_sql(location, {"SELECT version FROM schema_version"}), "99");
}

TEST(StoreFile, Is_for_its_owner_only_with_the_directories_made_for_it) {
  const std::string directory = fresh_directory();
  const mode_t before = ::umask(0);
  ASSERT_TRUE(Store::open(directory + "/a/b/brim.sqlite"));
  ::umask(before);
  EXPECT_EQ(mode_of(directory + "/a"), 0700U);
  EXPECT_EQ(mode_of(directory + "/a/b"), 0700U);
  EXPECT_EQ(mode_of(directory + "/a/b/brim.sqlite"), 0600U);
}

TEST(StoreFile, Uses_a_write_ahead_log_and_foreign_keys) {
  const std::string location = fresh_directory() + "/brim.sqlite";
  Store store = *Store::open(location);
  EXPECT_EQ(raw_sql(location, {"PRAGMA journal_mode"}), "wal");
}

TEST(StoreFile, Run_can_be_read_while_another_process_writes) {
  const std::string path = fresh_directory() + "/store.sqlite";
  auto store = Store::open(path);
  ASSERT_TRUE(store);
  const std::int64_t id = *store->begin({});
  while_writing(path, [&] { EXPECT_TRUE(store->load(id)); });
}

TEST(StoreFile, Takes_odd_names) {
  const std::string directory = fresh_directory();
  for (const char* name :
       {"a b", "a=b", "a=b c", "it's", "\"quoted\"", "\xc3\xa4", "%41", "?mode=ro"}) {
    const std::string path = directory + "/" + name;
    ASSERT_EQ(error_of_open(path), "opened");
    EXPECT_EQ(::access(path.c_str(), R_OK), 0) << path;
  }
  EXPECT_THAT(error_of_open(directory + "/a=\"b\""), HasSubstr("can't hold both"));
}

TEST(StoreFile, What_is_no_store_is_refused_and_left_alone) {
  const std::string directory = fresh_directory();
  EXPECT_THAT(error_of_open(directory), HasSubstr("a directory, where the store should be a file"));
  EXPECT_THAT(error_of_open("/dev/null"), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of_open(""), HasSubstr("path is empty"));

  const std::string text = directory + "/notes.txt";
  std::ofstream(text) << "my notes";
  EXPECT_THAT(error_of_open(text), HasSubstr("not a brim store: it does not begin like"));
  std::string content;
  std::getline(std::ifstream(text), content);
  EXPECT_EQ(content, "my notes");

  const std::string other = directory + "/other.sqlite";
  raw_sql(other, {"CREATE TABLE photos (id INTEGER)"});
  EXPECT_THAT(error_of_open(other), HasSubstr("an SQLite database of something else"));
  EXPECT_EQ(raw_sql(other, {"SELECT count(*) || '' FROM sqlite_master"}), "1");

  EXPECT_THAT(error_of_open(text + "/brim.sqlite"), HasSubstr("Not a directory"));
}

TEST(StoreFile, Damaged_file_is_one_clear_line) {
  const std::string location = fresh_directory() + "/brim.sqlite";
  {
    Store store = *Store::open(location);
    const std::int64_t run = *store.begin(info_of_process());
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(store.add(run, batch_of(i)));
  }
  {
    std::fstream file(location, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);  // past the header: the first page's tree
    file << std::string(60'000, '\x5a');
  }
  const std::string error = error_of_open(location);
  EXPECT_THAT(error, HasSubstr("the store is damaged; move it away"));
  EXPECT_THAT(error, Not(HasSubstr("\n")));
}

TEST(StoreFile, User_without_rights_gets_one_clear_line) {
  const std::string directory = fresh_directory();
  const std::string location = directory + "/brim.sqlite";
  ASSERT_TRUE(Store::open(location));
  ASSERT_EQ(::chmod(location.c_str(), 0444), 0);
  ASSERT_EQ(::chmod(directory.c_str(), 0555), 0);
  EXPECT_EQ(as_nobody([&] { return error_of_open(location); }),
            location + ": open the store for reading and writing: Permission denied");
  EXPECT_EQ(as_nobody([&] { return error_of_open(directory + "/new.sqlite"); }),
            directory + "/new.sqlite: open the store for reading and writing: Permission denied");
  EXPECT_EQ(as_nobody([&] { return error_of_open(directory + "/sub/new.sqlite"); }),
            directory + "/sub: make the store's directory: Permission denied");
  // The file may be written, but SQLite's log has no place beside it.
  ASSERT_EQ(::chmod(location.c_str(), 0666), 0);
  EXPECT_THAT(as_nobody([&] { return error_of_open(location); }), HasSubstr("the store can't be"));
  ASSERT_EQ(::chmod(directory.c_str(), 0700), 0);
}

TEST(StoreFile, Full_disk_stops_the_writing_and_keeps_what_was_there) {
  const std::string directory = fresh_directory();
  // In a mount namespace of its own, which goes with the child.
  const std::string said = in_child([&]() -> std::string {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=512k") != 0)
      return "skip";
    auto store = Store::open(directory + "/brim.sqlite");
    if (!store) return error_line(store.error());
    const std::int64_t run = *store->begin(info_of_process());
    int added = 0;
    Result<void> result;
    for (; added < 1000 && result; ++added) result = store->add(run, batch_of(added));
    if (result) return "never full";
    const auto kept = store->load(run);
    const std::size_t expected = static_cast<std::size_t>(added - 1) * kBatch;
    if (!kept || kept->samples.size() != expected) return "lost what was acknowledged";
    return error_line(result.error());
  });
  if (said == "skip") GTEST_SKIP() << "needs root (CAP_SYS_ADMIN) to mount a small tmpfs";
  EXPECT_EQ(said, directory + "/brim.sqlite: the disk is full; what was recorded before is kept");
}

TEST(StoreFile, Disk_that_is_full_already_is_said_and_what_was_there_is_whole_when_it_is_not) {
  const std::string directory = fresh_directory();
  const std::string location = directory + "/brim.sqlite";
  const std::string said = in_child([&]() -> std::string {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=512k") != 0)
      return "skip";
    std::int64_t run = 0;
    {
      auto store = Store::open(location);
      run = *store->begin(info_of_process());
      if (!store->add(run, batch_of(0))) return "not recorded";
    }
    const std::string filler = directory + "/filler";
    std::ofstream(filler) << std::string(1 << 20, 'x');
    std::string full = error_of_open(location);
    ::unlink(filler.c_str());
    const auto store = Store::open(location);
    if (!store || store->load(run)->samples.size() != kBatch) return "not whole: " + full;
    return full;
  });
  if (said == "skip") GTEST_SKIP() << "needs root (CAP_SYS_ADMIN) to mount a small tmpfs";
  EXPECT_EQ(said, location + ": the disk is full; what was recorded before is kept");
}

TEST(StoreLocation, Never_shows_a_password) {
  EXPECT_EQ(without_password("postgresql://me:secret@host:5432/brim"),
            "postgresql://me@host:5432/brim");
  EXPECT_EQ(without_password("postgresql://me:se@cret@host/brim"), "postgresql://me@host/brim");
  EXPECT_EQ(without_password("postgres://host/brim?user=me&password=secret&a=b"),
            "postgres://host/brim?user=me&password=***&a=b");
  EXPECT_EQ(without_password("postgresql://host:5432/brim"), "postgresql://host:5432/brim");
  EXPECT_EQ(without_password("/a:b@c/brim.sqlite"), "/a:b@c/brim.sqlite");
  const auto store = Store::open("postgresql://me:secret@/x?host=/no/such/place");
  ASSERT_FALSE(store);
  EXPECT_THAT(error_line(store.error()), Not(HasSubstr("secret")));
  EXPECT_THAT(error_line(store.error()), HasSubstr("/no/such/place"));
}

TEST(StoreLocation, Default_follows_the_environment) {
  const auto with = [](std::vector<std::pair<const char*, const char*>> environment) {
    return as_nobody([&environment]() {
      for (const char* name : {"BRIM_STORE", "XDG_STATE_HOME", "HOME"}) ::unsetenv(name);
      for (const auto& [name, value] : environment) ::setenv(name, value, 1);
      return Store::default_location();
    });
  };
  EXPECT_EQ(with({{"BRIM_STORE", "/s/x"}, {"HOME", "/h"}}), "/s/x");
  EXPECT_EQ(with({{"XDG_STATE_HOME", "/state"}, {"HOME", "/h"}}), "/state/brim/brim.sqlite");
  EXPECT_EQ(with({{"XDG_STATE_HOME", "rel"}, {"HOME", "/h"}}), "/h/.local/state/brim/brim.sqlite");
  EXPECT_EQ(with({{"HOME", "/h"}}), "/h/.local/state/brim/brim.sqlite");
  if (::geteuid() != 0) return;
  EXPECT_EQ(in_child([] {
              ::unsetenv("BRIM_STORE");
              return Store::default_location();
            }),
            "/var/lib/brim/brim.sqlite");
}

}  // namespace
}  // namespace brim::study
