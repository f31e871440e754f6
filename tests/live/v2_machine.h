// SPDX-License-Identifier: Apache-2.0
#pragma once
// A machine with cgroups of version 2 alone, whatever the host's layout, that may be filled and
// thrown away: a guest of the lab with Linux 6.12, and in it brim as it was built. brim, its agent,
// the programs it starts and the libraries they are linked to lie on a disk of their own at /w,
// which has room for swap.
//
// The emulator's processor is many times slower than the host's: looking at it takes a part of it.

#include "lab/workshop.h"
#include "lab_fixture.h"
#include "thrash_fixture.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace brim::live {

class V2Machine {
 public:
  V2Machine() : lab_("6.12-cloud") {
    missing_ = lab_.missing;
    if (!missing_.empty()) return;
    lab::add_system_programs_to_path();
    if (!lab::on_path("mkfs.ext4") || !lab::on_path("ldd")) {
      missing_ = "mkfs.ext4 and ldd";
      return;
    }
    make_disk();
    if (problem_.empty()) boot();
  }

  // What this host lacks for it; empty: nothing.
  [[nodiscard]] const std::string& missing() const { return missing_; }
  // Why it is not there though nothing is missing; empty: it is.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // Whether the host had systemd-oomd to give, on PATH or installed.
  [[nodiscard]] bool has_oomd() const { return has_oomd_; }

