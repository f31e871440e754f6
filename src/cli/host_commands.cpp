// SPDX-License-Identifier: Apache-2.0
// brim doctor, restore.
#include "cli/session.h"
#include "cli/state.h"
#include "cli/word_table.h"
#include "host/capabilities.h"
#include "host/journal.h"
#include "host/journal_directory.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

using report::Document;

nlohmann::json capability_json(const host::Capability& capability) {
  return {{"name", capability.name},
          {"area", capability.area},
          {"works", name_of(capability.works)},
          {"found", capability.found},
          {"reason", capability.reason},
          {"turn_on", capability.turn_on},
          {"checked_by", capability.checked_by}};
}

Document doctor_document(const std::vector<host::Capability>& capabilities,
                         nlohmann::json context) {
  Document document;
  document.title = "What works on this machine";
  document.json = {{"schema", "brim.doctor/1"},
                   {"host", std::move(context)},
                   {"capabilities", nlohmann::json::array()}};
  WordTable table{"capabilities",
                  "Mechanisms",
                  "Mechanisms",
                  {{"works", "works"},
                   {"name", "mechanism"},
                   {"found", "found"},
                   {"why", "why not, and how to turn it on"}},
                  {}};
  std::size_t working = 0;
  for (const host::Capability& capability : capabilities) {
    working += capability.works == host::Works::yes ? 1 : 0;
    std::string why = capability.reason;
    if (!capability.turn_on.empty()) why += (why.empty() ? "" : "; ") + capability.turn_on;
    table.rows.push_back({std::string(name_of(capability.works)), capability.name, capability.found,
                          std::move(why)});
    document.json["capabilities"].push_back(capability_json(capability));
  }
  document.answer.push_back(
      fmt::format("{} of {} mechanisms work here.", working, capabilities.size()));
  document.sections.push_back(section_of(table));
  return document;
}

void add_doctor(CLI::App& program, Session& session) {
  CLI::App* command = program.add_subcommand(
      "doctor", "What works here, what does not and why, and how to turn it on");
  auto output = std::make_shared<Output>();
  add_output_options(*command, *output);
  command->footer(
      "Checks by use where that is harmless, and leaves the machine as it was.\n"
      "Example:\n  brim doctor\n  sudo brim doctor --format json");
  command->callback([&session, output] {
    session.action = [&session, output]() -> Result<int> {
      BRIM_TRY(const host::Host host, open_host(session));
      const auto capabilities = host::probe_capabilities(host);
      BRIM_CHECK(
          write_document(doctor_document(capabilities, context_json(session.root)), *output));
      return 0;
    };
  });
}

Document restore_document(const std::vector<host::Restored>& restored, bool dry_run) {
  Document document;
  document.title = dry_run ? "What a restore would look at" : "Restore";
  document.json = {
      {"schema", "brim.restore/1"}, {"dry_run", dry_run}, {"changes", nlohmann::json::array()}};
  WordTable table{"changes",
                  "Changes",
                  "Changes",
                  {{"outcome", "outcome"},
                   {"path", "path"},
                   {"old", "old value"},
                   {"new", "brim's value"},
                   {"detail", "detail"}},
                  {}};
  for (const host::Restored& one : restored) {
    const std::string outcome = dry_run ? "recorded" : std::string(name_of(one.outcome));
    table.rows.push_back(
        {outcome, one.entry.path, one.entry.old_value, one.entry.new_value, one.detail});
    document.json["changes"].push_back({{"outcome", outcome},
                                        {"path", one.entry.path},
                                        {"old_value", one.entry.old_value},
                                        {"new_value", one.entry.new_value},
                                        {"detail", one.detail}});
  }
  if (restored.empty())
    document.answer.emplace_back("Nothing to put back: no interrupted run left a change.");
  else
    document.sections.push_back(section_of(table));
  return document;
}

// What the journal holds, or what became of it.
Result<std::vector<host::Restored>> restored_entries(const host::Host& host, bool dry_run) {
  BRIM_TRY(const std::string directory, journal_directory(host));
  std::vector<host::Restored> restored;
  if (!host::JournalDirectory::may_exist(directory)) return restored;
  auto journal = host::Journal::open(host, directory);
  if (!journal) {
    Error error = std::move(journal).error();
    if (error.code == ErrorCode::denied) error.what += "; run as root";
    return fail(std::move(error));
  }
  if (!dry_run) return journal->restore_abandoned();
  BRIM_TRY(const std::vector<host::JournalEntry> entries, journal->entries());
  for (const host::JournalEntry& entry : entries) {
    host::Restored one;
    one.entry = entry;
    restored.push_back(std::move(one));
  }
  return restored;
}

Result<int> restore(const Session& session, bool dry_run, const Output& output) {
  BRIM_TRY(const host::Host host, open_host(session));
  if (!dry_run) clear_what_was_left(host);
  BRIM_TRY(const std::vector<host::Restored> restored, restored_entries(host, dry_run));
  BRIM_CHECK(write_document(restore_document(restored, dry_run), output));
  for (const host::Restored& one : restored)
    if (!dry_run && one.outcome == host::RestoreOutcome::failed) return 1;
  return 0;
}

void add_restore(CLI::App& program, Session& session) {
  CLI::App* command = program.add_subcommand(
      "restore", "Put back what an interrupted run of brim changed on this host");
  auto output = std::make_shared<Output>();
  auto dry_run = std::make_shared<bool>(false);
  command->add_flag("--dry-run", *dry_run, "Only show what the journal holds");
  add_output_options(*command, *output);
  command->footer(
      "A value that somebody changed after brim did stays as it is, and is named.\n"
      "Example:\n  sudo brim restore");
  command->callback([&session, output, dry_run] {
    session.restores = true;
    session.action = [&session, output, dry_run] { return restore(session, *dry_run, *output); };
  });
}

}  // namespace

void add_host_commands(CLI::App& program, Session& session) {
  add_doctor(program, session);
  add_restore(program, session);
}

}  // namespace brim::cli
