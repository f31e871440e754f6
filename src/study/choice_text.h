// SPDX-License-Identifier: Apache-2.0
#pragma once
// One of a family of things with its parameters, in one line: "clock(reference_on_load=true)".
// Values are as in a file, without quotes.

#include "base/result.h"
#include "study/area.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::study {

struct TextChoice {
  std::size_t place = 0;  // in the families
  Settings settings;
  std::string words;  // as asked for
};

// `bad_input` names what is wrong and the nearest that is right; `noun` is what they are
// ("policy"), `where` who asks ("--policy").
[[nodiscard]] Result<TextChoice> parse_choice_text(std::string_view text,
                                                   std::span<const Family> families,
                                                   std::string_view noun, const std::string& where);
// "lru,clock(reference_on_load=true)"
[[nodiscard]] Result<std::vector<TextChoice>> parse_choice_texts(std::string_view list,
                                                                 std::span<const Family> families,
                                                                 std::string_view noun,
                                                                 const std::string& where);

}  // namespace brim::study
