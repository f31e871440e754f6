// SPDX-License-Identifier: Apache-2.0
#pragma once
// A real guest: QEMU with a prepared kernel and the lab's agent in it, in a cgroup of its own with
// a hard limit of memory, gone with the object and with brim, `kill -9` included.
//
// The agent answers over the virtio-serial port org.brim.agent (agent/service.h). QEMU's monitor is
// asked through a connection per command, so that a scan of the host can ask it, too.
//
// A guest's memory is private and anonymous, as KSM needs it. QEMU's `microvm` hung in half of its
// boots under TCG: guests are of type `pc`.

#include "base/result.h"
#include "base/units.h"
#include "host/dependent_process.h"
#include "host/guest_cgroup.h"
#include "host/host.h"
#include "host/line_socket.h"
#include "lab/prepare.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace brim::lab {

enum class Accelerator : std::uint8_t { tcg, kvm };
[[nodiscard]] std::string_view name_of(Accelerator accelerator);

// What QEMU may take besides the guest's memory: it needs 32 MiB for translated code and about 60
// MiB of its own; the rest is for the page cache of its files.
inline constexpr Bytes kEmulatorMemory = mebibytes(256);

struct GuestOptions {
  std::string name = "guest";
  KernelFiles files;
  std::string root_image;  // a root file system for loads of programs; empty: none
  Bytes memory = mebibytes(128);
  Bytes host_memory_limit = mebibytes(128) + kEmulatorMemory;  // of the cgroup
  unsigned processors = 1;
  Accelerator accelerator = Accelerator::tcg;
  bool huge_pages = true;  // behind its memory, as the host is set; false: none
  std::string directory;   // the guest's own folder is made in it; a short path: sockets are there
  std::string records;     // where `brim restore` looks (guest_record.h)
  std::string kernel_arguments;                 // besides the lab's own
  std::vector<std::string> emulator_arguments;  // besides the lab's own
};

class Guest {
 public:
  // QEMU runs; the guest boots.
  [[nodiscard]] static Result<Guest> start(const host::Host& host, const GuestOptions& options);
  ~Guest();
  Guest(Guest&&) noexcept;
  Guest& operator=(Guest&&) = delete;

  // The agent's answer to "hello". `io` with the console's last line where none comes in time, or
  // QEMU ended.
  [[nodiscard]] Result<nlohmann::json> wait_ready(std::chrono::milliseconds timeout);
  // A request to the agent: its "return". Its error is `io`.
  [[nodiscard]] Result<nlohmann::json> command(nlohmann::json request,
                                               std::chrono::milliseconds timeout);

  [[nodiscard]] Result<void> pause();
  [[nodiscard]] Result<void> resume();
  [[nodiscard]] Result<std::string> run_state();  // "running", "paused", ...
  // The guest's RAM into a file, in QEMU's words: "elf", "kdump-zlib", "kdump-lzo" ...
  [[nodiscard]] Result<void> dump(const std::string& path, const std::string& format,
                                  std::chrono::milliseconds timeout);
  // Asks for this much memory and waits until the guest has it, or no longer gets nearer. Gives
  // what it has: more than asked for where it has no more to give. `missing` where nothing moves:
  // QEMU says yes even where the guest has no balloon driver.
  [[nodiscard]] Result<Bytes> balloon(Bytes target, std::chrono::milliseconds timeout);
  // To a QEMU that was started with -incoming on this URI.
  [[nodiscard]] Result<void> migrate(const std::string& uri, std::chrono::milliseconds timeout);
  // Ends QEMU and removes what the guest held.
  [[nodiscard]] Result<void> quit(std::chrono::milliseconds timeout);

  [[nodiscard]] int pid() const { return process_->pid(); }
  [[nodiscard]] bool running() { return process_ && process_->running(); }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const std::string& cgroup() const { return cgroup_->path(); }

 private:
  Guest() = default;
  [[nodiscard]] Result<nlohmann::json> ask_monitor(const std::string& command,
                                                   const nlohmann::json& arguments,
                                                   std::chrono::milliseconds timeout) const;
  [[nodiscard]] Result<void> connect(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] Error not_ready(const Error& error);
  [[nodiscard]] Result<Bytes> memory_now() const;
  void clean_up();

  std::string directory_;
  std::string record_;
  std::optional<host::GuestCgroup> cgroup_;
  std::optional<host::DependentProcess> process_;  // before its cgroup is removed
  std::optional<host::LineSocket> agent_;
  std::uint64_t last_request_ = 0;
};

// QEMU's command line. Pure.
[[nodiscard]] std::vector<std::string> guest_arguments(const GuestOptions& options,
                                                       const std::string& directory);

// KVM where a probe guest with it says hello, else TCG: /dev/kvm may be there and boot nothing.
[[nodiscard]] Accelerator usable_accelerator(const host::Host& host, GuestOptions options);

}  // namespace brim::lab
