// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the live tests of thrashing stand on: brim as users start it on a scenario of seconds, what
// it recorded, and what of it is left on the machine afterwards. Areas and groups are told by who
// made them, for others may swap here, too.

#include "host/limited_group.h"
#include "host/process.h"
#include "host/run_folder.h"
#include "host/scratch_directory.h"
#include "host/swap_table.h"
#include "host/system.h"
#include "share_child.h"
#include "thrash_scenario.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace brim::live {

using namespace std::chrono_literals;
using nlohmann::json;

inline std::vector<int> all_pids() {
  const auto host = host::Host::open("/");
  return host::list_pids(*host).value();
}

class ThrashLive : public testing::Test {
 protected:
  // One run of brim; killed at the end.
  class BrimRun {
   public:
    BrimRun(const ThrashLive& test, const std::vector<std::string>& sets,
            const std::vector<std::string>& flags = {})
        : output_(test.scratch_ / "output"), errors_(test.scratch_ / "errors") {
      std::vector<std::string> words{BRIM_PROGRAM, "run",      test.scratch_ / "study.toml",
                                     "--live",     "--format", "json"};
      words.insert(words.end(), flags.begin(), flags.end());
      for (const char* const key : {"live.swap_folder=", "live.program_folder="})
        words.insert(words.end(), {"--set", key + test.scratch_.path()});
      for (const std::string& set : sets) words.insert(words.end(), {"--set", set});
      pid_ = start(words, test.scratch_ / "state", test.store_, output_, errors_);
    }
    ~BrimRun() { end(SIGKILL); }
    BrimRun(const BrimRun&) = delete;
    BrimRun& operator=(const BrimRun&) = delete;

    [[nodiscard]] int pid() const { return pid_; }
    [[nodiscard]] bool running() {
      if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
      return !ended_;
    }
    void end(int signal) {
      if (!running()) return;
      ::kill(pid_, signal);
      wait();
    }
    // Its exit status; -1 where a signal ended it.
    int wait() {
      if (running()) ::waitpid(pid_, &status_, 0);
      ended_ = true;
      return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
    }
    [[nodiscard]] std::string errors() const { return read_text(errors_); }
    [[nodiscard]] json result() const { return json::parse(read_text(output_), nullptr, false); }
    // Processes of this run by their role.
    [[nodiscard]] std::vector<int> processes(const std::string& role) const {
      return started_by(pid_, role);
    }

   private:
    static int start(const std::vector<std::string>& words, const std::string& state,
                     const std::string& store, const std::string& output,
                     const std::string& errors) {
      const int pid = ::fork();
      if (pid != 0) return pid;
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      ::setenv("BRIM_STATE_DIR", state.c_str(), 1);
      ::setenv("BRIM_STORE", store.c_str(), 1);
      constexpr int kHow = O_WRONLY | O_CREAT | O_TRUNC;
      ::dup2(::open(output.c_str(), kHow, 0600), STDOUT_FILENO);
      ::dup2(::open(errors.c_str(), kHow, 0600), STDERR_FILENO);
      std::vector<char*> arguments;
      arguments.reserve(words.size() + 1);
      for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    int pid_ = 0;
    int status_ = 0;
    bool ended_ = false;
    std::string output_;
    std::string errors_;
  };

  void SetUp() override {
    BRIM_NEEDS(::geteuid() == 0, "needs root");
    BRIM_NEEDS(host::read_swap_table(host_), "this kernel has no swap");
    const auto places = host::group_places(host_, "brim-group-check");
    BRIM_NEEDS(places && !(*places)[host::GroupPart::memory].folder.empty(),
               places ? (*places)[host::GroupPart::memory].why_not : error_line(places.error()));
    scratch_.write("study.toml", kThrashScenario);
    scratch_.write("state/none", "");
  }

