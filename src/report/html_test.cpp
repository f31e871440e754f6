// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"
#include "report/assets.h"
#include "report/chart_table.h"
#include "report/document.h"
#include "report/escape.h"
#include "report/sample/sample_document.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace brim::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + what.size()))
    ++n;
  return n;
}

// The page without its two scripts: what brim wrote for this document.
std::string own_part(std::string html) {
  for (const std::string_view script : {echarts_script().text, report_script().text}) {
    const std::size_t at = html.find(script);
    if (at != std::string::npos) html.erase(at, script.size());
  }
  return html;
}

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string embedded_json(const std::string& html) {
  const std::string start = "<script type=\"application/json\" id=\"charts\">";
  const std::size_t begin = html.find(start) + start.size();
  return html.substr(begin, html.find("</script>", begin) - begin);
}

TEST(Assets, Are_the_files_of_the_tree_byte_for_byte) {
  const std::string source = BRIM_SOURCE_DIR;
  EXPECT_EQ(echarts_script().text, file_text(source + "/third_party/echarts/echarts.min.js"));
  EXPECT_EQ(report_script().text, file_text(source + "/src/report/assets/report.js"));
  EXPECT_EQ(report_style(), file_text(source + "/src/report/assets/report.css"));
}

TEST(Assets, Can_stand_inline) {
  for (const std::string_view script : {echarts_script().text, report_script().text}) {
    EXPECT_EQ(count(script, "</script"), 0U);
    EXPECT_EQ(count(script, "<!--"), 0U);
    EXPECT_EQ(count(script, "\r"), 0U);  // a parser would change it, and the policy's sum not hold
  }
  EXPECT_EQ(count(report_style(), "</"), 0U);
  EXPECT_EQ(count(report_style(), "url("), 0U);
  EXPECT_EQ(count(report_style(), "@import"), 0U);
}

