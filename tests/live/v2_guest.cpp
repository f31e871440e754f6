// SPDX-License-Identifier: Apache-2.0
#include "v2_guest.h"

#include "lab/workshop.h"

#include <cstdlib>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

namespace brim::live {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

// For every script in it.
constexpr std::string_view kSettings =
    "export LD_LIBRARY_PATH=/w/lib BRIM_STATE_DIR=/w/state BRIM_STORE=/w/store PATH=/w/bin:/bin\n";

// "PID STATE" of each process of this name. Consumers are called brim-agent, the agent's other
// processes are not.
constexpr std::string_view kTasks =
    "#!/bin/sh\n"
    "for folder in /proc/[0-9]*; do\n"
    "  read -r name <$folder/comm && [ \"$name\" = \"$1\" ] || continue\n"
    "  read -r stat <$folder/stat || continue\n"
    "  state=${stat##*) }\n"
    "  [ \"${state%% *}\" = Z ] || echo ${folder#/proc/} ${state%% *}\n"
    "done 2>/dev/null\n";

std::string find_oomd() {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "") + ":/lib/systemd");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (fs::exists(folder + "/systemd-oomd")) return folder + "/systemd-oomd";
  return {};
}

}  // namespace

Result<V2Guest> V2Guest::start(const Contents& contents) {
  V2Guest made;
  if (!made.lab_->missing.empty()) return fail(ErrorCode::missing, made.lab_->missing);
  lab::add_system_programs_to_path();
  if (!lab::on_path("mkfs.ext4") || !lab::on_path("ldd"))
    return fail(ErrorCode::missing, "mkfs.ext4 and ldd");
  BRIM_CHECK(made.make_disk(contents));
  BRIM_CHECK(made.boot());
  return made;
}

Result<void> V2Guest::make_disk(const Contents& contents) {
  const host::ScratchDirectory& files = *files_;
  for (const char* folder : {"tree/bin", "tree/lib", "tree/state", "tree/swap"})
    fs::create_directories(files / folder);
  BRIM_CHECK(copy_program(contents.brim, "tree/brim"));
  fs::copy_file(contents.brim.parent_path() / "brim-agent", files / "tree/brim-agent");
  // Busybox's mount binds no files.
  for (const char* name : {"mkdir", "mount", "rm", "sh", "unshare"})
    BRIM_CHECK(copy_program(std::string("/usr/bin/") + name, std::string("tree/bin/") + name));
  const std::string oomd = find_oomd();
  has_oomd_ = !oomd.empty();
  if (has_oomd_) BRIM_CHECK(copy_program(oomd, "tree/bin/systemd-oomd"));
  files.write("tree/settings", kSettings);
  files.write("tree/tasks", kTasks);
  files.write("tree/study.toml", contents.scenario);
  fs::permissions(files / "tree/tasks", fs::perms(0755));
  // Its image has holes, and takes what is written to it.
  BRIM_CHECK(host::run_program({"mkfs.ext4", "-q", "-O", "^has_journal", "-E", "lazy_itable_init=1",
                                "-d", files / "tree", files / "disk", "4G"},
                               seconds(120)));
  return {};
}

// And its libraries.
Result<void> V2Guest::copy_program(const fs::path& program, const std::string& to) const {
  BRIM_TRY(const std::string linked, host::run_program({"ldd", program}, seconds(60)));
  fs::copy_file(program, *files_ / to);
  // "libfmt.so.9 => /lib/x86_64-linux-gnu/libfmt.so.9 (0x...)", and the loader by its path alone.
  std::istringstream words(linked);
  for (std::string word; words >> word;)
    if (word.front() == '/')
      fs::copy_file(word, *files_ / ("tree/lib/" + fs::path(word).filename().string()),
                    fs::copy_options::overwrite_existing);
  return {};
}

// The loader is found where the program names it.
Result<void> V2Guest::boot() {
  lab::GuestOptions& options = lab_->options;
  options.memory = mebibytes(384);
  options.host_memory_limit = mebibytes(1536);  // with the disk in the host's page cache
  options.emulator_arguments = {"-drive",
                                "if=none,id=work,format=raw,cache=unsafe,file=" + *files_ / "disk",
                                "-device", "virtio-blk-pci,drive=work"};
  BRIM_TRY(lab::Guest guest, lab::Guest::start(*lab_->host, options));
  guest_.emplace(std::move(guest));
  BRIM_CHECK(guest_->wait_ready(kBoot));
  BRIM_TRY(const nlohmann::json mounted,
           guest_->command({{"command", "execute"},
                            {"script",
                             "mkdir -p /w /lib64 && "
                             "mount -t ext4 -o noinit_itable /dev/vda /w && "
                             "ln -s /w/lib/ld-linux-x86-64.so.2 /lib64/"}},
                           kAnswer));
  if (mounted.value("status", -1) != 0)
    return fail(ErrorCode::io, mounted.value("output", std::string()), "the guest's disk");
  return {};
}

Result<std::string> V2Guest::run(const std::string& script, seconds timeout) {
  BRIM_TRY(const nlohmann::json answer,
           guest_->command({{"command", "execute"},
                            {"script", "cd /w; . ./settings; " + script},
                            {"timeout_seconds", timeout.count()}},
                           timeout + seconds(20)));
  return answer.value("output", std::string());
}

Result<void> V2Guest::start_program(const std::string& name, const std::string& command) {
  BRIM_CHECK(run("rm -f " + name + ".*; (" + command + " >" + name + ".output 2>" + name +
                 ".errors </dev/null & echo $! >" + name + ".pid; wait $!; echo $? >" + name +
                 ".status) >/dev/null 2>&1 &"));
  return {};
}

Result<std::optional<int>> V2Guest::status_of(const std::string& name) {
  BRIM_TRY(const std::string status, run("cat " + name + ".status 2>/dev/null"));
  if (status.empty()) return std::nullopt;
  return std::atoi(status.c_str());
}

Result<void> V2Guest::kill(const std::string& name, const std::string& signal) {
  BRIM_CHECK(run("kill -" + signal + " $(cat " + name + ".pid)"));
  return {};
}

Result<std::string> V2Guest::file(const std::string& name) {
  constexpr int kBlocks = 256;  // of 64 KiB
  std::string all;
  for (int block = 0; block < kBlocks; ++block) {
    BRIM_TRY(
        const std::string part,
        run("dd if=" + name + " bs=65536 count=1 skip=" + std::to_string(block) + " 2>/dev/null"));
    if (part.empty()) break;
    all += part;
  }
  return all;
}

}  // namespace brim::live
