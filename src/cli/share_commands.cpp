// SPDX-License-Identifier: Apache-2.0
// brim share scan: choose subjects, look once or over time, record, report.
#include "base/progress.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/recording.h"
#include "cli/session.h"
#include "cli/share_calibrate.h"
#include "cli/share_fit.h"
#include "cli/share_options.h"
#include "cli/state.h"
#include "host/ksm.h"
#include "share/measure/scan_document.h"
#include "share/measure/scan_json.h"
#include "share/measure/scan_samples.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

using std::chrono::steady_clock;

// QEMU answers in milliseconds, or not at all where libvirt holds its monitor.
constexpr auto kQmpTimeout = std::chrono::milliseconds(300);

// What one invocation works with; lives as long as the command.
struct ShareScan {
  const Session& session;
  const ShareScanText& typed;
  const ShareScanOptions& options;
  const host::Host& host;
  nlohmann::json context;  // the machine
  Recording recording;
  std::vector<std::string> warnings;  // each once
  std::vector<std::string> errors;    // for standard error, each once
  std::vector<share::LookFigures> looks;
  std::map<std::string, std::vector<std::pair<std::uint64_t, std::uint64_t>>> last_hashes;
  int status = 0;
};

bool has_live_subject(const share::ScanResult& result) {
  const auto& subjects = result.results.front().subjects;
  return std::any_of(subjects.begin(), subjects.end(), [](const share::SubjectResult& subject) {
    return subject.kind != share::SubjectKind::image;
  });
}

std::string key_of(const share::SubjectResult& subject) {
  return fmt::format("{}#{}", subject.name, subject.pid.value_or(0));
}

share::LookFigures look_of(ShareScan& scan, const share::ScanResult& result, double t_seconds) {
  share::LookFigures look;
  look.t_seconds = t_seconds;
  look.potential = result.results.front().potential;
  look.real = result.real;
  look.unrealized_pages = result.unrealized_pages;
  look.has_facts = result.has_facts;
  look.first = scan.looks.empty();
  const auto& subjects = result.results.front().subjects;
  std::map<std::string, std::vector<std::pair<std::uint64_t, std::uint64_t>>> hashes;
  for (std::size_t i = 0; i < result.page_hashes.size() && i < subjects.size(); ++i) {
    const std::string key = key_of(subjects[i]);
    hashes[key] = result.page_hashes[i];
    const auto before = scan.last_hashes.find(key);
    if (before == scan.last_hashes.end()) continue;
    const share::Churn churn = share::churn_between({before->second}, {hashes[key]});
    look.compared_pages += churn.compared;
    look.churned_pages += churn.changed;
  }
  scan.last_hashes = std::move(hashes);
  return look;
}

// `page_bytes`: the size of the potential's pages.
void show_live(const share::LookFigures& look, std::uint64_t page_bytes) {
  if (!is_terminal(stderr)) return;
  const auto size = [page_bytes](double pages) {
    return human_bytes(Bytes(static_cast<std::uint64_t>(pages) * page_bytes));
  };
  const double saving =
      look.potential.intra_saving_pages.value + look.potential.inter_saving_pages.value;
  std::string line = fmt::format("t={:.0f}s  used {}  potential {}", look.t_seconds,
                                 size(look.potential.used_pages.value), size(saving));
  if (look.has_facts) line += "  shared " + human_bytes(bytes_of(Pages(look.real.saved_pages)));
  if (look.compared_pages > 0)
    line += fmt::format("  churn {:.1f} %", 100.0 * static_cast<double>(look.churned_pages) /
                                                static_cast<double>(look.compared_pages));
  const auto columns = static_cast<std::size_t>(std::max(20, terminal_columns(stderr, 80) - 1));
  fmt::print(stderr, "\r\x1b[K{}", line.substr(0, columns));
  (void)std::fflush(stderr);
}

study::RunInfo run_info(const ShareScan& scan) {
  study::RunInfo info = run_beginning(scan.session, "share scan", scan.context);
  info.area = "share";
  info.label = scan.typed.label;
  return info;
}

