// SPDX-License-Identifier: Apache-2.0
#include "study/parameter.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

namespace brim::study {
namespace {

Error wrong(const Parameter& parameter, const std::string& what, const std::string& where) {
  return {ErrorCode::bad_input, fmt::format("{}: {}", parameter.key, what), where};
}

std::string unit_after(const Parameter& parameter) {
  return parameter.unit.empty() ? std::string() : fmt::format(" ({})", parameter.unit);
}

// What a value of the type looks like in a file.
std::string looks_like(const Parameter& parameter) {
  switch (parameter.type) {
    case ParameterType::boolean:
      return "true or false";
    case ParameterType::count:
      return "a whole number" + unit_after(parameter);
    case ParameterType::number:
      return "a number" + unit_after(parameter);
    case ParameterType::fraction:
      return "a share from 0 to 1";
    case ParameterType::size:
      return "a size such as \"2GiB\"";
    case ParameterType::duration:
      return "a duration such as \"10s\"";
    case ParameterType::text:
      return "a text";
    case ParameterType::choice:
      return fmt::format("one of {}", parameter.choices);
  }
  return {};
}

Result<Value> bounded(const Parameter& parameter, double value, const std::string& where) {
  const bool whole = parameter.type == ParameterType::count;
  const double most = parameter.type == ParameterType::fraction ? 1 : parameter.most;
  if (!std::isfinite(value) || value < parameter.least || value > most)
    return fail(wrong(parameter,
                      std::isfinite(most)
                          ? fmt::format("{} is not within {} to {}", value, parameter.least, most)
                          : fmt::format("{} is less than {}", value, parameter.least),
                      where));
  if (!whole) return Value(value);
  if (value != std::floor(value) || value >= 0x1p63)
    return fail(wrong(parameter, "expected " + looks_like(parameter), where));
  return Value(static_cast<std::uint64_t>(value));
}

std::optional<double> number_in(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return percent ? value / 100 : value;
}

Result<Value> parse_numeric(const Parameter& parameter, std::string_view text,
                            const std::string& where) {
  const auto value = number_in(text);
  const bool percent_fits = parameter.type == ParameterType::fraction || !text.ends_with('%');
  if (!value || !percent_fits)
    return fail(wrong(parameter,
                      fmt::format("expected {}, not \"{}\"", looks_like(parameter), text), where));
  return bounded(parameter, *value, where);
}

Result<Value> parse_choice(const Parameter& parameter, std::string_view text,
                           const std::string& where) {
  std::vector<std::string> known;
  for (const std::string_view choice : split(parameter.choices, ',')) known.emplace_back(choice);
  if (std::find(known.begin(), known.end(), text) != known.end()) return Value(std::string(text));
  const auto near = nearest_word(text, known);
  return fail(wrong(parameter,
                    fmt::format("\"{}\" is not {}{}", text, looks_like(parameter),
                                near ? fmt::format("; did you mean \"{}\"?", *near) : ""),
                    where));
}

template <class T>
Result<Value> with_place(const Parameter& parameter, const Result<T>& parsed,
                         const std::string& where) {
  if (!parsed) return fail(wrong(parameter, parsed.error().what, where));
  return Value(*parsed);
}

}  // namespace

std::string_view name_of(ParameterType type) {
  constexpr std::array<std::string_view, 8> kNames{"boolean", "count",    "number", "fraction",
                                                   "size",    "duration", "text",   "choice"};
  return kNames.at(static_cast<std::size_t>(type));
}

std::string words(const Value& value) {
  struct Words {
    std::string operator()(bool on) const { return on ? "true" : "false"; }
    std::string operator()(std::uint64_t count) const { return std::to_string(count); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(Bytes bytes) const { return human_bytes(bytes); }
    std::string operator()(std::chrono::nanoseconds time) const {
      return fmt::format("{}s", std::chrono::duration<double>(time).count());
    }
    std::string operator()(const std::string& text) const { return text; }
  };
  return std::visit(Words{}, value);
}

Result<Value> parse_value(const Parameter& parameter, std::string_view text,
                          const std::string& where) {
  switch (parameter.type) {
    case ParameterType::boolean:
      if (text == "true" || text == "false") return Value(text == "true");
      return fail(wrong(parameter, "expected true or false", where));
    case ParameterType::count:
    case ParameterType::number:
    case ParameterType::fraction:
      return parse_numeric(parameter, text, where);
    case ParameterType::size:
      return with_place(parameter, parse_bytes(text), where);
    case ParameterType::duration:
      return with_place(parameter, parse_duration(text), where);
    case ParameterType::text:
      return Value(std::string(text));
    case ParameterType::choice:
      return parse_choice(parameter, text, where);
  }
  return fail(wrong(parameter, "of no known type", where));
}

Result<Value> read_value(const Parameter& parameter, const ConfigNode& node) {
  const ParameterType type = parameter.type;
  const bool numeric = type == ParameterType::count || type == ParameterType::number ||
                       type == ParameterType::fraction;
  if (const auto* on = std::get_if<bool>(&node.value);
      on != nullptr && type == ParameterType::boolean)
    return Value(*on);
  if (const auto* whole = std::get_if<std::int64_t>(&node.value); whole != nullptr && numeric)
    return bounded(parameter, static_cast<double>(*whole), node.place());
  if (const auto* number = std::get_if<double>(&node.value); number != nullptr && numeric)
    return bounded(parameter, *number, node.place());
  const bool written_as_text = type != ParameterType::boolean && type != ParameterType::count &&
                               type != ParameterType::number;
  if (const std::string* text = node.text(); text != nullptr && written_as_text)
    return parse_value(parameter, *text, node.place());
  return fail(wrong(parameter,
                    fmt::format("expected {}, not {}", looks_like(parameter), node.kind()),
                    node.place()));
}

Settings::Settings(std::span<const Parameter> parameters) : parameters_(parameters) {
  values_.reserve(parameters.size());
  for (const Parameter& parameter : parameters) {
    auto value = parse_value(parameter, parameter.fallback, "default");
    BRIM_ASSERT(value);  // a wrong declaration
    values_.push_back(std::move(*value));
  }
}

bool Settings::has(std::string_view key) const {
  return std::any_of(parameters_.begin(), parameters_.end(),
                     [key](const Parameter& parameter) { return parameter.key == key; });
}

const Value& Settings::at(std::string_view key) const {
  const auto found =
      std::find_if(parameters_.begin(), parameters_.end(),
                   [key](const Parameter& parameter) { return parameter.key == key; });
  BRIM_ASSERT(found != parameters_.end());
  return values_[static_cast<std::size_t>(found - parameters_.begin())];
}

Result<void> Settings::read(const ConfigNode& node, std::span<const std::string_view> others) {
  const ConfigTable* table = node.table();
  if (table == nullptr)
    return fail(ErrorCode::bad_input, fmt::format("expected a table, not {}", node.kind()),
                node.place());
  for (const auto& [key, value] : table->members) {
    const auto found =
        std::find_if(parameters_.begin(), parameters_.end(),
                     [&key = key](const Parameter& parameter) { return parameter.key == key; });
    if (found != parameters_.end()) {
      BRIM_TRY(values_[static_cast<std::size_t>(found - parameters_.begin())],
               read_value(*found, value));
      continue;
    }
    if (std::find(others.begin(), others.end(), key) != others.end()) continue;
    std::vector<std::string> known(others.begin(), others.end());
    for (const Parameter& parameter : parameters_) known.emplace_back(parameter.key);
    return fail(unknown_key(value.place(), key, known));
  }
  return {};
}

Result<void> Settings::set(std::string_view key, std::string_view text, const std::string& where) {
  const auto found = std::ranges::find(parameters_, key, &Parameter::key);
  if (found == parameters_.end()) {
    std::vector<std::string> known;
    for (const Parameter& parameter : parameters_) known.emplace_back(parameter.key);
    return fail(unknown_key(where, key, known));
  }
  BRIM_TRY(values_[static_cast<std::size_t>(found - parameters_.begin())],
           parse_value(*found, text, where));
  return {};
}

Error unknown_key(const std::string& where, std::string_view key,
                  std::span<const std::string> known) {
  const auto near = nearest_word(key, known);
  return {ErrorCode::bad_input,
          near ? fmt::format("'{}' is not a key here; did you mean '{}'?", key, *near)
               : fmt::format("'{}' is not a key here; keys are: {}", key, fmt::join(known, ", ")),
          where};
}

}  // namespace brim::study
