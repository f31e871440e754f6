// SPDX-License-Identifier: Apache-2.0
// brim share scan: choose subjects, look once or over time, record, report.
#include "base/json_text.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/session.h"
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

// The run's record in the store; does nothing with --no-store or where the default store can't be
// opened (then a warning says so).
class Recording {
 public:
  [[nodiscard]] static Result<Recording> open(const Session& session, const ShareScanText& typed,
                                              const nlohmann::json& context,
                                              std::vector<std::string>& warnings) {
    Recording recording;
    if (typed.no_store) return recording;
    auto store = open_store(session);
    if (!store && !session.store.empty()) return fail(std::move(store).error());
    if (!store) {
      warnings.push_back("Not recorded: " + error_line(store.error()) + ".");
      return recording;
    }
    study::RunInfo info;
    info.area = "share";
    info.command = "share scan";
    info.arguments = session.typed_command;
    info.label = typed.label;
    info.started = std::chrono::system_clock::now();
    info.version = version_line();
    info.owner = run_owner();
    info.context_json = json_line(context);
    BRIM_TRY(recording.run_, store->begin(info));
    recording.store_ = std::make_unique<study::Store>(std::move(*store));
    return recording;
  }

  Result<void> add(const std::vector<study::Sample>& samples) {
    return store_ ? store_->add(run_, samples) : Result<void>();
  }
  Result<void> finish(study::RunStatus status, const nlohmann::json& result) {
    if (!store_) return {};
    return store_->finish(run_, status, json_line(result));
  }
  [[nodiscard]] std::int64_t run() const { return store_ ? run_ : 0; }

 private:
  std::unique_ptr<study::Store> store_;
  std::int64_t run_ = 0;
};

// What one invocation works with; lives as long as the command.
struct ShareScan {
  const Session& session;
  const ShareScanText& typed;
  const ShareScanOptions& options;
  const host::Host& host;
  std::vector<std::string> warnings;
  std::vector<share::LookFigures> looks;
  std::map<std::string, std::vector<std::pair<std::uint64_t, std::uint64_t>>> last_hashes;
};

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

void show_live(const share::LookFigures& look) {
  if (!is_terminal(stderr)) return;
  const auto size = [](double pages) {
    return human_bytes(Bytes(static_cast<std::uint64_t>(pages) * kPageSize));
  };
  const double saving =
      look.potential.intra_saving_pages.value + look.potential.inter_saving_pages.value;
  std::string line = fmt::format("t={:.0f}s  used {}  potential {}", look.t_seconds,
                                 size(look.potential.used_pages.value), size(saving));
  if (look.has_facts) line += "  shared " + size(static_cast<double>(look.real.saved_pages));
  if (look.compared_pages > 0)
    line += fmt::format("  churn {:.1f} %", 100.0 * static_cast<double>(look.churned_pages) /
                                                static_cast<double>(look.compared_pages));
  const auto columns = static_cast<std::size_t>(std::max(20, terminal_columns(stderr, 80) - 1));
  fmt::print(stderr, "\r\x1b[K{}", line.substr(0, columns));
  (void)std::fflush(stderr);
}

// One look: choose the subjects (VMs come and go between looks), read them.
Result<share::ScanResult> look_once(ShareScan& scan, std::uint64_t look_number) {
  BRIM_TRY(share::Selected selected,
           share::select_subjects(scan.host, scan.typed.selection, kQmpTimeout));
  if (look_number == 0)
    scan.warnings.insert(scan.warnings.end(), selected.warnings.begin(), selected.warnings.end());
  std::uint64_t pages = 0;
  for (const auto& subject : selected.subjects) pages += subject->readable_pages().count();
  const bool silent = scan.options.every.has_value();
  Progress bar(stderr, "Scanning", pages, kPageSize);
  Progress none;
  Rng rng(scan.options.seed);
  // Every look hashes with the same key: churn compares them.
  return share::scan(selected.subjects, scan.options.scan, rng, silent ? none : bar,
                     *scan.session.cancel);
}

// Sleeps to the next look; false when asked to stop.
bool wait_until(steady_clock::time_point when, const Cancel& cancel) {
  while (!cancel.requested() && steady_clock::now() < when)
    std::this_thread::sleep_for(std::min<steady_clock::duration>(when - steady_clock::now(),
                                                                 std::chrono::milliseconds(50)));
  return !cancel.requested();
}

