// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include "base/printable.h"
#include "report/chart_table.h"
#include "report/document.h"
#include "report/text_layout.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace brim::report {
namespace {

constexpr int kLeastColumns = 20;  // LIMIT: narrower terminals get lines of up to 20 cells

enum class Look : std::uint8_t { plain, bold, warning, faint };

std::string_view sequence(Look look) {
  switch (look) {
    case Look::bold:
      return "\x1b[1m";
    case Look::warning:
      return "\x1b[33m";
    case Look::faint:
      return "\x1b[2m";
    case Look::plain:
      break;
  }
  return "";
}

class TextPage {
 public:
  explicit TextPage(const TextOptions& options)
      : width_(std::max(options.columns, kLeastColumns)), colour_(options.colour) {}

  void line(std::string_view text, Look look = Look::plain) {
    const std::string_view start = colour_ ? sequence(look) : "";
    out_ += start;
    out_ += text;
    if (!start.empty()) out_ += "\x1b[0m";
    out_ += '\n';
  }
  // Wrapped; `raw` may hold anything. White space of any kind is a gap between words.
  void paragraph(std::string_view raw, Look look = Look::plain, std::string_view first = "",
                 int indent = 0) {
    std::string text(raw);
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    for (const std::string& each : wrap(printable(text), width_, first, indent)) line(each, look);
  }
  void heading(std::string_view raw, std::string_view rule) {
    const std::string text = printable(raw);
    int widest = 0;
    for (const std::string& each : wrap(text, width_, "", 0)) {
      line(each, Look::bold);
      widest = std::max(widest, display_width(each));
    }
    std::string drawn;
    for (int i = 0; i < std::min(widest, width_); ++i) drawn += rule;
    line(drawn, Look::faint);
  }
  void gap() {
    if (!out_.ends_with("\n\n")) out_ += '\n';
  }
  void table(const Table& table) {
    gap();
    if (!table.title.empty()) paragraph(table.title, Look::bold);
    for (const std::string& each : table_lines(table, width_)) line(each);
    if (!table.note.empty()) paragraph(table.note, Look::faint, "  ", 2);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  int width_;
  bool colour_;
  std::string out_;
};

// Charts are for HTML: a section of nothing else has nothing to say here.
bool has_text(const Section& section) {
  return !section.paragraphs.empty() || !section.tables.empty() ||
         std::any_of(section.charts.begin(), section.charts.end(),
                     [](const Chart& chart) { return chart.kind == ChartKind::stacked_bar; });
}

void write_section(TextPage& page, const Section& section) {
  page.gap();
  page.heading(section.title, "─");
  for (std::size_t i = 0; i < section.paragraphs.size(); ++i) {
    if (i > 0) page.gap();
    page.paragraph(section.paragraphs[i]);
  }
  for (const Table& table : section.tables) page.table(table);
  for (const Chart& chart : section.charts) {
    if (chart.kind != ChartKind::stacked_bar) continue;
    Table table = chart_table(chart, 0);
    table.note = chart.note;
    page.table(table);
  }
}

void write_context(TextPage& page, const Document& document) {
  if (document.context.empty()) return;
  page.gap();
  page.heading("Context", "─");
  for (const auto& [key, value] : document.context)
    page.paragraph(fmt::format("{}: {}", key, value), Look::plain, "", 4);
}

}  // namespace

std::string to_text(const Document& document, const TextOptions& options) {
  TextPage page(options);
  page.heading(fmt::format("{} ({})", document.title, name_of(document.provenance)), "═");
  page.gap();
  for (const std::string& finding : document.answer) page.paragraph(finding, Look::bold, "", 2);
  if (!document.warnings.empty()) page.gap();
  for (const std::string& warning : document.warnings)
    page.paragraph(warning, Look::warning, "warning: ", 9);
  std::vector<std::string> left_out;
  for (const Section& section : document.sections) {
    if (!has_text(section)) continue;
    if (section.detail && !options.verbose)
      left_out.push_back(section.title);
    else
      write_section(page, section);
  }
  if (options.verbose) write_context(page, document);
  if (!left_out.empty()) {
    page.gap();
    page.paragraph(fmt::format("With --verbose also: {}.", fmt::join(left_out, ", ")), Look::faint);
  }
  return page.take();
}

}  // namespace brim::report
