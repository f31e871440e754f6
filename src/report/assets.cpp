// SPDX-License-Identifier: Apache-2.0
// The assembler's .incbin puts each file between two symbols; nothing is copied or parsed. The
// build recompiles this file when one of them changes (CMakeLists.txt), and ccache knows .incbin
// and does not cache it.
#include "report/assets.h"

#include "assets_generated.h"

#include <cstddef>

// NOLINTBEGIN(bugprone-macro-parentheses): pieces of assembler text
#define BRIM_EMBED(name, file)   \
  asm(".section .rodata\n"       \
      ".global brim_asset_" name \
      "_begin\n"                 \
      ".hidden brim_asset_" name \
      "_begin\n"                 \
      ".global brim_asset_" name \
      "_end\n"                   \
      ".hidden brim_asset_" name \
      "_end\n"                   \
      ".balign 16\n"             \
      "brim_asset_" name         \
      "_begin:\n"                \
      ".incbin \"" file          \
      "\"\n"                     \
      "brim_asset_" name         \
      "_end:\n"                  \
      ".byte 0\n"                \
      ".text\n")
// NOLINTEND(bugprone-macro-parentheses)

BRIM_EMBED("echarts", BRIM_ECHARTS_FILE);
BRIM_EMBED("report_js", BRIM_REPORT_JS_FILE);
BRIM_EMBED("report_css", BRIM_REPORT_CSS_FILE);

extern "C" {
#define BRIM_ASSET(name)                                                               \
  extern const char brim_asset_##name##_begin[] __attribute__((visibility("hidden"))); \
  extern const char brim_asset_##name##_end[] __attribute__((visibility("hidden")))
BRIM_ASSET(echarts);
BRIM_ASSET(report_js);
BRIM_ASSET(report_css);
}

namespace brim::report {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

Script echarts_script() {
  return {between(brim_asset_echarts_begin, brim_asset_echarts_end), kEchartsSha256};
}
Script report_script() {
  return {between(brim_asset_report_js_begin, brim_asset_report_js_end), kReportScriptSha256};
}
std::string_view report_style() {
  return between(brim_asset_report_css_begin, brim_asset_report_css_end);
}

}  // namespace brim::report
