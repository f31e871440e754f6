// SPDX-License-Identifier: Apache-2.0
#pragma once
// Another's program as a control, which kills by the memory of the whole machine. A group's
// thrashing does not show there; so it is shown the group's memory as the machine's, as lxcfs shows
// it to a container: in a mount namespace of its own a file that the run keeps up to date lies over
// /proc/meminfo.
//
// LIMIT: of what lies there, MemAvailable is the limit less all that the group has: its page cache
// counts as taken.

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"
#include "host/dependent_process.h"
#include "host/host.h"
#include "host/program_log.h"
#include "thrash/live/program_control.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace brim::thrash::live {

// What /proc/meminfo would have on a machine of this size. Always as long, so that it can be
// written over in place.
[[nodiscard]] std::string memory_info_of(Bytes limit, Bytes used, Bytes swap, Bytes swap_used);

// A file that a program in a mount namespace of its own sees as /proc/meminfo. It has no name any
// more once that is so: nothing is left whoever is killed.
class ShownMemory {
 public:
  [[nodiscard]] static Result<ShownMemory> create();
  ~ShownMemory();
  ShownMemory(ShownMemory&&) noexcept = default;
  ShownMemory& operator=(ShownMemory&&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Result<void> show(const std::string& text);

 private:
  ShownMemory(Fd file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}
  Fd file_;
  std::string name_;
};

class PeerControl : public ProgramControl {
 public:
  // `program`: as its user would start it, to see what it says. The host outlives it.
  PeerControl(const host::Host& host, const std::string& program);
  [[nodiscard]] bool kills() const override { return true; }
  [[nodiscard]] Result<Time> step(ConsumerControls& consumers, Time now) override;

 protected:
  struct Program {
    std::vector<std::string> arguments;
    std::string input;    // what it reads as standard input
    std::string prepare;  // shell commands before it starts, in its mount namespace; all must work
  };
  // What it said last, if anything.
  [[nodiscard]] std::string hint() const override;
  // In a namespace where the group's memory is the machine's; as it is where consumers have the
  // whole machine.
  [[nodiscard]] Result<host::ProgramStart> beside(const ConsumerControls& consumers,
                                                  const Program& program);

 private:
  [[nodiscard]] Result<void> update(const ConsumerControls& consumers);

  const host::Host& host_;
  std::optional<ShownMemory> shown_;
  std::optional<host::ProgramLog> log_;
};

// `missing` where no program of this name is on PATH, with the package to install.
[[nodiscard]] Result<void> check_installed(const std::string& program);

}  // namespace brim::thrash::live
