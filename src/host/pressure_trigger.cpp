// SPDX-License-Identifier: Apache-2.0
#include "host/pressure_trigger.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace brim::host {

Result<PressureTrigger> PressureTrigger::open(const Host& host, const std::string& path,
                                              std::chrono::microseconds waited,
                                              std::chrono::microseconds window) {
  if (!host.live())
    return fail(ErrorCode::missing, "only the live kernel raises alarms", host.place(path));
  BRIM_TRY(Fd file, host.open_file(path, O_RDWR | O_NONBLOCK));
  const std::string text = fmt::format("some {} {}", waited.count(), window.count());
  // With its zero: the kernel takes the last byte for that.
  if (::write(file.get(), text.c_str(), text.size() + 1) < 0)
    return fail(errno_error(errno, "set an alarm", path));
  return PressureTrigger(std::move(file));
}

}  // namespace brim::host
