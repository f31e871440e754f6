// SPDX-License-Identifier: Apache-2.0
// The page: what is said first, then the sections. Its Content-Security-Policy lets only the two
// scripts that brim wrote run (by their SHA-256) and nothing be fetched, whatever a name contains.
#include "report/assets.h"
#include "report/document.h"
#include "report/escape.h"
#include "report/html_parts.h"

#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace brim::report {
namespace {

class HtmlPage {
 public:
  explicit HtmlPage(const Document& document) : document_(document) {}

  std::string write() {
    for (const Section& section : document_.sections)
      section_ids_.push_back(unique_id("section-" + section.id));
    head();
    out_ += "<body>\n<main>\n";
    opening();
    contents();
    for (std::size_t i = 0; i < document_.sections.size(); ++i)
      section(document_.sections[i], section_ids_[i]);
    context();
    out_ += "</main>\n";
    scripts();
    out_ += "</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  // Ids of a document may repeat or be empty; fragments must not.
  std::string unique_id(std::string_view wanted) {
    const std::string base = slug(wanted);
    std::string id = base;
    for (int n = 2; !used_ids_.insert(id).second; ++n) id = fmt::format("{}-{}", base, n);
    return id;
  }

  void head() {
    // Styles in attributes are needed by ECharts' tooltips; they can't fetch anything here.
    out_ += fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "script-src 'sha256-{}' 'sha256-{}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n"
        "<meta name=\"generator\" content=\"brim\">\n<title>{}</title>\n<style>\n{}</style>\n"
        "</head>\n",
        base64_of_hex(echarts_script().sha256), base64_of_hex(report_script().sha256),
        html_escape(document_.title), report_style());
  }

  void opening() {
    out_ += fmt::format("<header>\n<h1>{}</h1>\n<p class=\"provenance\">{}</p>\n</header>\n",
                        html_escape(document_.title), name_of(document_.provenance));
    if (!document_.answer.empty()) {
      out_ += "<section class=\"answer\" aria-label=\"Findings\">\n";
      for (const std::string& line : document_.answer)
        out_ += fmt::format("<p>{}</p>\n", html_escape(line));
      out_ += "</section>\n";
    }
    if (!document_.warnings.empty()) {
      out_ += "<section class=\"warnings\" aria-label=\"Warnings\">\n<ul>\n";
      for (const std::string& line : document_.warnings)
        out_ += fmt::format("<li>{}</li>\n", html_escape(line));
      out_ += "</ul>\n</section>\n";
    }
  }

  void contents() {
    const bool has_context = !document_.context.empty();
    if (has_context) context_id_ = unique_id("context");
    if (document_.sections.size() + (has_context ? 1 : 0) < 2) return;
    out_ += "<nav aria-label=\"Contents\">\n<ul>\n";
    for (std::size_t i = 0; i < document_.sections.size(); ++i)
      out_ += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section_ids_[i],
                          html_escape(document_.sections[i].title));
    if (has_context) out_ += fmt::format("<li><a href=\"#{}\">Context</a></li>\n", context_id_);
    out_ += "</ul>\n</nav>\n";
  }

  void section(const Section& section, const std::string& id) {
    out_ += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n", id, html_escape(section.title));
    for (const std::string& paragraph : section.paragraphs)
      out_ += fmt::format("<p>{}</p>\n", html_escape(paragraph));
    for (const Chart& chart : section.charts) {
      out_ += html_chart(chart, unique_id("chart-" + chart.id), charts_.size());
      charts_.push_back(chart_data(chart));
    }
    for (const Table& table : section.tables)
      out_ += html_table(table, unique_id("table-" + table.id));
    out_ += "</section>\n";
  }

  void context() {
    if (document_.context.empty()) return;
    out_ += fmt::format("<section id=\"{}\">\n<h2>Context</h2>\n<dl>\n", context_id_);
    for (const auto& [key, value] : document_.context)
      out_ +=
          fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", html_escape(key), html_escape(value));
    out_ += "</dl>\n</section>\n";
  }

  void scripts() {
    if (!charts_.empty())
      out_ += fmt::format(
          "<script type=\"application/json\" id=\"charts\">{}</script>\n<script>{}"
          "</script>\n",
          json_for_script(charts_), echarts_script().text);
    out_ += fmt::format("<script>{}</script>\n", report_script().text);
  }

  const Document& document_;
  std::vector<std::string> section_ids_;
  std::string context_id_;
  std::set<std::string> used_ids_;
  nlohmann::json charts_ = nlohmann::json::array();
  std::string out_;
};

}  // namespace

std::string to_html(const Document& document) { return HtmlPage(document).write(); }

}  // namespace brim::report
