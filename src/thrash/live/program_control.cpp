// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/program_control.h"

namespace brim::thrash::live {

Result<void> ProgramControl::begin(ConsumerControls& consumers) {
  BRIM_TRY(const host::ProgramStart start, program(consumers));
  BRIM_TRY(host::DependentProcess process, host::DependentProcess::start(start));
  process_.emplace(std::move(process));
  return {};
}

Result<void> ProgramControl::check_running() {
  if (process_ && process_->running()) return {};
  return fail(ErrorCode::gone, "the control ended before the run; " + hint(), "mechanism.control");
}

Result<LiveControl::Time> ProgramControl::step(ConsumerControls& /*consumers*/, Time now) {
  BRIM_CHECK(check_running());
  return now + std::chrono::seconds(1);
}

Result<void> ProgramControl::end(ConsumerControls& /*consumers*/) {
  if (!process_) return {};
  process_->ask_to_end();
  constexpr auto kEnough = std::chrono::seconds(5);
  if (!process_->wait(kEnough)) process_->kill();
  return {};
}

}  // namespace brim::thrash::live
