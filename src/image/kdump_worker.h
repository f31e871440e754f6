// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parent's side of one confined libkdumpfile child. One request at a time: not for several
// threads at once. The child ends with this object, with brim itself (its socket closes), when a
// request takes longer than seconds_for() it, or when it is waited for and `cancel` is requested
// (`interrupted`).
//
// Not PR_SET_PDEATHSIG: that signal comes when the *thread* that forked ends, so an image opened by
// a short-lived thread would break.

#include "base/cancel.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"
#include "image/kdump_protocol.h"
#include "image/ram_image.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <linux/filter.h>
#include <sys/types.h>

namespace brim::image::kdump {

class Worker {
 public:
  // Forks, and waits until the child has opened the dump.
  [[nodiscard]] static Result<std::unique_ptr<Worker>> start(
      int dump_fd, const std::string& name, const std::vector<sock_filter>& filter,
      const Cancel& cancel = kNeverCancelled);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Whether the file holds all that its headers say; bad_input if it was truncated.
  [[nodiscard]] Result<void> verify();
  // The RAM the dump names, checked: ascending, not overlapping.
  [[nodiscard]] Result<std::vector<Extent>> extents();
  // Up to kBatchPages pages into `out`.
  [[nodiscard]] Result<void> read(GuestFrame first, std::span<std::byte> out,
                                  std::vector<GuestFrame>& unavailable);

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Worker(std::string name, const Cancel& cancel) : name_(std::move(name)), cancel_(cancel) {}
  [[nodiscard]] Result<void> spawn(int dump_fd, const std::vector<sock_filter>& filter);
  [[nodiscard]] Result<std::uint32_t> ask(const Request& request);
  [[nodiscard]] Result<std::uint32_t> receive(int seconds);
  [[nodiscard]] Result<void> wait_for_answer(int seconds);
  [[nodiscard]] Error ended(const char* how);

  std::string name_;
  const Cancel& cancel_;
  Fd socket_;
  Shared* shared_ = nullptr;
  pid_t pid_ = -1;
};

}  // namespace brim::image::kdump