// All looks; the result is the last one's. Each look's samples are recorded as it ends, so that a
// killed run keeps them.
Result<share::ScanResult> look_over_time(ShareScan& scan, Recording& recording) {
  const auto start = steady_clock::now();
  std::optional<share::ScanResult> last;
  for (std::uint64_t number = 0;; ++number) {
    const double t = std::chrono::duration<double>(steady_clock::now() - start).count();
    Result<share::ScanResult> result = look_once(scan, number);
    if (!result && last && result.error().code != ErrorCode::bad_input) {
      scan.warnings.push_back("Ended early: " + error_line(result.error()) + ".");
      last->partial = true;
      break;
    }
    if (!result) return result;
    const share::LookFigures look = look_of(scan, *result, t);
    const auto ksm = host::read_ksm(scan.host);
    BRIM_CHECK(recording.add(share::scan_samples(*result, look, ksm ? &*ksm : nullptr)));
    if (scan.options.every) {
      scan.looks.push_back(look);
      show_live(look);
    }
    last = std::move(*result);
    if (!scan.options.every) break;
    const auto next = start + std::chrono::duration_cast<steady_clock::duration>(
                                  *scan.options.every * static_cast<std::int64_t>(number + 1));
    if (next > start + *scan.options.duration) break;
    if (!wait_until(next, *scan.session.cancel)) {
      last->partial = true;
      break;
    }
  }
  if (scan.options.every && is_terminal(stderr)) fmt::print(stderr, "\r\x1b[K");
  return std::move(*last);
}

// Subjects that failed: one line each. 2 where the user named it, else 1.
int status_of(const ShareScan& scan, const share::ScanResult& result) {
  int status = 0;
  for (const share::SubjectResult& subject : result.results.front().subjects) {
    if (!subject.error) continue;
    Error error = *subject.error;
    if (error.where.empty()) error.where = subject.name;
    fmt::print(stderr, "brim: {}\n", error_line(error));
    const auto& pids = scan.typed.selection.pids;
    const bool named =
        subject.kind == share::SubjectKind::image ||
        (subject.pid && std::find(pids.begin(), pids.end(), *subject.pid) != pids.end());
    status = std::max(status, named ? 2 : 1);
  }
  if (scan.session.cancel->requested()) return 130;
  if (result.collisions > 0) status = std::max(status, 1);
  return status;
}

Result<int> share_scan(const Session& session, const ShareScanText& typed) {
  BRIM_TRY(const ShareScanOptions options, checked(typed));
  BRIM_TRY(const host::Host host, open_host(session));
  ShareScan scan{session, typed, options, host, {}, {}, {}};
  const nlohmann::json host_json = context_json(session.root);
  BRIM_TRY(Recording recording, Recording::open(session, typed, host_json, scan.warnings));
  Result<share::ScanResult> result = look_over_time(scan, recording);
  if (!result) {
    const bool stopped = result.error().code == ErrorCode::interrupted;
    (void)recording.finish(stopped ? study::RunStatus::interrupted : study::RunStatus::failed, {});
    return fail(std::move(result).error());
  }
  const auto& subjects = result->results.front().subjects;
  const bool live = std::any_of(subjects.begin(), subjects.end(), [](const auto& subject) {
    return subject.kind != share::SubjectKind::image;
  });
  const auto ksm = host::read_ksm(host);
  share::ScanContext context;
  context.host = host_json;
  context.options = options_json(typed, options);
  context.ksm = live ? &ksm : nullptr;
  context.warnings = scan.warnings;
  context.looks = scan.looks;
  const nlohmann::json json = share::scan_json(*result, context);
  BRIM_CHECK(recording.finish(session.cancel->requested() ? study::RunStatus::interrupted
                              : result->partial           ? study::RunStatus::partial
                                                          : study::RunStatus::complete,
                              json));
  BRIM_TRY(report::Document document, share::scan_document(json));
  document.context.emplace_back("brim", version_line());
  if (recording.run() > 0) document.context.emplace_back("run", std::to_string(recording.run()));
  if (!typed.html.empty()) {
    Output html;
    html.format = "html";
    html.file = typed.html;
    BRIM_CHECK(write_document(document, html));
  }
  BRIM_CHECK(write_document(document, typed.output));
  return status_of(scan, *result);
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
}

}  // namespace brim::cli
