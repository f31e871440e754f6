// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/oomd_control.h"

#include "host/group_parts.h"
#include "host/managed_oom.h"
#include "thrash/live/peer_control.h"

#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace brim::thrash::live {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using study::Settings;
using Type = study::ParameterType;

constexpr study::Parameter kOomdParameters[] = {
    {"pressure",
     Type::number,
     "percent",
     "60",
     "Pressure above which it acts (DefaultMemoryPressureLimit).",
     {},
     0,
     100},
    {"duration", Type::duration, "", "20s", "For so long (DefaultMemoryPressureDurationSec)."},
    {"swap",
     Type::number,
     "percent",
     "90",
     "Used, of memory and of swap, above which it acts (SwapUsedLimit).",
     {},
     0,
     100}};

constexpr const char* kOomdProgram = "systemd-oomd";

class OomdControl final : public PeerControl {
 public:
  OomdControl(const host::Host& host, const std::string& program, std::string config)
      : PeerControl(host, program), program_(program), config_(std::move(config)) {}

  // Comes back once the daemon knows the group.
  Result<void> begin(ConsumerControls& consumers) override {
    BRIM_CHECK(consumers.part_memory());
    const host::LimitedGroup& group = *consumers.group();
    BRIM_CHECK(host::omit_from_managed_oom(host::rest_of_parts(group)));
    BRIM_TRY(host::ManagedOomSocket socket, host::ManagedOomSocket::create());
    socket_.emplace(std::move(socket));
    BRIM_CHECK(PeerControl::begin(consumers));
    return tell_of(group.places()[host::GroupPart::memory].folder);
  }

 protected:
  Result<host::ProgramStart> program(const ConsumerControls& consumers) override {
    return beside(consumers, {.arguments = {program_},
                              .input = {},
                              .prepare = oomd_surroundings(config_, socket_->path())});
  }

 private:
  Result<void> tell_of(const std::string& group) {
    constexpr auto kPatience = std::chrono::seconds(60);
    constexpr auto kBetweenLooks = milliseconds(100);
    const auto deadline = steady_clock::now() + kPatience;
    for (;;) {
      BRIM_TRY(const bool told, socket_->answer(group, kBetweenLooks));
      if (told) return {};
      BRIM_CHECK(check_running());
      if (steady_clock::now() >= deadline)
        return fail(ErrorCode::io, "it has not asked which cgroups it may act on", program_);
    }
  }

  std::string program_;
  std::string config_;
  std::optional<host::ManagedOomSocket> socket_;
};

// On PATH, or where Debian has it.
Result<std::string> find_oomd(const host::Host& host) {
  constexpr const char* kInstalled = "/lib/systemd/systemd-oomd";
  const Result<void> on_path = check_installed(kOomdProgram);
  if (on_path) return kOomdProgram;
  if (host.exists(kInstalled)) return kInstalled;
  return fail(on_path.error());
}

Result<std::unique_ptr<LiveControl>> make_oomd(const host::Host& host, const Settings& settings) {
  const auto duration = settings.get<nanoseconds>("duration");
  if (duration < std::chrono::seconds(1))
    return fail(ErrorCode::bad_input, "systemd-oomd takes no duration of less than 1 s",
                "mechanism.control");
  if (const auto can = host::check_managed_oom(host); !can)
    return fail(
        can.error().code,
        fmt::format("{}: control '{}' can't be had, 'none' can", can.error().what, kOomdProgram),
        "mechanism.control");
  BRIM_TRY(const std::string program, find_oomd(host));
  return std::make_unique<OomdControl>(
      host, program,
      oomd_config({settings.get<double>("pressure"), duration, settings.get<double>("swap")}));
}

}  // namespace

LiveControlPolicy oomd_control() {
  return {{kOomdProgram, "Kills a cgroup while pressure or swap is high (the program).",
           kOomdParameters},
          make_oomd,
          true};
}

std::string oomd_config(const OomdLimits& limits) {
  return fmt::format(
      "[OOM]\n"
      "SwapUsedLimit={:.2f}%\n"
      "DefaultMemoryPressureLimit={:.2f}%\n"
      "DefaultMemoryPressureDurationSec={}ms\n",
      limits.swap_percent, limits.pressure_percent,
      std::chrono::duration_cast<milliseconds>(limits.duration).count());
}

// Of the files of all oomd.conf.d the last by its name counts.
std::string oomd_surroundings(const std::string& config, const std::string& socket) {
  return fmt::format(
      "mount -t tmpfs -o mode=0755 brim /run && "
      "mkdir -p /run/systemd/oom /run/systemd/oomd.conf.d && "
      "printf %s '{}' >/run/systemd/oomd.conf.d/zz-brim.conf && : >{} && mount --bind {} {} && "
      "rm -r {}",
      config, host::kManagedOomSocket, socket, host::kManagedOomSocket,
      socket.substr(0, socket.rfind('/')));
}

}  // namespace brim::thrash::live