  // The agent names the memory it shares with brim by brim's pid.
  static std::vector<int> started_by(int brim, const std::string& role) {
    std::vector<int> found;
    const std::string shared = "/proc/" + std::to_string(brim) + "/fd/";
    for (const int pid : all_pids()) {
      const std::string words = read_text("/proc/" + std::to_string(pid) + "/cmdline");
      if (words.find(shared) != std::string::npos && words.find(role) != std::string::npos)
        found.push_back(pid);
    }
    return found;
  }
  // What users' programs have started: it works in their folders, which are in the test's.
  [[nodiscard]] std::vector<int> processes_of_programs() const {
    std::vector<int> found;
    for (const int pid : all_pids()) {
      std::error_code error;
      const auto link = "/proc/" + std::to_string(pid) + "/cwd";
      const std::string folder = std::filesystem::read_symlink(link, error).string();
      if (folder.starts_with(scratch_ / host::kRunFolderPrefix)) found.push_back(pid);
    }
    return found;
  }
  // What is left of a run, a line each; nothing should be.
  [[nodiscard]] std::string left_of(int brim) const {
    std::ostringstream left;
    for (const int pid : started_by(brim, "")) left << "process " << pid << "\n";
    const auto cgroups = host::read_cgroups(host_);
    const std::string group =
        std::string(host::kLimitedGroupPrefix) + "thrash-" + std::to_string(brim);
    for (const host::CgroupMount& mount : cgroups->mounts)
      if (std::filesystem::exists(mount.path + "/" + group))
        left << mount.path << "/" << group << "\n";
    const auto swaps = host::read_swap_table(host_);
    for (const host::SwapEntry& entry : *swaps)
      if (entry.path.starts_with(scratch_.path())) left << "swap " << entry.path << "\n";
    std::error_code error;
    for (const auto& item : std::filesystem::directory_iterator(scratch_.path(), error))
      if (item.path().filename().string().find("swap") != std::string::npos ||
          item.path().filename().string().starts_with(host::kRunFolderPrefix))
        left << item.path().string() << "\n";
    for (const int pid : processes_of_programs()) left << "process " << pid << " of a program\n";
    for (const char* records : {"state/swap", "state/groups", "state/folders", "state/journal"})
      for (const auto& item : std::filesystem::directory_iterator(scratch_ / records, error))
        if (item.path().filename() != "lock") left << "record " << item.path().string() << "\n";
    return left.str();
  }
  // A kernel now and then kills in a small group though there is room in swap, when each page that
  // it looks at is in use again at once, as with fast writers and fast swap. That is rarer where
  // somebody reads the group's memory.stat (docs/thrash.md, "Killed with memory to spare"). Such a
  // run says so, and is tried again.
  [[nodiscard]] json run_in_which_nobody_is_killed(const std::vector<std::string>& sets) const {
    constexpr int kTries = 5;
    for (int tries = 1;; ++tries) {
      BrimRun run(*this, sets);
      const std::string statistics = memory_folder_of(run.pid()) + "/memory.stat";
      while (run.running()) {
        static_cast<void>(read_text(statistics));
        std::this_thread::sleep_for(50ms);
      }
      EXPECT_EQ(run.wait(), 0) << run.errors();
      EXPECT_EQ(left_of(run.pid()), "");
      json found = run.result();
      const bool killed = found.is_object() &&
                          found["notes"].dump().find("found no page to take") != std::string::npos;
      if (!killed || tries == kTries) return found;
    }
  }
  // Of the run's group.
  [[nodiscard]] std::string memory_folder_of(int brim) const {
    const auto places = host::group_places(
        host_, std::string(host::kLimitedGroupPrefix) + "thrash-" + std::to_string(brim));
    return (*places)[host::GroupPart::memory].folder;
  }
  int restore() const {
    const std::string command = "BRIM_STATE_DIR=" + scratch_ / "state" + " " + BRIM_PROGRAM +
                                " restore >/dev/null 2>" + scratch_ / "restored";
    return std::system(command.c_str());
  }

  const host::ScratchDirectory scratch_{"/var/tmp"};
  const host::Host host_ = std::move(host::Host::open("/")).value();
  std::string store_ = scratch_ / "state/store.sqlite";
};

// Values over time, by second.
inline std::vector<std::pair<double, double>> values_of(const json& found,
                                                        const std::string& metric,
                                                        const std::string& subject = "") {
  std::vector<std::pair<double, double>> values;
  for (const json& series : found.value("series", json::array()))
    if (series["metric"] == metric && series["subject"] == subject)
      for (const json& value : series["values"])
        values.emplace_back(value["t_seconds"].get<double>(), value["mean"].get<double>());
  return values;
}

// The mean of the values between two times.
inline double mean_of(const json& found, const std::string& metric, double from, double to) {
  double sum = 0;
  int count = 0;
  for (const auto& [t, value] : values_of(found, metric)) {
    if (t < from || t >= to) continue;
    sum += value;
    ++count;
  }
  EXPECT_GT(count, 0) << metric << " between " << from << " and " << to;
  return count == 0 ? NAN : sum / count;
}

}  // namespace brim::live
