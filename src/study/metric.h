// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every metric brim can record: nothing else can be. One sorted table; `brim list metrics` prints it.

#include <cstdint>
#include <span>
#include <string_view>

namespace brim::study {

enum class Direction : std::uint8_t { neither, more_is_better, less_is_better };

struct Metric {
  std::string_view name;     // "share.intra_saving_pages": area, then the JSON key
  std::string_view unit;     // "pages", "bytes", "percent", "per_s", "s"
  std::string_view meaning;  // one sentence
  Direction direction = Direction::neither;
};

[[nodiscard]] std::span<const Metric> metrics();  // sorted by name
// Null if there is none of that name.
[[nodiscard]] const Metric* find_metric(std::string_view name);

}  // namespace brim::study
