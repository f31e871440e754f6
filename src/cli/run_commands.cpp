// SPDX-License-Identifier: Apache-2.0
// brim runs, report, export, compare: what is done with stored runs.
#include "base/json_text.h"
#include "cli/session.h"
#include "cli/state.h"
#include "share/measure/scan_document.h"
#include "study/compare.h"
#include "study/export.h"
#include "study/reproduction.h"
#include "study/runs_document.h"
#include "study/study_document.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

using ShowResult = Result<report::Document> (*)(const nlohmann::json&);

// By the command that made a run; null for one that brim has not any more.
ShowResult show_result_of(std::string_view command) {
  if (command == "share scan") return share::scan_document;
  if (command == "run") return study::study_document;
  if (command == "reproduce") return study::reproduction_document;
  return nullptr;
}

// The document of a stored run.
Result<report::Document> document_of(const study::Run& run) {
  const std::string where = fmt::format("run {}", run.info.id);
  if (run.result_json.empty())
    return fail(ErrorCode::missing,
                fmt::format("it has no result ({}); its samples: brim export {}",
                            study::name_of(run.info.status), run.info.id),
                where);
  const auto json = parse_json(run.result_json);
  if (!json) return fail(ErrorCode::bad_input, "its result is not JSON", where);
  if (const ShowResult show = show_result_of(run.info.command)) {
    BRIM_TRY(report::Document document, show(*json));
    document.context.emplace_back("run", std::to_string(run.info.id));
    document.context.emplace_back("brim", run.info.version);
    document.context.emplace_back("command", "brim " + run.info.arguments);
    return document;
  }
  return fail(ErrorCode::bad_input, fmt::format("no report for '{}'", run.info.command), where);
}

// Several runs become one document: each run's findings under its own heading.
report::Document joined(std::vector<report::Document> documents) {
  if (documents.size() == 1) return std::move(documents.front());
  report::Document all;
  all.title = fmt::format("{} runs", documents.size());
  all.json = nlohmann::json::array();
  for (std::size_t i = 0; i < documents.size(); ++i) {
    report::Document& one = documents[i];
    const std::string prefix = fmt::format("run{}_", i + 1);
    report::Section heading{prefix + "answer", one.title, one.answer, {}, {}, false};
    all.sections.push_back(std::move(heading));
    for (report::Section& section : one.sections) {
      section.id = prefix + section.id;
      for (report::Table& table : section.tables) table.id = prefix + table.id;
      for (report::Chart& chart : section.charts) chart.id = prefix + chart.id;
      all.sections.push_back(std::move(section));
    }
    for (std::string& warning : one.warnings) all.warnings.push_back(std::move(warning));
    all.json.push_back(std::move(one.json));
  }
  return all;
}

struct ReportOptions {
  std::vector<std::string> runs;
  Output output;
};

Result<int> report_runs(const Session& session, const ReportOptions& options) {
  BRIM_TRY(const study::Store store, open_store(session));
  std::vector<report::Document> documents;
  for (const std::string& name : options.runs) {
    BRIM_TRY(const study::Run run, load_run(store, name));
    BRIM_TRY(report::Document document, document_of(run));
    documents.push_back(std::move(document));
  }
  BRIM_CHECK(write_document(joined(std::move(documents)), options.output));
  return 0;
}

void add_report(CLI::App& program, Session& session) {
  CLI::App* command = program.add_subcommand("report", "Show the report of stored runs");
  auto options = std::make_shared<ReportOptions>();
  command
      ->add_option("run", options->runs,
                   "Run numbers from 'brim runs', or 'last': this host's last that finished")
      ->required()
      ->type_name("RUN");
  add_output_options(*command, options->output);
  command->footer("Example:\n  brim report last --format html --output report.html");
  command->callback([&session, options] {
    session.action = [&session, options] { return report_runs(session, *options); };
  });
}

struct RunsOptions {
  std::size_t limit = 20;
  std::size_t keep = 0;
  Output output;
};

