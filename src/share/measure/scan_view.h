// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the parts of the scan report share: the scan's JSON with its first result named once, and
// small readers of it. Private to scan_document.cpp, scan_answer.cpp and scan_sections*.cpp. The
// readers throw nlohmann exceptions on JSON of another shape; scan_document() turns them into an
// Error.

#include "report/document.h"

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace brim::share {

struct View {
  const nlohmann::json& scan;
  const nlohmann::json& first;      // results[0]
  const nlohmann::json& potential;  // of it
  double page_bytes = 0;
  double saving = 0;  // intra + inter, in pages of page_bytes

  [[nodiscard]] std::string amount(double pages) const;  // as a size
};

// 0 where the key is missing or null.
[[nodiscard]] double number(const nlohmann::json& object, const char* key);
// A string as it is, any other value as JSON.
[[nodiscard]] std::string text_of(const nlohmann::json& value);
// With its interval, if `key`_interval is there; an empty cell for null.
[[nodiscard]] report::Cell cell(const nlohmann::json& object, const std::string& key);
[[nodiscard]] std::string amount(double pages, double page_bytes);
[[nodiscard]] std::string percent_of(double part, double whole);
// "4 VMs, 1 image".
[[nodiscard]] std::string subjects_phrase(const nlohmann::json& subjects);

// The first screen: one finding a line.
[[nodiscard]] std::vector<std::string> answer(const View& view);
[[nodiscard]] std::string real_line(const View& view);
// Tables and charts, in reading order; only those the scan has something for.
[[nodiscard]] std::vector<report::Section> sections(const View& view);
[[nodiscard]] report::Section real_section(const View& view);
[[nodiscard]] report::Section causes_section(const View& view);
[[nodiscard]] report::Section ksm_section(const View& view);

}  // namespace brim::share