// One look: choose the subjects (VMs come and go between looks), read them. The run begins when its
// first subjects are found.
Result<share::ScanResult> look_once(ShareScan& scan, std::uint64_t number, const Cancel& cancel) {
  BRIM_TRY(share::Selected selected,
           share::select_subjects(scan.host, scan.typed.selection, kQmpTimeout, cancel));
  if (number == 0) scan.recording.begin(run_info(scan));
  for (const std::string& warning : selected.warnings) add_once(scan.warnings, warning);
  std::uint64_t pages = 0;
  for (const auto& subject : selected.subjects) pages += subject->readable_pages().count();
  const bool silent = scan.options.every.has_value();
  Progress bar(stderr, "Scanning", pages, kPageSize);
  Progress none;
  Rng rng(scan.options.seed);
  // Every look hashes with the same key: churn compares them.
  return share::scan(selected.subjects, scan.options.scan, rng, silent ? none : bar, cancel);
}

// Subjects that failed: one line each. 2 where the user named it, else 1.
void note_failures(ShareScan& scan, const share::ScanResult& result) {
  const auto& pids = scan.typed.selection.pids;
  for (const share::SubjectResult& subject : result.results.front().subjects) {
    if (!subject.error) continue;
    Error error = *subject.error;
    if (error.where.empty()) error.where = subject.name;
    add_once(scan.errors, error_line(error));
    const bool named =
        subject.kind == share::SubjectKind::image ||
        (subject.pid && std::find(pids.begin(), pids.end(), *subject.pid) != pids.end());
    scan.status = std::max(scan.status, named ? 2 : 1);
  }
  if (result.collisions > 0) scan.status = std::max(scan.status, 1);
}

// A later look found nothing to read: the looks before it stand. A group that became empty is no
// more than a series that ended early.
void end_early(ShareScan& scan, const Error& error) {
  const std::string line = error_line(error);
  scan.warnings.push_back("Ended early: " + line + ".");
  add_once(scan.errors, "ended early: " + line);
  scan.status =
      std::max(scan.status, error.code == ErrorCode::missing ? 1 : exit_status(error.code));
}

// Records the look's samples at once, so that a killed run keeps them.
void take(ShareScan& scan, const share::ScanResult& result, std::uint64_t number, double t) {
  const share::LookFigures look = look_of(scan, result, t);
  const auto ksm = host::read_ksm(scan.host);
  const bool with_ksm = ksm && has_live_subject(result);
  auto samples = share::scan_samples(result, look, with_ksm ? &*ksm : nullptr);
  for (study::Sample& sample : samples) sample.repeat = static_cast<std::uint32_t>(number);
  scan.recording.add(samples);
  if (!scan.options.every) return;
  scan.looks.push_back(look);
  show_live(look, result.results.front().page_size_bytes);
}

// Sleeps to the next look; false when asked to stop.
bool wait_until(steady_clock::time_point when, const Cancel& cancel) {
  while (!cancel.requested() && steady_clock::now() < when)
    std::this_thread::sleep_for(std::min<steady_clock::duration>(when - steady_clock::now(),
                                                                 std::chrono::milliseconds(50)));
  return !cancel.requested();
}

struct Looks {
  share::ScanResult result;  // the last look's
  bool interrupted = false;  // cut short by the user
};

// All looks. One that was cut short is left out where a whole one came before it; the result is
// partial then, as where looks are missing at the end.
Result<Looks> look_over_time(ShareScan& scan) {
  const StopOnSignal stop;
  const auto start = steady_clock::now();
  std::optional<share::ScanResult> last;
  bool partial = false;
  std::uint64_t left_out = 0;
  for (std::uint64_t number = 0;; ++number) {
    const double t = std::chrono::duration<double>(steady_clock::now() - start).count();
    Result<share::ScanResult> result = look_once(scan, number, stop.cancel());
    if (!result && !last) return fail(std::move(result).error());
    if (!result) {
      if (result.error().code != ErrorCode::interrupted) end_early(scan, result.error());
      partial = true;
      break;
    }
    note_failures(scan, *result);
    partial = partial || result->partial;
    if (last && !last->partial && result->partial) {
      ++left_out;
    } else {
      take(scan, *result, number, t);
      last = std::move(*result);
    }
    if (!scan.options.every) break;
    const auto next = start + std::chrono::duration_cast<steady_clock::duration>(
                                  *scan.options.every * static_cast<std::int64_t>(number + 1));
    if (next > start + *scan.options.duration) break;
    if (!wait_until(next, stop.cancel())) {
      partial = true;
      break;
    }
  }
  if (scan.options.every && is_terminal(stderr)) fmt::print(stderr, "\r\x1b[K");
  if (left_out > 0)
    scan.warnings.push_back(
        fmt::format("Left out: {} of the looks, cut short while reading.", left_out));
  last->partial = partial;
  return Looks{std::move(*last), partial && stop.cancel().requested()};
}

