// SPDX-License-Identifier: Apache-2.0
// RFC 4180, with other separators as well, and blanks around fields. A line is looked at up to the
// last column that is needed.

#include "image/trace_readers.h"
#include "image/trace_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

namespace brim::image {
namespace {

constexpr unsigned kNoColumn = ~0U;

class CsvFields {
 public:
  CsvFields(std::string_view line, char separator)
      : at_(line.data()), end_(line.data() + line.size()), separator_(separator) {}

  // The next field, without the blanks and the quotes around it. False: there is none, or
  // quotes_wrong().
  bool next(std::string_view& field) {
    if (at_ == nullptr) return false;
    const char* const begin = skip(at_, end_, ' ');
    if (begin != end_ && *begin == '"') return next_quoted(begin + 1, field);
    const char* const stop = std::find(begin, end_, separator_);
    field = {begin, static_cast<std::size_t>(stop - begin)};
    while (!field.empty() && field.back() == ' ') field.remove_suffix(1);
    at_ = stop == end_ ? nullptr : stop + 1;
    return true;
  }

  [[nodiscard]] bool quotes_wrong() const { return quotes_wrong_; }

 private:
  // A quote in a quoted field is doubled, and stays so: what brim reads has none.
  bool next_quoted(const char* begin, std::string_view& field) {
    const char* quote = std::find(begin, end_, '"');
    while (end_ - quote > 1 && quote[1] == '"') quote = std::find(quote + 2, end_, '"');
    const char* const stop = quote == end_ ? end_ : skip(quote + 1, end_, ' ');
    quotes_wrong_ = quote == end_ || (stop != end_ && *stop != separator_);
    field = {begin, static_cast<std::size_t>(quote - begin)};
    at_ = stop == end_ ? nullptr : stop + 1;
    return !quotes_wrong_;
  }

  const char* at_;  // nullptr: behind the last field
  const char* end_;
  char separator_;
  bool quotes_wrong_ = false;
};

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& letter : result)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return result;
}

std::optional<bool> write_of(std::string_view field) {
  static constexpr std::array<std::string_view, 5> kReads = {"0", "r", "false", "read", "load"};
  static constexpr std::array<std::string_view, 5> kWrites = {"1", "w", "true", "write", "store"};
  if (field.size() == 1) {
    if (field[0] == '0' || field[0] == 'r' || field[0] == 'R') return false;
    if (field[0] == '1' || field[0] == 'w' || field[0] == 'W') return true;
    return std::nullopt;
  }
  if (field.size() > 5) return std::nullopt;
  const std::string word = lower_case(field);
  if (std::find(kReads.begin(), kReads.end(), word) != kReads.end()) return false;
  if (std::find(kWrites.begin(), kWrites.end(), word) != kWrites.end()) return true;
  return std::nullopt;
}

struct CsvColumns {
  char separator = ',';
  unsigned page = kNoColumn;  // or address
  unsigned write = kNoColumn;
  bool addresses = false;
};

class CsvFormat {
 public:
  CsvFormat(const CsvColumns& columns, std::uint64_t page_size)
      : columns_(columns),
        last_(columns.write == kNoColumn ? columns.page : std::max(columns.page, columns.write)),
        page_shift_(columns.addresses ? std::countr_zero(page_size) : 0) {}

  LineKind parse(std::string_view line, PageRun& run) {
    if (line.empty()) return LineKind::nothing;
    CsvFields fields(line, columns_.separator);
    std::string_view field;
    run.write = false;
    for (unsigned column = 0; column <= last_; ++column) {
      if (!fields.next(field)) return wrong(column, fields.quotes_wrong() ? kQuotes : kAbsent);
      if (column == columns_.page) {
        std::uint64_t number = 0;
        const char* const end = field.data() + field.size();
        if (scan_prefixed_number(field.data(), end, number) != end) return wrong(column, kNumber);
        run.page = number >> page_shift_;
      } else if (column == columns_.write) {
        const std::optional<bool> write = write_of(field);
        if (!write) return wrong(column, kWrite);
        run.write = *write;
      }
    }
    run.count = 1;
    return LineKind::reference;
  }

  [[nodiscard]] std::string why_wrong(std::string_view line) const {
    const std::string_view name = wrong_column_ == columns_.write  ? "write"
                                  : wrong_column_ != columns_.page ? "not needed"
                                  : columns_.addresses             ? "address"
                                                                   : "page";
    return fmt::format("column {} ({}) {}: {}", wrong_column_ + 1, name, why_, quoted(line));
  }

 private:
  static constexpr std::string_view kAbsent = "is not there";
  static constexpr std::string_view kQuotes = "has quotes that do not enclose it";
  static constexpr std::string_view kNumber =
      "is not a number of 64 bits, decimal or hexadecimal behind 0x";
  static constexpr std::string_view kWrite =
      "is none of 0, 1, false, true, r, w, read, write, load, store";

  LineKind wrong(unsigned column, std::string_view why) {
    wrong_column_ = column;
    why_ = why;
    return LineKind::wrong;
  }

  CsvColumns columns_;
  unsigned last_;
  int page_shift_;
  unsigned wrong_column_ = 0;
  std::string_view why_;
};

// The first of them that is not in quotes.
char separator_of(std::string_view header) {
  bool quotes = false;
  for (const char letter : header) {
    if (letter == '"') quotes = !quotes;
    if (!quotes && (letter == ',' || letter == ';' || letter == '\t')) return letter;
  }
  return ',';
}

Result<CsvColumns> columns_of(std::string_view header, const std::string& where) {
  CsvColumns columns;
  columns.separator = separator_of(header);
  CsvFields fields(header, columns.separator);
  unsigned address = kNoColumn;
  std::string_view field;
  for (unsigned column = 0; fields.next(field); ++column) {
    const std::string name = lower_case(field);
    unsigned* const known = name == "page"      ? &columns.page
                            : name == "address" ? &address
                            : name == "write"   ? &columns.write
                                                : nullptr;
    if (known == nullptr) continue;
    if (*known != kNoColumn)
      return fail(ErrorCode::bad_input, fmt::format("two columns are called {}", name), where);
    *known = column;
  }
  if (fields.quotes_wrong())
    return fail(ErrorCode::bad_input,
                fmt::format("quotes that do not enclose a column's name: {}", quoted(header)),
                where);
  columns.addresses = columns.page == kNoColumn;
  if (columns.addresses) columns.page = address;
  if (columns.page == kNoColumn)
    return fail(ErrorCode::bad_input,
                fmt::format("the first line names no column page or address: {}", quoted(header)),
                where);
  return columns;
}

// Empty lines before it are passed over. Nothing for an empty file.
Result<std::optional<CsvColumns>> read_columns(TraceLines& lines) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  for (;;) {
    std::string_view line;
    if (lines.next(line)) {
      if (lines.number() == 1 && line.starts_with(kByteOrderMark))
        line.remove_prefix(kByteOrderMark.size());
      if (line.empty()) continue;
      BRIM_TRY(const CsvColumns columns, columns_of(line, lines.place(lines.number())));
      return columns;
    }
    BRIM_TRY(const bool another, lines.fill());
    if (!another) return std::nullopt;
  }
}

}  // namespace

Result<std::unique_ptr<TraceReader>> open_csv_trace(TraceInput input, const TraceOptions& options) {
  TraceLines lines(std::move(input));
  BRIM_TRY(const std::optional<CsvColumns> columns, read_columns(lines));
  return std::make_unique<TextTraceReader<CsvFormat>>(
      std::move(lines), CsvFormat(columns.value_or(CsvColumns()), options.page_size));
}

}  // namespace brim::image
