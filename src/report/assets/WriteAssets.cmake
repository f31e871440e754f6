cmake_minimum_required(VERSION 3.25)
# Writes assets_generated.h: where the files to embed are, and the SHA-256 sums of the scripts.
file(SHA256 "${ECHARTS}" echarts_sum)
file(SHA256 "${REPORT_JS}" report_sum)
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT
"#pragma once
// Generated at build time.
#define BRIM_ECHARTS_FILE \"@ECHARTS@\"
#define BRIM_REPORT_JS_FILE \"@REPORT_JS@\"
#define BRIM_REPORT_CSS_FILE \"@REPORT_CSS@\"
inline constexpr char kEchartsSha256[] = \"@echarts_sum@\";
inline constexpr char kReportScriptSha256[] = \"@report_sum@\";
" @ONLY)
