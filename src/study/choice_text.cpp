// SPDX-License-Identifier: Apache-2.0
#include "study/choice_text.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::study {
namespace {

// The places of the commas that are outside of brackets part the list.
std::vector<std::string_view> parts_of(std::string_view list) {
  std::vector<std::string_view> parts;
  std::size_t depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i == list.size() || (list[i] == ',' && depth == 0)) {
      parts.push_back(trim(list.substr(start, i - start)));
      start = i + 1;
    } else if (list[i] == '(') {
      ++depth;
    } else if (list[i] == ')' && depth > 0) {
      --depth;
    }
  }
  return parts;
}

std::string_view without_quotes(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.starts_with('"') && text.ends_with('"');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

Error unknown(std::string_view noun, std::string_view name, std::span<const Family> families,
              const std::string& where) {
  std::vector<std::string> known;
  known.reserve(families.size());
  for (const Family& family : families) known.emplace_back(family.name);
  const auto near = nearest_word(name, known);
  return {ErrorCode::bad_input,
          fmt::format("no {} '{}'; {}", noun, name,
                      near ? fmt::format("did you mean '{}'?", *near)
                           : fmt::format("there are {}", fmt::join(known, ", "))),
          where};
}

Result<Settings> read_inside(std::string_view inside, const Family& family,
                             const std::string& where) {
  Settings settings(family.parameters);
  for (const std::string_view part : parts_of(inside)) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos)
      return fail(ErrorCode::bad_input, fmt::format("expected KEY=VALUE, not '{}'", part), where);
    const std::string_view value = without_quotes(trim(part.substr(equals + 1)));
    BRIM_CHECK(settings.set(trim(part.substr(0, equals)), value, where));
  }
  return settings;
}

}  // namespace

Result<TextChoice> parse_choice_text(std::string_view text, std::span<const Family> families,
                                     std::string_view noun, const std::string& where) {
  text = trim(text);
  const std::size_t bracket = text.find('(');
  const std::string_view name = trim(text.substr(0, bracket));
  const auto family = std::ranges::find(families, name, &Family::name);
  if (family == families.end()) return fail(unknown(noun, name, families, where));
  TextChoice choice{static_cast<std::size_t>(family - families.begin()),
                    Settings(family->parameters), std::string(text)};
  if (bracket == std::string_view::npos) return choice;
  const std::string place = fmt::format("{} {}", where, text);
  if (!text.ends_with(')'))
    return fail(ErrorCode::bad_input, "expected NAME(KEY=VALUE,...)", place);
  const std::string_view inside = text.substr(bracket + 1, text.size() - bracket - 2);
  BRIM_TRY(choice.settings, read_inside(inside, *family, place));
  return choice;
}

Result<std::vector<TextChoice>> parse_choice_texts(std::string_view list,
                                                   std::span<const Family> families,
                                                   std::string_view noun,
                                                   const std::string& where) {
  std::vector<TextChoice> chosen;
  for (const std::string_view part : parts_of(list)) {
    BRIM_TRY(chosen.emplace_back(), parse_choice_text(part, families, noun, where));
  }
  return chosen;
}

}  // namespace brim::study
