// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/peer_controls.h"

#include "base/fd.h"
#include "base/text.h"
#include "host/system.h"
#include "lab/workshop.h"
#include "thrash/live/program_control.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::thrash::live {
namespace {

using std::chrono::nanoseconds;
using study::Settings;
using Type = study::ParameterType;

constexpr study::Parameter kEarlyoom[] = {
    {"memory", Type::number, "percent", "10", "Available, below which it acts (-m).", {}, 1, 100},
    {"swap",
     Type::number,
     "percent",
     "100",
     "Free, below which it acts (-s): 100 is whatever there is.",
     {},
     1,
     100}};
constexpr study::Parameter kNohang[] = {
    {"soft",
     Type::number,
     "percent",
     "10",
     "Pressure from which it ends one (SIGTERM).",
     {},
     1,
     100},
    {"hard",
     Type::number,
     "percent",
     "90",
     "Pressure from which it kills one (SIGKILL).",
     {},
     1,
     100},
    {"excess", Type::duration, "", "2s", "For so long (psi_excess_duration)."},
    {"pause", Type::duration, "", "10s", "After an action (psi_post_action_delay).", {}, 10}};

constexpr const char* kNohangConfig = "/etc/nohang/nohang.conf";
constexpr auto kBetweenLooks = std::chrono::milliseconds(100);

// A file that a program in a mount namespace of its own sees as /proc/meminfo. It has no name any
// more once that is so: nothing is left whoever is killed.
class ShownMemory {
 public:
  static Result<ShownMemory> create() {
    std::string name = "/tmp/brim-meminfo-XXXXXX";
    const int fd = ::mkstemp(name.data());
    if (fd < 0) return fail(errno_error(errno, "could not make a file", name));
    return ShownMemory(Fd(fd), std::move(name));
  }
  ~ShownMemory() {
    if (file_) ::unlink(name_.c_str());
  }
  ShownMemory(ShownMemory&&) noexcept = default;
  ShownMemory& operator=(ShownMemory&&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  Result<void> show(const std::string& text) {
    if (::pwrite(file_.get(), text.data(), text.size(), 0) < 0)
      return fail(errno_error(errno, "could not write", name_));
    return {};
  }

 private:
  ShownMemory(Fd file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}
  Fd file_;
  std::string name_;
};

class PeerControl : public ProgramControl {
 public:
  explicit PeerControl(const host::Host& host, const std::string& program)
      : ProgramControl(fmt::format("see what '{}' says when it is started", program)),
        host_(host) {}
  [[nodiscard]] bool kills() const override { return true; }

  Result<Time> step(ConsumerControls& consumers, Time now) override {
    if (shown_) BRIM_CHECK(update(consumers));
    BRIM_CHECK(ProgramControl::step(consumers, now));
    return now + kBetweenLooks;
  }

 protected:
  // `arguments` in a namespace where the group's memory is the machine's; as they are where
  // consumers have the whole machine. `input`: what they read as standard input.
  Result<host::ProgramStart> beside(const ConsumerControls& consumers,
                                    const std::vector<std::string>& arguments,
                                    const std::string& input) {
    std::string script = "exec \"$@\"";
    host::ProgramStart start;
    start.arguments = {"unshare", "--mount", "--propagation", "private", "sh", "-c"};
    if (consumers.group() != nullptr) {
      BRIM_TRY(ShownMemory shown, ShownMemory::create());
      shown_.emplace(std::move(shown));
      BRIM_CHECK(update(consumers));
      script =
          fmt::format("mount --bind {0} /proc/meminfo && rm -f {0} && {1}", shown_->name(), script);
    }
    if (!input.empty()) script += fmt::format(" <<'brim-end'\n{}\nbrim-end\n", input);
    start.arguments.push_back(script);
    start.arguments.emplace_back("sh");
    start.arguments.insert(start.arguments.end(), arguments.begin(), arguments.end());
    return start;
  }

 private:
  Result<void> update(const ConsumerControls& consumers) {
    const host::GroupReading group = consumers.group()->read();
    if (!group.memory) return fail(group.memory.error());
    BRIM_TRY(const host::MemoryInfo machine, host::read_memory_info(host_));
    return shown_->show(memory_info_of(consumers.memory(), *group.memory,
                                       Bytes(machine.swap_total_bytes),
                                       Bytes(machine.swap_total_bytes - machine.swap_free_bytes)));
  }

  const host::Host& host_;
  std::optional<ShownMemory> shown_;
};

class EarlyoomControl final : public PeerControl {
 public:
  EarlyoomControl(const host::Host& host, double memory, double swap)
      : PeerControl(host, "earlyoom"), memory_(memory), swap_(swap) {}

