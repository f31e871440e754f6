// SPDX-License-Identifier: Apache-2.0
#pragma once
// Parameters declared once: the same table reads them from TOML, gives their defaults, bounds them,
// and is what `brim list` prints.
//
// A value in a file that is of another type, out of bounds or under an unknown key is an error with
// its line, what would be right, and the nearest known key.

#include "base/result.h"
#include "base/units.h"
#include "study/config.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace brim::study {

enum class ParameterType : std::uint8_t {
  boolean,
  count,     // a whole number from 0
  number,    // any finite number
  fraction,  // 0 to 1, or "3.1%"
  size,      // "2GiB"
  duration,  // "10s"
  text,
  choice,  // one of `choices`
};
[[nodiscard]] std::string_view name_of(ParameterType type);

struct Parameter {
  std::string_view key;
  ParameterType type;
  std::string_view unit;      // of counts and numbers: "pages", "GHz"; else ""
  std::string_view fallback;  // as a file would have it, without quotes; "" for texts may be meant
  std::string_view summary;   // one sentence
  std::string_view choices = {};  // "ksm,tps"
  // Of counts and numbers, inclusive; a text with a least of 1 may not be empty in a scenario.
  double least = 0;
  double most = std::numeric_limits<double>::infinity();
};

using Value =
    std::variant<bool, std::uint64_t, double, Bytes, std::chrono::nanoseconds, std::string>;

// "true", "100", "0.03125", "2.0 GiB", "10s", "ksm": as people read it.
[[nodiscard]] std::string words(const Value& value);

// What a text stands for; `where` is for the error.
[[nodiscard]] Result<Value> parse_value(const Parameter& parameter, std::string_view text,
                                        const std::string& where);
[[nodiscard]] Result<Value> read_value(const Parameter& parameter, const ConfigNode& node);

// A value for each parameter of a table of declarations. The table must outlive it.
class Settings {
 public:
  Settings() = default;
  // The defaults.
  explicit Settings(std::span<const Parameter> parameters);

  [[nodiscard]] std::span<const Parameter> parameters() const { return parameters_; }
  [[nodiscard]] bool has(std::string_view key) const;
  // A key that is not declared, or of another type, is a bug.
  template <class T>
  [[nodiscard]] const T& get(std::string_view key) const {
    const T* value = std::get_if<T>(&at(key));
    BRIM_ASSERT(value != nullptr);
    return *value;
  }
  [[nodiscard]] const Value& at(std::string_view key) const;

  // Takes what the table says; keys of `others` are left to the caller, all else is an error.
  [[nodiscard]] Result<void> read(const ConfigNode& table,
                                  std::span<const std::string_view> others = {});
  // One value, from a text; `where` is for the error.
  [[nodiscard]] Result<void> set(std::string_view key, std::string_view text,
                                 const std::string& where);

 private:
  std::span<const Parameter> parameters_;
  std::vector<Value> values_;  // by place in parameters_
};

// "'colour' is not a key here; did you mean 'colours'?"
[[nodiscard]] Error unknown_key(const std::string& where, std::string_view key,
                                std::span<const std::string> known);

}  // namespace brim::study
