// SPDX-License-Identifier: Apache-2.0
// Programs that do real work in real guests: MariaDB and mariadb-slap, a compile; and the guest
// with cgroup version 2 alone, in which what needs that version is tested.

#include "base/text.h"
#include "lab_fixture.h"
#include "share_child.h"

#include <gmock/gmock.h>

namespace brim::lab {
namespace {

using live::kAnswer;
using live::kBoot;
using live::Lab;
using nlohmann::json;
using testing::HasSubstr;

json load_state(Guest& guest) {
  const auto state = guest.command({{"command", "load status"}}, kAnswer);
  EXPECT_DONE(state);
  return state.value_or(json::object());
}

Bytes unused_memory(Guest& guest) {
  const auto figures = guest.command({{"command", "meminfo"}}, kAnswer);
  EXPECT_DONE(figures);
  return Bytes(figures ? figures->value("MemFree", std::uint64_t{0}) : 0);
}

// Runs the load to its end, or this long. Gives its last state, and how much more of the guest's
// memory was in use at most.
struct LoadRun {
  json state;
  Bytes taken;
};
LoadRun run_to_end(Guest& guest, const std::string& load, int most_seconds) {
  LoadRun run;
  const Bytes before = unused_memory(guest);
  const auto started = guest.command({{"command", "load start"}, {"load", load}}, kAnswer);
  EXPECT_DONE(started);
  if (!started) return run;
  live::eventually(
      [&] {
        const Bytes now = unused_memory(guest);
        if (now < before) run.taken = std::max(run.taken, Bytes(before.count() - now.count()));
        run.state = load_state(guest);
        return !run.state.value("running", true);
      },
      most_seconds);
  std::printf("%s: %s; %s of memory\n", load.c_str(), run.state.value("ended", "").c_str(),
              human_bytes(run.taken).c_str());
  return run;
}

std::uint64_t processes_named(Guest& guest, const std::string& name) {
  const auto end = live::run_script(guest, "cat /proc/[0-9]*/comm | grep -c '^" + name + "'");
  return std::strtoull(end.output.c_str(), nullptr, 10);
}

TEST(LabLoad, MariaDB_answers_rows_ends_with_its_result_and_starts_again) {
  Lab lab("6.1-cloud");
  lab.take_root(mebibytes(256));
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  auto guest = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(guest);
  ASSERT_DONE(guest->wait_ready(kBoot));
  const LoadRun run = run_to_end(*guest, "mariadb,clients=4,iterations=2,queries=40", 120);
  EXPECT_FALSE(run.state.value("failed", true)) << run.state;
  EXPECT_EQ(run.state.value("cycles", 0), 2) << run.state;
  // Half of the queries read the whole table, which has 100 rows at least.
  EXPECT_GT(run.state.value("work", 0), 1000) << run.state;
  EXPECT_THAT(run.state.value("ended", ""), HasSubstr("2 iterations of 40 queries by 4 clients"));
  EXPECT_GE(run.taken, mebibytes(48)) << "a server with 16 MiB of buffers, and its files";
  EXPECT_EQ(processes_named(*guest, "mariadb"), 0U);

  // The same files again, and stopped in the middle.
  ASSERT_DONE(
      guest->command({{"command", "load start"}, {"load", "mariadb,iterations=0"}}, kAnswer));
  EXPECT_TRUE(live::eventually([&] { return load_state(*guest).value("filled", false); }, 90));
  EXPECT_GE(processes_named(*guest, "mariadb"), 1U);
  EXPECT_DONE(guest->command({{"command", "load stop"}}, kAnswer));
  EXPECT_EQ(processes_named(*guest, "mariadb"), 0U) << "all of a load ends with it";
}

TEST(LabLoad, A_compile_makes_object_files_and_a_program_that_runs) {
  Lab lab("6.12-cloud");
  lab.take_root(mebibytes(128));
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  auto guest = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(guest);
  ASSERT_DONE(guest->wait_ready(kBoot));
  const LoadRun run = run_to_end(*guest, "compile,files=2,functions=2,iterations=1", 120);
  EXPECT_FALSE(run.state.value("failed", true)) << run.state;
  EXPECT_EQ(run.state.value("work", 0), 3) << "two files and main.c: " << run.state;
  EXPECT_EQ(run.state.value("cycles", 0), 1) << run.state;
  EXPECT_GE(run.taken, mebibytes(24)) << "the compiler";
}

// Of a file: its first mebibyte, in which is what mounting a file system writes.
std::string beginning_of(const std::string& path) {
  std::string bytes(std::size_t{1} << 20, '\0');
  std::ifstream(path, std::ios::binary).read(bytes.data(), std::ssize(bytes));
  return bytes;
}

TEST(LabLoad, Guests_with_the_same_root_file_system_do_not_see_each_other_s_writes) {
  Lab lab("6.1-cloud");
  lab.take_root(mebibytes(128));
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  const std::string before = beginning_of(lab.options.root_image);
  auto one = Guest::start(*lab.host, lab.options);
  auto other = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(one);
  ASSERT_DONE(other);
  ASSERT_DONE(one->wait_ready(kBoot));
  ASSERT_DONE(other->wait_ready(kBoot));
  const std::string mounted = "mkdir -p /m && mount -t ext4 /dev/vda /m && ";
  EXPECT_EQ(live::run_script(*one, mounted + "echo mine >/m/note && sync && cat /m/note").output,
            "mine\n");
  EXPECT_NE(live::run_script(*other, mounted + "cat /m/note").status, 0);
  EXPECT_EQ(beginning_of(lab.options.root_image), before);
}

TEST(LabLoad, A_load_of_programs_without_a_root_file_system_says_so) {
  Lab lab("6.1-cloud");
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  auto guest = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(guest);
  ASSERT_DONE(guest->wait_ready(kBoot));
  const LoadRun run = run_to_end(*guest, "mariadb", 30);
  EXPECT_TRUE(run.state.value("failed", false)) << run.state;
  EXPECT_THAT(run.state.value("ended", ""), HasSubstr("no disk with the lab's root file system"));
}

TEST(LabCgroup, In_a_guest_of_Linux_6_12_version_2_limits_reclaims_and_protects) {
  Lab lab("6.12-cloud");
  lab.take_root(mebibytes(128));
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  auto guest = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(guest);
  ASSERT_DONE(guest->wait_ready(kBoot));
  const auto made = live::run_script(
      *guest,
      "cd /sys/fs/cgroup && mkdir t && cd t && ls memory.max memory.high memory.low "
      "memory.reclaim memory.pressure cgroup.freeze && echo 67108864 >memory.max && "
      "cat memory.max && grep -c cgroup /proc/mounts && ! grep '^cgroup ' /proc/mounts");
  EXPECT_EQ(made.status, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("67108864\n1\n")) << "one hierarchy, of version 2";

  const auto reclaimed =
      live::run_script(*guest,
                       "mkdir -p /m && mount -t ext4 -o ro /dev/vda /m && cd /sys/fs/cgroup/t && "
                       "echo $$ >cgroup.procs && dd if=/m/usr/sbin/mariadbd of=/dev/null bs=1M "
                       "count=20 2>/dev/null && "
                       "cat memory.current && echo 8M >memory.reclaim && cat memory.current");
  EXPECT_EQ(reclaimed.status, 0) << reclaimed.output;
  std::istringstream figures(reclaimed.output);
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  figures >> before >> after;
  EXPECT_GE(before, mebibytes(20).count()) << "what it read is charged to it";
  EXPECT_LE(after + mebibytes(6).count(), before) << "memory.reclaim takes it back";

  const auto limited =
      live::run_script(*guest,
                       "cd /sys/fs/cgroup/t && echo 16777216 >memory.max && (echo 0 >cgroup.procs; "
                       "exec dd if=/dev/zero of=/tmp/big bs=1M count=48) >/dev/null 2>&1; "
                       "grep '^oom_kill ' memory.events; rm -f /tmp/big");
  EXPECT_THAT(limited.output, HasSubstr("oom_kill 1")) << limited.output;
}

}  // namespace
}  // namespace brim::lab
