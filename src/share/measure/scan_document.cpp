// SPDX-License-Identifier: Apache-2.0
#include "share/measure/scan_document.h"

#include "share/measure/scan_view.h"

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace brim::share {
namespace {

using nlohmann::json;
using report::Document;

std::vector<std::pair<std::string, std::string>> context_of(const json& scan) {
  std::vector<std::pair<std::string, std::string>> context;
  for (const char* part : {"host", "options"}) {
    if (!scan.at(part).is_object()) continue;
    for (const auto& [key, value] : scan.at(part).items()) {
      const bool blank = value.is_string() && value.get_ref<const std::string&>().empty();
      if (!value.is_null() && !blank) context.emplace_back(key, text_of(value));
    }
  }
  return context;
}

Document build(const json& scan) {
  const json& first = scan.at("results").at(0);
  const json& potential = first.at("potential");
  const View view{
      scan, first, potential, number(first, "page_size_bytes"),
      number(potential, "intra_saving_pages") + number(potential, "inter_saving_pages")};
  Document document;
  document.title = "Memory sharing: " + subjects_phrase(first.at("subjects"));
  document.answer = answer(view);
  document.warnings = scan.at("warnings").get<std::vector<std::string>>();
  if (scan.at("partial").get<bool>())
    document.warnings.insert(document.warnings.begin(),
                             "Partial: the scan was interrupted or a subject went away; figures "
                             "cover what was read.");
  document.context = context_of(scan);
  document.sections = sections(view);
  document.json = scan;
  return document;
}

}  // namespace

Result<Document> scan_document(const json& scan) {
  try {
    return build(scan);
  } catch (const json::exception& error) {
    return fail(ErrorCode::bad_input,
                fmt::format("not the result of a share scan: {}", error.what()));
  }
}

}  // namespace brim::share