  // Output and errors of a shell script in it.
  std::string run(const std::string& script, std::chrono::seconds timeout = 60s) {
    const auto answer = guest_->command({{"command", "execute"},
                                         {"script", "cd /w; . ./settings; " + script},
                                         {"timeout_seconds", timeout.count()}},
                                        timeout + 20s);
    EXPECT_DONE(answer);
    return answer ? answer->value("output", std::string()) : std::string();
  }
  // A program that goes on in it. Its output, errors and pid are files at /w, of this name.
  void start(const std::string& name, const std::string& command) {
    run("rm -f " + name + ".*; (" + command + " >" + name + ".output 2>" + name +
        ".errors </dev/null & echo $! >" + name + ".pid; wait $!; echo $? >" + name +
        ".status) >/dev/null 2>&1 &");
  }
  void kill(const std::string& name, const std::string& signal) {
    run("kill -" + signal + " $(cat " + name + ".pid)");
  }
  [[nodiscard]] bool ended(const std::string& name) {
    return !run("cat " + name + ".status 2>/dev/null").empty();
  }
  // Its exit status, once it has ended; -1 after this time.
  int wait(const std::string& name, std::chrono::seconds most) {
    if (!becomes([&] { return ended(name); }, most)) return -1;
    return std::atoi(run("cat " + name + ".status").c_str());
  }
  // Waits for a condition, at most this long.
  static bool becomes(const std::function<bool()>& holds, std::chrono::seconds most) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(kBetweenLooks);
    }
    return true;
  }
  static constexpr auto kBetweenLooks = 800ms;
  // A file at /w, of any length: what a script prints is limited.
  std::string file(const std::string& name) {
    constexpr int kBlocks = 256;  // of 64 KiB
    std::string all;
    for (int block = 0; block < kBlocks; ++block) {
      const std::string part =
          run("dd if=" + name + " bs=65536 count=1 skip=" + std::to_string(block) + " 2>/dev/null");
      if (part.empty()) break;
      all += part;
    }
    return all;
  }

  // The pids of brim's consumers in it, and how many of them are stopped by a signal.
  struct Consumers {
    std::vector<int> pids;
    int stopped = 0;
  };
  Consumers consumers() {
    Consumers found;
    std::istringstream lines(run("./tasks brim-agent"));
    std::string state;
    for (int pid = 0; lines >> pid >> state;) {
      found.pids.push_back(pid);
      found.stopped += state == "T" ? 1 : 0;
    }
    return found;
  }
  // What runs of brim left in it, a line each; nothing should be.
  std::string left() {
    return run(
        "ls -d /sys/fs/cgroup/brim-* 2>/dev/null; tail -n +2 /proc/swaps; ls swap; "
        "for name in brim brim-agent brim-probe systemd-oomd; do ./tasks $name; done; "
        "ls -d /tmp/brim-* 2>/dev/null; grep -E ' /run| /proc/meminfo' /proc/mounts; "
        "find state/swap state/groups state/holds state/journal -type f ! -name lock 2>/dev/null");
  }

 private:
  void make_disk() {
    namespace fs = std::filesystem;
    for (const char* folder : {"tree/bin", "tree/lib", "tree/state", "tree/swap"})
      fs::create_directories(files_ / folder);
    const fs::path program = BRIM_PROGRAM;
    copy_program(program, "tree/brim");
    fs::copy_file(program.parent_path() / "brim-agent", files_ / "tree/brim-agent");
    // Busybox's mount binds no files.
    for (const char* name : {"mkdir", "mount", "rm", "sh", "unshare"})
      copy_program(std::string("/usr/bin/") + name, std::string("tree/bin/") + name);
    const std::string oomd = find_oomd();
    has_oomd_ = !oomd.empty();
    if (has_oomd_) copy_program(oomd, "tree/bin/systemd-oomd");
    if (!problem_.empty()) return;
    files_.write("tree/settings",
                 "export LD_LIBRARY_PATH=/w/lib BRIM_STATE_DIR=/w/state BRIM_STORE=/w/store "
                 "PATH=/w/bin:/bin\n");
    // "PID STATE" of each process of this name. Consumers are called brim-agent, the agent's other
    // processes are not.
    files_.write("tree/tasks",
                 "#!/bin/sh\n"
                 "for folder in /proc/[0-9]*; do\n"
                 "  read -r name <$folder/comm && [ \"$name\" = \"$1\" ] || continue\n"
                 "  read -r stat <$folder/stat || continue\n"
                 "  state=${stat##*) }\n"
                 "  [ \"${state%% *}\" = Z ] || echo ${folder#/proc/} ${state%% *}\n"
                 "done 2>/dev/null\n");
    files_.write("tree/study.toml", kThrashScenario);
    fs::permissions(files_ / "tree/tasks", fs::perms(0755));
    // Its image has holes, and takes what is written to it.
    const auto made =
        host::run_program({"mkfs.ext4", "-q", "-O", "^has_journal", "-E", "lazy_itable_init=1",
                           "-d", files_ / "tree", files_ / "disk", "4G"},
                          120s);
    if (!made) problem_ = error_line(made.error());
  }

  // And its libraries.
  void copy_program(const std::filesystem::path& program, const std::string& to) {
    namespace fs = std::filesystem;
    const auto linked = host::run_program({"ldd", program}, 60s);
    if (!linked) {
      problem_ = error_line(linked.error());
      return;
    }
    fs::copy_file(program, files_ / to);
    // "libfmt.so.9 => /lib/x86_64-linux-gnu/libfmt.so.9 (0x...)", and the loader by its path alone.
    std::istringstream words(*linked);
    for (std::string word; words >> word;)
      if (word.front() == '/')
        fs::copy_file(word, files_ / ("tree/lib/" + fs::path(word).filename().string()),
                      fs::copy_options::overwrite_existing);
  }
  static std::string find_oomd() {
    std::istringstream folders(std::string(std::getenv("PATH")) + ":/lib/systemd");
    for (std::string folder; std::getline(folders, folder, ':');)
      if (std::filesystem::exists(folder + "/systemd-oomd")) return folder + "/systemd-oomd";
    return {};
  }

  // The loader is found where the program names it.
  void boot() {
    lab_.options.memory = mebibytes(384);
    lab_.options.host_memory_limit = mebibytes(1536);  // with the disk in the host's page cache
    lab_.options.emulator_arguments = {
        "-drive", "if=none,id=work,format=raw,cache=unsafe,file=" + files_ / "disk", "-device",
        "virtio-blk-pci,drive=work"};
    auto guest = lab::Guest::start(*lab_.host, lab_.options);
    if (!guest) {
      problem_ = error_line(guest.error());
      return;
    }
    guest_.emplace(std::move(*guest));
    if (const auto ready = guest_->wait_ready(kBoot); !ready) {
      problem_ = error_line(ready.error());
      return;
    }
    const ScriptEnd mounted =
        run_script(*guest_,
                   "mkdir -p /w /lib64 && mount -t ext4 -o noinit_itable /dev/vda /w && "
                   "ln -s /w/lib/ld-linux-x86-64.so.2 /lib64/");
    if (mounted.status != 0) problem_ = mounted.output;
  }

  const host::ScratchDirectory files_{"/var/tmp"};
  Lab lab_;
  std::optional<lab::Guest> guest_;  // before its folder
  std::string missing_;
  std::string problem_;
  bool has_oomd_ = false;
};

}  // namespace brim::live
