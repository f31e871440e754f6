// SPDX-License-Identifier: Apache-2.0
#include "study/runs_document.h"

#include "base/text.h"
#include "base/utf8.h"
#include "study/run_json.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::study {

using report::Cell;
using report::Unit;

report::Document runs_document(const std::vector<RunInfo>& runs) {
  report::Document document;
  document.title = "Runs";
  document.provenance = Provenance::computed;
  document.json = {{"schema", "brim.runs/1"}, {"runs", nlohmann::json::array()}};
  report::Table table;
  table.id = "runs";
  table.title = "Runs, newest first";
  table.columns = {{"run", "run", Unit::count},          {"started", "started (UTC)", Unit::none},
                   {"command", "command", Unit::none},   {"label", "label", Unit::none},
                   {"status", "status", Unit::none},     {"seconds", "took", Unit::seconds},
                   {"arguments", "as typed", Unit::none}};
  for (const RunInfo& info : runs) {
    document.json["runs"].push_back(run_json(info));
    Cell took;
    if (info.finished)
      took = Cell(std::chrono::duration<double>(*info.finished - info.started).count());
    table.rows.push_back({Cell(static_cast<std::uint64_t>(info.id)), Cell(iso_time(info.started)),
                          Cell(valid_utf8(info.command)), Cell(valid_utf8(info.label)),
                          Cell(std::string(name_of(info.status))), std::move(took),
                          Cell(valid_utf8(info.arguments))});
  }
  const auto running = std::count_if(runs.begin(), runs.end(), [](const RunInfo& info) {
    return info.status == RunStatus::running;
  });
  if (runs.empty())
    document.answer.emplace_back("The store holds no runs yet.");
  else
    document.answer.push_back(fmt::format("{} {}, {} of them running.", runs.size(),
                                          runs.size() == 1 ? "run" : "runs", running));
  report::Section section;
  section.id = "runs";
  section.title = "Runs";
  section.tables.push_back(std::move(table));
  document.sections.push_back(std::move(section));
  return document;
}

}  // namespace brim::study
