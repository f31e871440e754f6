// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/thrash_controls.h"

#include "study/choice_text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace brim::thrash::model {
namespace {

using study::Settings;

std::unique_ptr<ThrashControl> make_none(const ControlledMachine&, const Settings&) {
  return nullptr;
}

constexpr std::array kControls = std::to_array<ControlPolicy>({
    {{"none", "Nobody controls.", {}}, make_none},
});
static_assert(std::ranges::is_sorted(kControls, {},
                                     [](const auto& control) { return control.family.name; }));

}  // namespace

std::span<const ControlPolicy> thrash_controls() { return kControls; }

Result<ChosenControl> choose_control(std::string_view text, const std::string& where) {
  std::vector<study::Family> families;
  families.reserve(kControls.size());
  for (const ControlPolicy& control : kControls) families.push_back(control.family);
  BRIM_TRY(study::TextChoice choice, study::parse_choice_text(text, families, "control", where));
  return ChosenControl{&kControls.at(choice.place), std::move(choice.settings),
                       std::move(choice.words)};
}

}  // namespace brim::thrash::model