Result<int> list_runs(const Session& session, const RunsOptions& options) {
  BRIM_TRY(study::Store store, open_store(session));
  if (options.keep > 0) {
    BRIM_TRY(const std::size_t removed, store.prune(options.keep));
    fmt::print(stderr, "brim: removed {} runs\n", removed);
  }
  BRIM_TRY(const std::vector<study::RunInfo> runs, store.list(options.limit));
  BRIM_CHECK(write_document(study::runs_document(runs), options.output));
  return 0;
}

void add_runs(CLI::App& program, Session& session) {
  CLI::App* command = program.add_subcommand("runs", "List stored runs, newest first");
  auto options = std::make_shared<RunsOptions>();
  command->add_option("--limit", options->limit, "How many to show; 0: all")->capture_default_str();
  command->add_option("--keep", options->keep, "First remove all finished runs but the newest N")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  add_output_options(*command, options->output);
  command->footer("Example:\n  brim runs --limit 5");
  command->callback([&session, options] {
    session.action = [&session, options] { return list_runs(session, *options); };
  });
}

struct ExportOptions {
  std::string run;
  std::string format = "csv";
  bool canonical = false;
  std::string file;
};

Result<int> export_run(const Session& session, const ExportOptions& options) {
  BRIM_TRY(const study::Store store, open_store(session));
  BRIM_TRY(const study::Run run, load_run(store, options.run));
  const auto format =
      options.format == "json" ? study::ExportFormat::json : study::ExportFormat::csv;
  BRIM_CHECK(write_text(study::export_run(run, format, options.canonical), options.file));
  return 0;
}

void add_export(CLI::App& program, Session& session) {
  CLI::App* command =
      program.add_subcommand("export", "Write a stored run's samples as CSV or JSON");
  auto options = std::make_shared<ExportOptions>();
  command
      ->add_option("run", options->run,
                   "A run number from 'brim runs', or 'last': this host's last that finished")
      ->required()
      ->type_name("RUN");
  command->add_option("--format", options->format, "csv or json")
      ->check(CLI::IsMember({"csv", "json"}))
      ->capture_default_str();
  command->add_flag("--canonical", options->canonical,
                    "Leave out times, ids and host context, so that exports can be compared");
  command->add_option("-o,--output", options->file, "Write to this file")->type_name("FILE");
  command->footer("Example:\n  brim export last --format csv --output samples.csv");
  command->callback([&session, options] {
    session.action = [&session, options] { return export_run(session, *options); };
  });
}

struct CompareOptions {
  std::string a;
  std::string b;
  bool subjects = false;
  Output output;
};

Result<int> compare_runs(const Session& session, const CompareOptions& options) {
  BRIM_TRY(const study::Store store, open_store(session));
  BRIM_TRY(const study::Run a, load_run(store, options.a));
  BRIM_TRY(const study::Run b, load_run(store, options.b));
  BRIM_CHECK(write_document(study::comparison_document(a, b, !options.subjects), options.output));
  return 0;
}

void add_compare(CLI::App& program, Session& session) {
  CLI::App* command = program.add_subcommand(
      "compare", "Two runs side by side: differences, intervals, rank tests");
  auto options = std::make_shared<CompareOptions>();
  command->add_option("a", options->a, "The run to compare with")->required()->type_name("RUN");
  command->add_option("b", options->b, "The run compared")->required()->type_name("RUN");
  command->add_flag("--subjects", options->subjects, "Also compare each subject");
  add_output_options(*command, options->output);
  command->footer("Example:\n  brim compare 3 7");
  command->callback([&session, options] {
    session.action = [&session, options] { return compare_runs(session, *options); };
  });
}

}  // namespace

void add_run_commands(CLI::App& program, Session& session) {
  add_runs(program, session);
  add_report(program, session);
  add_export(program, session);
  add_compare(program, session);
}

}  // namespace brim::cli
