// SPDX-License-Identifier: Apache-2.0
#pragma once
// The files the HTML report carries, as linked into the library:
// third_party/echarts/echarts.min.js, assets/report.js and assets/report.css. Their bytes,
// unchanged.

#include <string_view>

namespace brim::report {

struct Script {
  std::string_view text;
  std::string_view sha256;  // of the text, 64 hexadecimal digits
};

[[nodiscard]] Script echarts_script();
[[nodiscard]] Script report_script();
[[nodiscard]] std::string_view report_style();

}  // namespace brim::report
