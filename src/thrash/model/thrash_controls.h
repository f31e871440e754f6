// SPDX-License-Identifier: Apache-2.0
#pragma once
// All controls of thrashing, by name, with their parameters.

#include "base/result.h"
#include "study/area.h"
#include "thrash/model/thrash_control.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::thrash::model {

// What a control may know of its machine before it runs.
struct ControlledMachine {
  Pages frames{0};  // that processes can have
  Pages slots{0};   // of the swap area
  std::uint32_t processors = 1;
  ModelTime access = std::chrono::nanoseconds(150);  // of a page, by user work
  std::vector<bool> interactive;                     // by process
  std::vector<Pages> asked;                          // by process: what it will touch at most
};

struct ControlPolicy {
  study::Family family;
  // Null: nobody controls. No function for brim's own guard, which is made elsewhere (the backend
  // is given how).
  std::unique_ptr<ThrashControl> (*make)(const ControlledMachine& machine,
                                         const study::Settings& settings);
};

// Sorted by name.
[[nodiscard]] std::span<const ControlPolicy> thrash_controls();

struct ChosenControl {
  const ControlPolicy* policy;
  study::Settings settings;
  std::string words;  // as asked for
};
// "swap-token(timeout=2s)"; `where` is for the error.
[[nodiscard]] Result<ChosenControl> choose_control(std::string_view text, const std::string& where);

}  // namespace brim::thrash::model
