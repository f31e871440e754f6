// SPDX-License-Identifier: Apache-2.0
// brim share fit: a guest for simulations, from a scan.
#include "cli/share_fit.h"

#include "base/json_text.h"
#include "cli/state.h"
#include "share/measure/guest_fit.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

struct FitOptions {
  std::string scan;
  std::string name;
  std::string output;
};

struct ScanText {
  std::string json;
  std::string source;  // "run 12", "file scan.json"
};

// Of a stored run, or of a file.
Result<ScanText> scan_text(const Session& session, const std::string& scan) {
  std::error_code error;
  if (std::filesystem::is_regular_file(scan, error)) {
    std::ifstream file(scan, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) return fail(ErrorCode::io, "could not be read");
    return ScanText{std::move(text), "file " + scan};
  }
  BRIM_TRY(const study::Store store, open_store(session));
  BRIM_TRY(study::Run run, load_run(store, scan));
  if (run.info.command != "share scan" || run.result_json.empty())
    return fail(ErrorCode::bad_input, "not a scan that came to its end");
  return ScanText{std::move(run.result_json), fmt::format("run {}", run.info.id)};
}

Result<int> fit_scan(const Session& session, const FitOptions& options) {
  const auto at_scan = [&](Error error) {
    if (error.where.empty()) error.where = options.scan;
    return fail(std::move(error));
  };
  const auto text = scan_text(session, options.scan);
  if (!text) return at_scan(text.error());
  const auto scan = parse_json(text->json);
  if (!scan) return fail(ErrorCode::bad_input, "not JSON", options.scan);
  const auto fit = share::fit_guest(*scan);
  if (!fit) return at_scan(fit.error());
  BRIM_TRY(
      const std::string entry,
      share::guest_entry(*fit, options.name, fmt::format("a brim share scan ({})", text->source)));
  BRIM_CHECK(write_text(entry, options.output));
  return 0;
}

}  // namespace

void add_share_fit(CLI::App& area, Session& session) {
  CLI::App* command = area.add_subcommand(
      "fit", "A guest for simulations, with the potential sharing that a scan found");
  auto options = std::make_shared<FitOptions>();
  command
      ->add_option("scan", options->scan,
                   "A run of 'brim share scan' (its number, or 'last'), or a file with its JSON")
      ->required()
      ->type_name("RUN|FILE");
  command->add_option("--name", options->name, "Of the entry: what scenarios call it")
      ->required()
      ->type_name("NAME");
  command->add_option("--output", options->output, "Write the catalogue to this file")
      ->type_name("FILE");
  command->footer(
      "Example:\n"
      "  sudo brim share scan --vms\n"
      "  brim share fit last --name ours --output ours.toml\n"
      "  brim run study.toml --model --catalogue ours.toml");
  command->callback([&session, options] {
    session.action = [&session, options] { return fit_scan(session, *options); };
  });
}

}  // namespace brim::cli
