// SPDX-License-Identifier: Apache-2.0
#include "cli/live_guard.h"

#include "host/dependent_process.h"

#include <filesystem>
#include <optional>
#include <utility>

namespace brim::cli {
namespace {

using thrash::live::ConsumerControls;

class LiveGuard final : public thrash::live::LiveControl {
 public:
  explicit LiveGuard(std::string program) : program_(std::move(program)) {}

  Result<void> begin(ConsumerControls& consumers) override {
    const host::LimitedGroup* group = consumers.group();
    host::ProgramStart start;
    start.arguments = {
        program_, "guard", "--act", "--only", "thrash", "--set", "thrash.interactive=brim-probe"};
    if (group != nullptr)
      start.arguments.insert(start.arguments.end(),
                             {"--scope", group->places()[host::GroupPart::memory].folder});
    BRIM_TRY(host::DependentProcess guard, host::DependentProcess::start(start));
    guard_.emplace(std::move(guard));
    return {};
  }
  // It works by itself: here it is only seen whether it still does.
  Result<Time> step(ConsumerControls& /*consumers*/, Time now) override {
    if (!guard_ || !guard_->running())
      return fail(ErrorCode::gone,
                  "brim's guard ended; see what 'brim guard --only thrash --act --once' says",
                  "mechanism.control");
    return now + std::chrono::seconds(1);
  }
  Result<void> end(ConsumerControls& /*consumers*/) override {
    if (!guard_) return {};
    guard_->ask_to_end();
    constexpr auto kEnough = std::chrono::seconds(5);
    if (!guard_->wait(kEnough)) guard_->kill();  // its watchdog lets all go
    return {};
  }

 private:
  std::string program_;
  std::optional<host::DependentProcess> guard_;
};

}  // namespace

thrash::live::LiveControlPolicy live_guard_control() {
  return {{"brim", "brim's own thrash guard, with its defaults.", {}},
          [](const host::Host&,
             const study::Settings&) -> Result<std::unique_ptr<thrash::live::LiveControl>> {
            std::error_code error;
            const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
            if (error)
              return fail(ErrorCode::missing, "brim's own program can't be found", "/proc");
            return std::make_unique<LiveGuard>(program.string());
          }};
}

}  // namespace brim::cli
