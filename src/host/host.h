// SPDX-License-Identifier: Apache-2.0
#pragma once
// The only door to the kernel's files: /proc, /sys and what else is named by an absolute path,
// below a root directory that is "/" on a live host and tests/fixtures/hosts/<case> in tests.
//
// Paths are absolute as on the host ("/proc/meminfo") and resolved below the root's descriptor, so
// that a fixture can't reach the real machine. live() is false for fixtures: whatever needs system
// calls on other processes or sockets (QMP, libvirt, madvise) must answer `missing` with a reason
// there.

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

class Host {
 public:
  // No default: callers say which host.
  [[nodiscard]] static Result<Host> open(const std::string& root);

  [[nodiscard]] bool live() const { return live_; }
  [[nodiscard]] const std::string& root() const { return root_; }

  // The whole of a (small or pseudo) file, read until end of file.
  [[nodiscard]] Result<std::string> read_file(std::string_view path) const;
  // read_file, without surrounding white space.
  [[nodiscard]] Result<std::string> read_value(std::string_view path) const;
  [[nodiscard]] Result<std::uint64_t> read_number(std::string_view path) const;
  // One write() of the whole text to an existing file. Only journal.h's apply calls this for state
  // that must be put back.
  [[nodiscard]] Result<void> write_file(std::string_view path, std::string_view text) const;
  [[nodiscard]] bool exists(std::string_view path) const;
  // Names in a directory without . and .., sorted.
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view path) const;
  // Never creates a file; close-on-exec is added to `flags` (of open(2)).
  [[nodiscard]] Result<Fd> open_file(std::string_view path, int flags) const;
  // The path as errors name it: below the root for fixtures.
  [[nodiscard]] std::string place(std::string_view path) const;

 private:
  Host() = default;
  std::string root_;
  Fd directory_;
  bool live_ = false;
};

}  // namespace brim::host
