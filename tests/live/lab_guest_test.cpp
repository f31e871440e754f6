// SPDX-License-Identifier: Apache-2.0
// Real guests under QEMU from what `brim lab prepare` made: the agent's load in them, the monitor's
// commands, and that nothing of a guest survives a brim that is killed.

#include "host/process.h"
#include "lab/guest_record.h"
#include "lab_fixture.h"
#include "share_child.h"

#include <filesystem>
#include <optional>

#include <nlohmann/json.hpp>

namespace brim::lab {
namespace {

using live::kAnswer;
using live::kBoot;
using live::Lab;
using nlohmann::json;
using std::chrono::seconds;

std::uint64_t free_bytes(Guest& guest) {
  const auto figures = guest.command({{"command", "meminfo"}}, kAnswer);
  EXPECT_DONE(figures);
  return figures ? figures->value("MemFree", std::uint64_t{0}) : 0;
}

bool load_is_filled(Guest& guest) {
  const auto state = guest.command({{"command", "load status"}}, kAnswer);
  return state && state->value("filled", false);
}

void run_load(Guest& guest, Bytes bytes) {
  const std::uint64_t before = free_bytes(guest);
  const auto started =
      guest.command({{"command", "load start"},
                     {"load", "write_rate=0,bytes=" + std::to_string(bytes.count()) + "B"}},
                    kAnswer);
  ASSERT_DONE(started);
  ASSERT_TRUE(live::eventually([&guest] { return load_is_filled(guest); }, 60));
  const std::uint64_t after = free_bytes(guest);
  EXPECT_GE(before, after + bytes.count() * 9 / 10) << "the load is in the guest's memory";
}

// Pages of the study's content in the dump, which is ELF: its RAM is as it was, page after page.
std::uint64_t study_pages_in(const std::string& path) {
  std::string content(kPageSize, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i % 256);
  const std::string dump = live::read_text(path);
  std::uint64_t found = 0;
  for (std::size_t at = dump.find(content); at != std::string::npos;
       at = dump.find(content, at + kPageSize))
    ++found;
  return found;
}

Bytes hard_limit(const std::string& cgroup) {
  const std::string v2 = live::read_text(cgroup + "/memory.max");
  const std::string text = v2.empty() ? live::read_text(cgroup + "/memory.limit_in_bytes") : v2;
  return Bytes(std::strtoull(text.c_str(), nullptr, 10));
}

TEST(LabGuest, A_guest_boots_loads_pauses_dumps_balloons_and_quits) {
  Lab lab("6.1-cloud");
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  auto guest = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(guest);
  const auto hello = guest->wait_ready(kBoot);
  ASSERT_DONE(hello);
  EXPECT_TRUE((*hello)["kernel"].get<std::string>().starts_with("6.1.")) << *hello;
  EXPECT_EQ((*hello)["problems"], json::array());

  EXPECT_EQ(hard_limit(guest->cgroup()), lab.options.host_memory_limit);
  EXPECT_NE(live::read_text(guest->cgroup() + "/cgroup.procs").find(std::to_string(guest->pid())),
            std::string::npos);

  ASSERT_NO_FATAL_FAILURE(run_load(*guest, mebibytes(32)));
  EXPECT_DONE(guest->pause());
  EXPECT_EQ(guest->run_state().value_or(""), "paused");
  const std::string dump = lab.scratch / "dump";
  ASSERT_DONE(guest->dump(dump, "elf", seconds(60)));
  EXPECT_GE(study_pages_in(dump), whole_pages(mebibytes(32)).count());
  EXPECT_DONE(guest->resume());
  EXPECT_EQ(guest->run_state().value_or(""), "running");

  EXPECT_DONE(guest->command({{"command", "load stop"}}, kAnswer));
  const auto left = guest->balloon(mebibytes(96), seconds(60));
  ASSERT_DONE(left);
  EXPECT_EQ(*left, mebibytes(96));

  const int pid = guest->pid();
  const std::string cgroup = guest->cgroup();
  const std::string directory = guest->directory();
  EXPECT_DONE(guest->quit(seconds(20)));
  EXPECT_FALSE(host::Process::open(*lab.host, pid));
  EXPECT_FALSE(std::filesystem::exists(cgroup));
  EXPECT_FALSE(std::filesystem::exists(directory));
  EXPECT_TRUE(std::filesystem::is_empty(lab.options.records));
}

TEST(LabGuest, A_guest_of_Linux_6_12_has_cgroup_version_2_alone_with_the_memory_controller) {
  Lab lab("6.12-cloud");
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  auto guest = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(guest);
  const auto hello = guest->wait_ready(kBoot);
  ASSERT_DONE(hello);
  EXPECT_TRUE((*hello)["kernel"].get<std::string>().starts_with("6.12.")) << *hello;
  EXPECT_NE((*hello)["cgroup_controllers"].get<std::string>().find("memory"), std::string::npos);
  EXPECT_EQ((*hello)["problems"], json::array());
  EXPECT_FALSE(guest->command({{"command", "no such"}}, kAnswer)) << "the agent's errors come back";
  EXPECT_DONE(guest->command({{"command", "shutdown"}}, kAnswer));
  EXPECT_TRUE(live::eventually([&] { return !host::Process::open(*lab.host, guest->pid()); }, 30))
      << "a guest that shuts down ends its QEMU";
}

TEST(LabGuest, A_guest_moves_to_another_QEMU_and_its_load_goes_on) {
  Lab lab("6.1-cloud");
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  auto source = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(source);
  ASSERT_DONE(source->wait_ready(kBoot));
  ASSERT_NO_FATAL_FAILURE(run_load(*source, mebibytes(16)));
  const std::string uri = "unix:" + (lab.scratch / "m");
  lab.options.emulator_arguments = {"-incoming", uri};
  auto target = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(target);
  ASSERT_TRUE(live::eventually([&] { return std::filesystem::exists(lab.scratch / "m"); }));
  ASSERT_DONE(source->migrate(uri, seconds(60)));
  EXPECT_EQ(source->run_state().value_or(""), "postmigrate");
  ASSERT_TRUE(live::eventually([&] { return target->run_state().value_or("") == "running"; }));
  EXPECT_DONE(target->wait_ready(kAnswer));
  EXPECT_TRUE(load_is_filled(*target));
}

TEST(LabGuest, A_guest_that_does_not_get_ready_says_why) {
  Lab lab("6.1-cloud");
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  lab.options.emulator_arguments = {"-nonsense"};
  auto guest = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(guest);
  const auto hello = guest->wait_ready(seconds(20));
  ASSERT_FALSE(hello);
  EXPECT_NE(hello.error().what.find("QEMU ended"), std::string::npos) << hello.error().what;
  EXPECT_NE(hello.error().what.find("nonsense"), std::string::npos) << hello.error().what;
}

TEST(LabGuest, The_accelerator_that_is_chosen_boots_a_guest) {
  Lab lab("6.1-cloud");
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  lab.options.accelerator = usable_accelerator(*lab.host, lab.options);
  EXPECT_TRUE(!std::filesystem::exists(lab.options.records) ||
              std::filesystem::is_empty(lab.options.records))
      << "nothing of the probe guest is left";
  auto guest = Guest::start(*lab.host, lab.options);
  ASSERT_DONE(guest);
  EXPECT_DONE(guest->wait_ready(kBoot));
  std::printf("accelerator: %s\n", std::string(name_of(lab.options.accelerator)).c_str());
}

// What a child noted of the guest it started; nothing before it did.
struct StartedElsewhere {
  int pid = 0;
  std::string directory;
  std::string cgroup;
};
std::optional<StartedElsewhere> started_by(const std::string& note) {
  const json said = json::parse(live::read_text(note), nullptr, false);
  if (!said.is_object()) return std::nullopt;
  return StartedElsewhere{said.value("pid", 0), said.value("directory", ""),
                          said.value("cgroup", "")};
}

TEST(LabGuest, Nothing_of_a_guest_survives_a_brim_that_is_killed) {
  Lab lab("6.1-cloud");
  BRIM_NEEDS(lab.missing.empty(), lab.missing);
  const std::string note = lab.scratch / "note";
  const pid_t brim = ::fork();
  if (brim == 0) {
    auto guest = Guest::start(*lab.host, lab.options);
    if (!guest) ::_exit(1);
    const json said = {
        {"pid", guest->pid()}, {"directory", guest->directory()}, {"cgroup", guest->cgroup()}};
    std::ofstream(note) << said.dump() << std::flush;
    for (;;) ::pause();
  }
  std::optional<StartedElsewhere> started;
  ASSERT_TRUE(live::eventually([&] { return (started = started_by(note)).has_value(); }));
  ASSERT_TRUE(host::Process::open(*lab.host, started->pid));
  EXPECT_TRUE(end_abandoned_guests(*lab.host, lab.options.records).empty())
      << "a guest whose brim lives is left alone";
  EXPECT_TRUE(host::Process::open(*lab.host, started->pid));

  ::kill(brim, SIGKILL);
  ::waitpid(brim, nullptr, 0);
  EXPECT_TRUE(live::eventually([&] { return !host::Process::open(*lab.host, started->pid); }, 10))
      << "the kernel ends QEMU with its brim";
  EXPECT_TRUE(std::filesystem::exists(started->cgroup));
  const auto lines = end_abandoned_guests(*lab.host, lab.options.records);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(started->cgroup)) << lines.front();
  EXPECT_FALSE(std::filesystem::exists(started->directory));
  EXPECT_TRUE(end_abandoned_guests(*lab.host, lab.options.records).empty());
}

}  // namespace
}  // namespace brim::lab
