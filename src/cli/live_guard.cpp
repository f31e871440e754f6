// SPDX-License-Identifier: Apache-2.0
#include "cli/live_guard.h"

#include "thrash/live/program_control.h"

#include <filesystem>
#include <utility>

namespace brim::cli {
namespace {

class LiveGuard final : public thrash::live::ProgramControl {
 public:
  explicit LiveGuard(std::string program)
      : ProgramControl("see what 'brim guard --only thrash --act --once' says"),
        program_(std::move(program)) {}

 protected:
  // When it has to be killed its watchdog lets all go.
  Result<host::ProgramStart> program(const thrash::live::ConsumerControls& consumers) override {
    host::ProgramStart start;
    start.arguments = {
        program_, "guard", "--act", "--only", "thrash", "--set", "thrash.interactive=brim-probe"};
    if (const host::LimitedGroup* group = consumers.group(); group != nullptr)
      start.arguments.insert(start.arguments.end(),
                             {"--scope", group->places()[host::GroupPart::memory].folder});
    return start;
  }

 private:
  std::string program_;
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
