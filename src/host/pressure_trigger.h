// SPDX-License-Identifier: Apache-2.0
#pragma once
// The kernel's own alarm: it wakes whoever polls once tasks have waited for memory so long within a
// window (Documentation/accounting/psi.rst). The kernel looks ten times a window.

#include "base/fd.h"
#include "base/result.h"
#include "host/host.h"

#include <chrono>
#include <string>

namespace brim::host {

class PressureTrigger {
 public:
  // `path`: /proc/pressure/memory or a cgroup's memory.pressure. `missing` for fixtures and without
  // PSI; `denied` where this user may not (other windows than multiples of 2 s take root).
  [[nodiscard]] static Result<PressureTrigger> open(const Host& host, const std::string& path,
                                                    std::chrono::microseconds waited,
                                                    std::chrono::microseconds window);
  // For poll(2) with POLLPRI; each alarm is told once.
  [[nodiscard]] int descriptor() const { return file_.get(); }

 private:
  explicit PressureTrigger(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

}  // namespace brim::host
