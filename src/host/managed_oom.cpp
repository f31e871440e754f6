// SPDX-License-Identifier: Apache-2.0
#include "host/managed_oom.h"

#include "host/group_layout.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/xattr.h>

namespace brim::host {
namespace {

using nlohmann::json;

constexpr std::string_view kUnifiedCgroups = "/sys/fs/cgroup";
constexpr char kMessageEnd = '\0';
constexpr const char* kSubscribe = "io.systemd.ManagedOOM.SubscribeManagedOOMCGroups";

}  // namespace

Result<void> check_managed_oom(const Host& host) {
  constexpr std::string_view kAnyName = "brim-group-check";
  BRIM_TRY(const GroupPlaces places, group_places(host, std::string(kAnyName)));
  const PartPlace& memory = places[GroupPart::memory];
  if (memory.folder.empty()) return fail(ErrorCode::missing, memory.why_not);
  if (memory.folder == fmt::format("{}/{}", kUnifiedCgroups, kAnyName)) return {};
  return fail(ErrorCode::missing,
              fmt::format("systemd-oomd acts on cgroups of version 2 alone, at {}, and here the "
                          "memory controller is elsewhere",
                          kUnifiedCgroups),
              memory.folder);
}

Result<void> omit_from_managed_oom(const std::string& cgroup) {
  if (::setxattr(cgroup.c_str(), "user.oomd_omit", "1", 1, 0) == 0) return {};
  return fail(errno_error(errno, "set user.oomd_omit", cgroup));
}

Result<void> check_managed_oom_call(std::string_view message) {
  const json call = json::parse(message, nullptr, false);
  // With "more" set it takes any number of answers.
  if (call.is_object() && call.value("method", json()) == kSubscribe &&
      call.value("more", json()) == true)
    return {};
  return fail(ErrorCode::io, fmt::format("expected a call of {}", kSubscribe),
              std::string(kManagedOomSocket));
}

std::string managed_oom_answer(std::string_view cgroup) {
  json told = json::array();
  for (const char* property : {"ManagedOOMSwap", "ManagedOOMMemoryPressure"})
    told.push_back({{"mode", "kill"}, {"path", cgroup}, {"property", property}});
  return json{{"parameters", {{"cgroups", told}}}, {"continues", true}}.dump();
}

ManagedOomSocket::ManagedOomSocket(std::string folder, Fd listening)
    : folder_(std::move(folder)), listening_(std::move(listening)) {}

ManagedOomSocket::ManagedOomSocket(ManagedOomSocket&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      listening_(std::move(other.listening_)),
      connection_(std::move(other.connection_)) {}

ManagedOomSocket::~ManagedOomSocket() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Result<ManagedOomSocket> ManagedOomSocket::create() {
  std::string folder = "/tmp/brim-oomd-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr)
    return fail(errno_error(errno, "could not make a folder", folder));
  ManagedOomSocket made(std::move(folder), Fd());
  BRIM_TRY(made.listening_, listen_at(made.path()));
  return made;
}

Result<bool> ManagedOomSocket::answer(const std::string& cgroup,
                                      std::chrono::milliseconds timeout) {
  BRIM_ASSERT(cgroup.starts_with(kUnifiedCgroups));
  constexpr auto kPatience = std::chrono::seconds(10);
  pollfd waiting{listening_.get(), POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(timeout.count())) <= 0) return false;
  Fd connection(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection) return fail(errno_error(errno, "accept", path()));
  connection_.emplace(std::move(connection), path(), kMessageEnd);
  BRIM_TRY(const std::string call, connection_->receive(kPatience));
  BRIM_CHECK(check_managed_oom_call(call));
  BRIM_CHECK(connection_->send(
      managed_oom_answer(std::string_view(cgroup).substr(kUnifiedCgroups.size())), kPatience));
  return true;
}

}  // namespace brim::host
