// SPDX-License-Identifier: Apache-2.0
#pragma once
// The service manager that systemd-oomd asks which cgroups it may act on. It connects to pid 1 at
// kManagedOomSocket, calls SubscribeManagedOOMCGroups there, and goes by what comes over that
// connection; when pid 1 can't be reached it ends. systemd answers its own service alone, so that a
// daemon of somebody else's has to see another socket in that place: this is that socket's side.
//
// Messages are varlink's (varlink.org): a JSON object and a byte 0. As in systemd 252:
// src/oom/oomd-manager.c, src/core/core-varlink.c; systemd.resource-control(5) on ManagedOOMSwap,
// ManagedOOMMemoryPressure and ManagedOOMPreference.
//
// Of the cgroups it is told of the daemon kills what lies below: a leaf at a time, with all that
// runs in it.
//
// LIMIT: who has been answered and connects again is not answered.

#include "base/fd.h"
#include "base/result.h"
#include "host/host.h"
#include "host/line_socket.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace brim::host {

inline constexpr std::string_view kManagedOomSocket = "/run/systemd/io.system.ManagedOOM";

// `missing` with the reason where the daemon would not start: it wants cgroups of version 2 alone,
// at /sys/fs/cgroup, with the memory controller.
[[nodiscard]] Result<void> check_managed_oom(const Host& host);

// As ManagedOOMPreference=omit of a unit: the daemon never kills this cgroup, given by its folder.
[[nodiscard]] Result<void> omit_from_managed_oom(const std::string& cgroup);

class ManagedOomSocket {
 public:
  // In a folder of its own below /tmp, to be laid over kManagedOomSocket for the daemon.
  [[nodiscard]] static Result<ManagedOomSocket> create();
  // Removes the folder, where nobody else has.
  ~ManagedOomSocket();
  ManagedOomSocket(ManagedOomSocket&& other) noexcept;
  ManagedOomSocket& operator=(ManagedOomSocket&&) = delete;

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string path() const { return folder_ + "/socket"; }

  // Waits for the daemon's call and answers it: it may kill below the cgroup of this folder, for
  // too little swap and for too much pressure. False where nobody called within the time.
  [[nodiscard]] Result<bool> answer(const std::string& cgroup, std::chrono::milliseconds timeout);

 private:
  ManagedOomSocket(std::string folder, Fd listening);
  std::string folder_;  // empty: moved away
  Fd listening_;
  std::optional<LineSocket> connection_;  // the daemon goes by what it was told while this is open
};

// What is said: the daemon's call, and the answer to it, without their ends. `cgroup`: as the
// kernel names it, "/a/b".
[[nodiscard]] Result<void> check_managed_oom_call(std::string_view message);
[[nodiscard]] std::string managed_oom_answer(std::string_view cgroup);

}  // namespace brim::host