nlohmann::json result_json(const ShareScan& scan, const share::ScanResult& result) {
  const auto ksm = host::read_ksm(scan.host);
  share::ScanContext context;
  context.host = scan.context;
  context.options = options_json(scan.typed, scan.options);
  context.ksm = has_live_subject(result) ? &ksm : nullptr;
  context.warnings = scan.warnings;
  context.looks = scan.looks;
  return share::scan_json(result, context);
}

Output html_output(const ShareScanText& typed) {
  Output html;
  html.format = "html";
  html.file = typed.html;
  return html;
}

Result<void> show(const ShareScan& scan, const nlohmann::json& json) {
  BRIM_TRY(report::Document document, share::scan_document(json));
  document.context.emplace_back("brim", version_line());
  if (const std::int64_t run = scan.recording.run(); run > 0)
    document.context.emplace_back("run", std::to_string(run));
  if (!scan.typed.html.empty()) BRIM_CHECK(write_document(document, html_output(scan.typed)));
  return write_document(document, scan.typed.output);
}

Result<int> share_scan(const Session& session, const ShareScanText& typed) {
  BRIM_TRY(const ShareScanOptions options, checked(typed));
  BRIM_CHECK(check_output(typed.output));
  if (typed.output.table == "time" && !options.every)
    return fail(ErrorCode::bad_input, "the table 'time' needs --every and --for", "--table");
  if (!typed.html.empty()) BRIM_CHECK(check_output(html_output(typed)));
  BRIM_TRY(const host::Host host, open_host(session));
  ShareScan scan{session,
                 typed,
                 options,
                 host,
                 context_json(session.root),
                 typed.no_store ? Recording() : Recording(open_store(session)),
                 {},
                 {},
                 {},
                 {}};
  const bool must_record = !session.store.empty();
  if (must_record && scan.recording.error()) return fail(*scan.recording.error());
  Result<Looks> looks = look_over_time(scan);
  if (!looks) {
    const bool stopped = looks.error().code == ErrorCode::interrupted;
    scan.recording.finish(stopped ? study::RunStatus::interrupted : study::RunStatus::failed,
                          nullptr);
    return fail(std::move(looks).error());
  }
  nlohmann::json json = result_json(scan, looks->result);
  scan.recording.finish(looks->interrupted      ? study::RunStatus::interrupted
                        : looks->result.partial ? study::RunStatus::partial
                                                : study::RunStatus::complete,
                        json);
  if (scan.recording.error()) json["warnings"].push_back(scan.recording.warning());
  BRIM_CHECK(show(scan, json));
  for (const std::string& line : scan.errors) fmt::print(stderr, "brim: {}\n", line);
  if (must_record && scan.recording.error()) return fail(*scan.recording.error());
  return looks->interrupted ? 130 : scan.status;
}

}  // namespace

void add_share_commands(CLI::App& program, Session& session) {
  CLI::App* area = program.add_subcommand("share", "Page sharing: what VMs could share, and do");
  area->require_subcommand(0, 1);
  area->footer("Example:\n  brim share scan --vms");
  CLI::App* scan = area->add_subcommand(
      "scan", "What running VMs, processes and memory images could share, and do share");
  auto typed = std::make_shared<ShareScanText>();
  declare_share_scan(*scan, *typed);
  scan->callback([&session, typed] {
    session.action = [&session, typed] { return share_scan(session, *typed); };
  });
  add_share_fit(*area, session);
  add_share_calibrate(*area, session);
  add_share_plan(*area, session);
}

}  // namespace brim::cli
