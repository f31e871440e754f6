// SPDX-License-Identifier: Apache-2.0
#pragma once
// A control that is a program of its own beside the run, started as its user would start it.

#include "host/dependent_process.h"
#include "thrash/live/live_control.h"

#include <optional>
#include <string>
#include <utility>

namespace brim::thrash::live {

class ProgramControl : public LiveControl {
 public:
  [[nodiscard]] Result<void> begin(ConsumerControls& consumers) override;
  // It works by itself: here it is only seen whether it still does.
  [[nodiscard]] Result<Time> step(ConsumerControls& consumers, Time now) override;
  // Asks it to end, and kills it where it does not within five seconds.
  [[nodiscard]] Result<void> end(ConsumerControls& consumers) override;

 protected:
  // `hint`: of the error when it ends before its time: what would tell why.
  explicit ProgramControl(std::string hint) : hint_(std::move(hint)) {}
  [[nodiscard]] virtual Result<host::ProgramStart> program(const ConsumerControls& consumers) = 0;
  // `gone` where it has ended.
  [[nodiscard]] Result<void> check_running();
  [[nodiscard]] virtual std::string hint() const { return hint_; }

 private:
  std::string hint_;
  std::optional<host::DependentProcess> process_;
};

}  // namespace brim::thrash::live