TEST(Escape, Markup_is_spelled_out_in_text_and_attributes) {
  EXPECT_EQ(html_escape("<a href=\"x\" b='y'>&amp;</a>"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
  EXPECT_EQ(html_escape("\u202e\x1b"), "\\u202e\\x1b");
}

TEST(Escape, Json_in_a_script_can_not_end_it_and_means_the_same) {
  const nlohmann::json value = {{"</script><!--", "<script>&\u2028\u2029]]>"}};
  const std::string text = json_for_script(value);
  for (const std::string_view bad : {"<", ">", "&", "\u2028", "\u2029"})
    EXPECT_EQ(count(text, bad), 0U) << bad;
  EXPECT_EQ(parse_json(text), value);
  EXPECT_EQ(parse_json(json_for_script("a\xff")), "a\ufffd");
}

TEST(Escape, Base64_is_RFC_4648s) {
  EXPECT_EQ(base64_of_hex(""), "");
  EXPECT_EQ(base64_of_hex("66"), "Zg==");
  EXPECT_EQ(base64_of_hex("666f"), "Zm8=");
  EXPECT_EQ(base64_of_hex("666f6f"), "Zm9v");
  EXPECT_EQ(base64_of_hex("fbff"), "+/8=");
}

TEST(Escape, A_slug_is_a_fragment_whatever_it_is_made_of) {
  EXPECT_EQ(slug("Who shares <with> whom?"), "who-shares-with-whom");
  EXPECT_EQ(slug(""), "part");
  EXPECT_EQ(slug("データ"), "part");
}

TEST(Html, Fetches_nothing) {
  const std::string html = own_part(to_html(sample_document()));
  EXPECT_FALSE(std::regex_search(html, std::regex("(src|href|action|srcset)=\"(?!#)")));
  EXPECT_EQ(count(html, "http://") + count(html, "https://"), 0U);
  EXPECT_EQ(count(html, "url("), 0U);
  EXPECT_EQ(count(html, "<link") + count(html, "<iframe") + count(html, "<img"), 0U);
}

TEST(Html, Its_policy_lets_only_its_own_scripts_run) {
  const std::string html = to_html(sample_document());
  EXPECT_THAT(html, HasSubstr("default-src 'none'; script-src 'sha256-" +
                              base64_of_hex(echarts_script().sha256) + "' 'sha256-" +
                              base64_of_hex(report_script().sha256) + "'; style-src"));
  EXPECT_EQ(base64_of_hex(echarts_script().sha256).size(), 44U);
  EXPECT_THAT(own_part(html), Not(HasSubstr("unsafe-eval")));
  EXPECT_LT(html.find("Content-Security-Policy"), html.find("<style>"));
}

TEST(Html, A_hostile_name_is_text_everywhere) {
  Document document = sample_document();
  const std::string name(kHostileName);
  document.title = name;
  document.context.emplace_back(name, name);
  Section section{name, name, {name}, {}, {}, false};
  section.tables = {{name, name, name, {{name, name}}, {{Cell(name)}}}};
  for (const ChartKind kind :
       {ChartKind::line, ChartKind::bar, ChartKind::stacked_bar, ChartKind::heat_map})
    section.charts.push_back(
        {name, name, kind, name, name, Unit::pages, {name}, {{name, {1}, {2}, {}}}, name});
  document.sections.push_back(section);
  const std::string html = own_part(to_html(document));
  EXPECT_EQ(count(html, "<img"), 0U);
  // In an attribute the name's quotes would end it.
  EXPECT_EQ(count(html, "onerror=\""), 0U);
  EXPECT_EQ(count(html, "\x1b"), 0U);
  EXPECT_EQ(count(html, "\u2028"), 0U);
  EXPECT_EQ(count(html, "</script"), count(html, "<script"));
  EXPECT_GE(count(html, "&lt;/script&gt;&lt;img src=x onerror=&quot;"), 10U);
  EXPECT_TRUE(parse_json(embedded_json(html)));
}

TEST(Html, Names_that_are_not_UTF8_are_written) {
  Document document;
  document.title = "a\xff";
  Section section;
  Chart chart;
  chart.title = "c\xfe";
  chart.categories = {"k\xc3"};
  chart.series = {{"s\x80", {}, {1}, {}}};
  section.charts = {chart};
  document.sections = {section};
  const std::string html = to_html(document);
  EXPECT_THAT(html, HasSubstr("<title>a\\xff</title>"));
  EXPECT_EQ(parse_json(embedded_json(html)).value().at(0).at("categories").at(0), "k\\xc3");
}

TEST(Html, Says_the_answer_first_and_has_every_number_without_scripts) {
  const std::string html = own_part(to_html(sample_document()));
  EXPECT_LT(html.find("Your VMs hold"), html.find("class=\"warnings\""));
  EXPECT_LT(html.find("class=\"warnings\""), html.find("<nav"));
  EXPECT_LT(html.find("<nav"), html.find("<h2>"));
  EXPECT_THAT(html,
              HasSubstr("<td class=\"n\" data-v=\"309053\">309,053<small>1.2 GiB</small></td>"));
  EXPECT_THAT(html, HasSubstr("20,481 ± 681"));
  EXPECT_EQ(count(html, "class=\"plot\""), 6U);
  EXPECT_EQ(count(html, "<noscript>"), 6U);
  EXPECT_EQ(count(html, "<details>"), 6U);
  EXPECT_EQ(count(html, "aria-label=\"Heat map: "), 2U);
  EXPECT_THAT(html, HasSubstr("Largest groups"));  // details are for text only
}

TEST(Html, Fragments_are_unique_and_every_link_leads_to_one) {
  Document document = odd_document();
  document.sections.push_back(document.sections.front());
  document.context = {{"host", "h"}};
  const std::string html = own_part(to_html(document));
  std::set<std::string> ids;
  const std::regex id(" id=\"([^\"]*)\"");
  for (std::sregex_iterator at(html.begin(), html.end(), id), end; at != end; ++at)
    EXPECT_TRUE(ids.insert((*at)[1]).second) << (*at)[1];
  const std::regex link("href=\"#([^\"]*)\"");
  int links = 0;
  for (std::sregex_iterator at(html.begin(), html.end(), link), end; at != end; ++at, ++links)
    EXPECT_TRUE(ids.contains((*at)[1])) << (*at)[1];
  EXPECT_EQ(links, 3);
}

TEST(Html, A_document_without_charts_carries_no_chart_library) {
  Document document;
  document.title = "plain";
  EXPECT_LT(to_html(document).size(), 100000U);
  EXPECT_GT(to_html(sample_document()).size(), echarts_script().text.size());
}

TEST(Html, The_same_document_gives_the_same_bytes) {
  EXPECT_EQ(to_html(sample_document()), to_html(sample_document()));
}

TEST(Html, The_size_of_a_page_can_be_other_than_4_KiB) {
  Document document;
  Section section;
  section.tables = {
      {"t", "t", "", {{"n", "n", Unit::pages, kHugePageSize}}, {{Cell(std::uint64_t{3})}}}};
  document.sections = {section};
  EXPECT_THAT(to_html(document), HasSubstr(">3<small>6.0 MiB</small>"));
}

TEST(ChartTable, A_line_has_a_row_for_each_x_of_any_series) {
  Chart chart;
  chart.kind = ChartKind::line;
  chart.series = {{"a", {0, 1, 3}, {10, 11, 13}, {}},
                  {"b", {1, 2}, {21, 22}, {{20, 22}, {21, 23}}}};
  const Table table = chart_table(chart, 0);
  ASSERT_EQ(table.rows.size(), 4U);
  EXPECT_EQ(std::get<double>(table.rows[1][1].value), 11);
  EXPECT_EQ(std::get<double>(table.rows[1][2].value), 21);
  EXPECT_EQ(table.rows[1][2].interval->low, 20);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[2][1].value));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[3][2].value));
}

TEST(ChartTable, Repeated_x_keep_all_their_points) {
  Chart chart;
  chart.kind = ChartKind::line;
  chart.series = {{"a", {1, 1, 0}, {10, 11, 12}, {}}};
  const Table table = chart_table(chart, 0);
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_EQ(std::get<double>(table.rows[0][1].value), 12);
  EXPECT_EQ(std::get<double>(table.rows[2][1].value), 11);
}

TEST(ChartTable, A_thinned_table_keeps_both_ends_and_says_so) {
  Chart chart;
  chart.kind = ChartKind::line;
  chart.series = {{"a", {}, {}, {}}};
  for (int i = 0; i < 10000; ++i) {
    chart.series[0].x.push_back(i);
    chart.series[0].y.push_back(i * 2);
  }
  const Table table = chart_table(chart, 500);
  ASSERT_EQ(table.rows.size(), 500U);
  EXPECT_EQ(std::get<double>(table.rows.front()[0].value), 0);
  EXPECT_EQ(std::get<double>(table.rows.back()[0].value), 9999);
  EXPECT_THAT(table.note, HasSubstr("500 of 10,000"));
  for (std::size_t i = 1; i < table.rows.size(); ++i)
    EXPECT_LT(std::get<double>(table.rows[i - 1][0].value),
              std::get<double>(table.rows[i][0].value));
}

}  // namespace
}  // namespace brim::report