 protected:
  Result<host::ProgramStart> program(const ConsumerControls& consumers) override {
    return beside(consumers,
                  {"earlyoom", "-m", fmt::format("{:.0f}", memory_), "-s",
                   fmt::format("{:.0f}", swap_), "-r", "0"},
                  "");
  }

 private:
  double memory_;
  double swap_;
};

class NohangControl final : public PeerControl {
 public:
  NohangControl(const host::Host& host, std::string config, std::vector<ConfigValue> values)
      : PeerControl(host, "nohang --monitor --config " + std::string(kNohangConfig)),
        config_(std::move(config)),
        values_(std::move(values)) {}

 protected:
  Result<host::ProgramStart> program(const ConsumerControls& consumers) override {
    std::vector<ConfigValue> values = values_;
    if (consumers.group() != nullptr)
      if (const auto& place = consumers.group()->places()[host::GroupPart::pressure];
          !place.folder.empty())
        values.push_back({"psi_path", place.folder + "/memory.pressure"});
    BRIM_TRY(const std::string config, with_values(config_, values));
    return beside(consumers, {"nohang", "--monitor", "--config", "/dev/stdin"}, config);
  }

 private:
  std::string config_;
  std::vector<ConfigValue> values_;
};

Result<void> check_installed(const std::string& program) {
  if (lab::on_path(program)) return {};
  return fail(ErrorCode::missing, fmt::format("{0} is not installed: apt-get install {0}", program),
              "mechanism.control");
}

Result<std::unique_ptr<LiveControl>> make_earlyoom(const host::Host& host,
                                                   const Settings& settings) {
  BRIM_CHECK(check_installed("earlyoom"));
  return std::make_unique<EarlyoomControl>(host, settings.get<double>("memory"),
                                           settings.get<double>("swap"));
}

Result<std::unique_ptr<LiveControl>> make_nohang(const host::Host& host, const Settings& settings) {
  BRIM_CHECK(check_installed("nohang"));
  BRIM_TRY(std::string config, host.read_file(kNohangConfig));
  const auto in_seconds = [&](std::string_view key) {
    return fmt::format("{:g}",
                       std::chrono::duration<double>(settings.get<nanoseconds>(key)).count());
  };
  const auto percent = [&](std::string_view key) {
    return fmt::format("{:g}", settings.get<double>(key));
  };
  // Only those that are marked have so much (fs/proc/base.c, proc_oom_score()).
  constexpr const char* kMarked = "1000";
  return std::make_unique<NohangControl>(
      host, std::move(config),
      std::vector<ConfigValue>{{"psi_checking_enabled", "True"},
                               {"soft_threshold_max_psi", percent("soft")},
                               {"hard_threshold_max_psi", percent("hard")},
                               {"psi_excess_duration", in_seconds("excess")},
                               {"psi_post_action_delay", in_seconds("pause")},
                               {"min_badness", kMarked}});
}

}  // namespace

std::vector<LiveControlPolicy> peer_controls() {
  return {
      {{"earlyoom", "Kills the largest while little memory is available (the program).", kEarlyoom},
       make_earlyoom},
      {{"nohang", "Kills the largest while pressure is high for long (the program).", kNohang},
       make_nohang}};
}

std::string memory_info_of(Bytes limit, Bytes used, Bytes swap, Bytes swap_used) {
  std::string text;
  const auto line = [&text](std::string_view key, Bytes value) {
    text += fmt::format("{:<15}{:>12} kB\n", fmt::format("{}:", key), value.count() >> 10);
  };
  const Bytes taken = std::min(used, limit);
  line("MemTotal", limit);
  line("MemFree", limit - taken);
  line("MemAvailable", limit - taken);
  for (const char* none : {"Buffers", "Cached", "SwapCached", "SReclaimable"}) line(none, Bytes(0));
  line("AnonPages", taken);
  line("Shmem", Bytes(0));
  line("SwapTotal", swap);
  line("SwapFree", swap - std::min(swap_used, swap));
  return text;
}

Result<std::string> with_values(const std::string& original,
                                const std::vector<ConfigValue>& values) {
  std::vector<bool> found(values.size(), false);
  std::string text;
  for (const std::string_view line : split(original, '\n')) {
    const std::string_view key = trim(line.substr(0, line.find('=')));
    if (key.empty() || key.front() == '#') continue;
    const auto value = std::ranges::find(values, key, &ConfigValue::key);
    if (value == values.end()) {
      text += fmt::format("{}\n", line);
      continue;
    }
    found.at(static_cast<std::size_t>(value - values.begin())) = true;
    text += fmt::format("{} = {}\n", value->key, value->value);
  }
  if (const auto missed = std::ranges::find(found, false); missed != found.end())
    return fail(ErrorCode::bad_input,
                fmt::format("no key '{}': expected nohang 0.2",
                            values.at(static_cast<std::size_t>(missed - found.begin())).key),
                kNohangConfig);
  return text;
}

}  // namespace brim::thrash::live
