// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every metric brim records: nothing else can be. One sorted table; `brim list metrics` prints it.

#include <cstdint>
#include <span>
#include <string_view>

namespace brim::study {

enum class Direction : std::uint8_t { neither, more_is_better, less_is_better };

// Whether a model run gives it again: a time the machine took does not, and canonical exports leave
// it out.
enum class Repeatable : std::uint8_t { yes, no };

struct Metric {
  std::string_view name;     // "share.intra_saving_pages": area, then the JSON key
  std::string_view unit;     // "pages" (4 KiB), "pages_2m", "bytes", "percent", "s" ...
  std::string_view meaning;  // one sentence
  Direction direction = Direction::neither;
  Repeatable repeatable = Repeatable::yes;
  // The metric that a run records in its place where it knows no more than a lower bound of it.
  std::string_view lower_bound = {};
};

[[nodiscard]] std::span<const Metric> metrics();  // sorted by name
// Null if there is none of that name.
[[nodiscard]] const Metric* find_metric(std::string_view name);
// Its unit; nothing for a metric that is not in the table (any more).
[[nodiscard]] std::string_view unit_of(std::string_view name);

}  // namespace brim::study
