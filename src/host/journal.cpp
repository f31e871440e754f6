// SPDX-License-Identifier: Apache-2.0
// Order of a change: entry on disk, value written, value read back, entry completed. Killed
//   before the entry:            nothing happened;
//   between entry and value:     the present value is the old one: the entry is dropped;
//   between value and reading:   the present value is the one asked for: it is put back;
//   after that:                  the present value is the kernel's spelling in the entry: put back;
//   between restoring and removal: the present value is the old one again: the entry is dropped.
#include "host/journal.h"

#include "base/text.h"
#include "host/files.h"
#include "host/journal_directory.h"
#include "host/journal_entry.h"
#include "host/process.h"

#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr char kBootIdPath[] = "/proc/sys/kernel/random/boot_id";

Result<void> check_value(std::string_view value, std::string_view path, std::string_view which) {
  if (value.size() > kMaximumValue || value.find_first_of("\n\0", 0, 2) != std::string_view::npos)
    return fail(ErrorCode::bad_input,
                fmt::format("its {} value is not one line of at most {} bytes: brim could not put "
                            "it back",
                            which, kMaximumValue),
                std::string(path));
  return {};
}

// What to write to get a value back. A write of nothing is no write: an empty value is a bare
// newline.
std::string writable(std::string_view value) {
  const std::string_view selected = chosen_word(value);
  return selected.empty() ? "\n" : std::string(selected);
}

// By which entries are told from those of other hosts: the same however the directory was named.
Result<std::string> root_without_links(const Host& host) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(host.root(), error);
  if (error) return fail(errno_error(error.value(), "find the host's root directory", host.root()));
  return path.string();
}

bool is_gone(const Error& error) {
  return error.code == ErrorCode::missing || error.code == ErrorCode::gone;
}

// Whether the run of an entry still lives. Entries of this machine name its processes, whatever
// directory stands for the host whose knobs are changed.
bool alive(const Host& machine, const JournalEntry& entry) {
  const auto process = Process::open(machine, entry.pid);
  if (process) return process->start_ticks() == entry.start_ticks;
  return process.error().code == ErrorCode::denied;  // can't be told: leave it alone
}

}  // namespace

struct Journal::State {
  State(const Host& knobs, Host this_machine, JournalDirectory entry_files, JournalHook step_hook)
      : host(knobs),
        machine(std::move(this_machine)),
        files(std::move(entry_files)),
        hook(std::move(step_hook)) {}

  const Host& host;
  Host machine;
  JournalDirectory files;
  JournalHook hook;
  int pid = 0;
  std::uint64_t start_ticks = 0;
  std::string boot_id;
  std::string root;
  std::map<std::uint64_t, JournalEntry> own;  // by number, as on disk

  void at(JournalStep step) const {
    if (hook) hook(step);
  }
  // Not of another host, whose directory has entries here too.
  [[nodiscard]] bool of_this_host(const JournalEntry& entry) const { return entry.root == root; }
  Result<std::uint64_t> number_for_new(std::string_view path);
  Result<void> store(std::uint64_t number, const JournalEntry& entry) const;
  Result<void> drop(std::uint64_t number) const {
    return files.remove(JournalDirectory::entry_name(number));
  }
  Result<void> apply(std::uint64_t number, JournalEntry entry,
                     const std::optional<JournalEntry>& before, const std::string& present);
  void undo(std::uint64_t number, const JournalEntry& entry,
            const std::optional<JournalEntry>& before, const std::string& present);
  void forget(std::uint64_t number, const std::optional<JournalEntry>& before);
  Restored restore(std::uint64_t number, const JournalEntry& entry) const;
  Restored put_back(const JournalEntry& entry) const;
};

Journal::Journal() = default;
Journal::Journal(Journal&&) noexcept = default;

Journal& Journal::operator=(Journal&& other) noexcept {
  if (this != &other) {
    Journal old(std::move(*this));  // puts back what this one changed
    state_ = std::move(other.state_);
  }
  return *this;
}

Journal::~Journal() {
  if (state_ != nullptr && state_->pid == ::getpid()) static_cast<void>(restore_own());
}

Result<Journal> Journal::open(const Host& host, const std::string& directory) {
  return open(host, directory, {});
}

Result<Journal> Journal::open(const Host& host, const std::string& directory, JournalHook hook) {
  BRIM_TRY(Host machine, Host::open("/"));
  BRIM_TRY(const Process self, Process::open(machine, ::getpid()));
  BRIM_TRY(std::string boot_id, host.read_value(kBootIdPath));
  BRIM_TRY(std::string root, root_without_links(host));
  BRIM_TRY(JournalDirectory files, JournalDirectory::open(directory));
  Journal journal;
  journal.state_ =
      std::make_unique<State>(host, std::move(machine), std::move(files), std::move(hook));
  journal.state_->pid = self.pid();
  journal.state_->start_ticks = self.start_ticks();
  journal.state_->boot_id = std::move(boot_id);
  journal.state_->root = std::move(root);
  return journal;
}

Result<void> Journal::State::store(std::uint64_t number, const JournalEntry& entry) const {
  BRIM_TRY(const std::string text, format_entry(entry));
  return files.write(number, text);
}

// One above the highest; refuses a path that an interrupted run changed and nobody put back yet:
// its present value is not the one to come back to.
Result<std::uint64_t> Journal::State::number_for_new(std::string_view path) {
  BRIM_TRY(const JournalDirectory::Listing listing, files.list());
  for (const auto& [number, name] : listing.entries) {
    const auto text = files.read(name);
    const auto entry = text ? parse_entry(*text, name) : fail(Error{});
    if (entry && of_this_host(*entry) && entry->path == path && entry->boot_id == boot_id &&
        !own.contains(number))
      return fail(
          ErrorCode::denied,
          "an interrupted run's change of it was not put back yet; run `brim restore` first",
          std::string(path));
  }
  if (listing.entries.empty()) return 1;
  const std::uint64_t highest = listing.entries.rbegin()->first;
  if (highest == UINT64_MAX)
    return fail(ErrorCode::io, "the journal's numbers are used up; remove this file",
                files.place(JournalDirectory::entry_name(highest)));
  return highest + 1;
}

Result<void> Journal::change(std::string_view path, std::string_view new_value) {
  State& state = *state_;
  BRIM_CHECK(check_path(path, state.host.live()));
  BRIM_CHECK(check_value(new_value, path, "new"));
  BRIM_CHECK(state.files.lock());
  BRIM_TRY(const std::string present, state.host.read_value(path));
  BRIM_CHECK(check_value(present, path, "present"));
  for (const auto& [number, entry] : state.own) {
    if (entry.path != path) continue;
    JournalEntry next = entry;
    if (!written_by(entry, present)) {
      // Somebody else changed it since: theirs is the value to come back to, and ours is gone.
      next.old_value = present;
      next.new_value.clear();
    }
    next.asked_value = new_value;
    return state.apply(number, std::move(next), entry, present);
  }
  if (same_value(present, new_value)) return {};
  BRIM_TRY(const std::uint64_t number, state.number_for_new(path));
  JournalEntry entry{std::string(path), present,   std::string(new_value), "",
                     state.boot_id,     state.pid, state.start_ticks,      state.root};
  return state.apply(number, std::move(entry), std::nullopt, present);
}

// `before`: the entry as it stands on disk, if there is one. `present`: the value now.
Result<void> Journal::State::apply(std::uint64_t number, JournalEntry entry,
                                   const std::optional<JournalEntry>& before,
                                   const std::string& present) {
  at(JournalStep::before_entry);
  own[number] = entry;
  if (auto stored = store(number, entry); !stored) {
    forget(number, before);
    return stored;
  }
  at(JournalStep::entry_written);
  if (auto written = host.write_file(entry.path, writable(entry.asked_value)); !written) {
    undo(number, entry, before, present);
    return written;
  }
  at(JournalStep::value_written);
  auto read_back = host.read_value(entry.path);
  if (!read_back || !check_value(*read_back, entry.path, "new")) {
    undo(number, entry, before, present);
    return read_back ? check_value(*read_back, entry.path, "new")
                     : fail(std::move(read_back).error());
  }
  entry.new_value = *read_back;
  if (auto recorded = store(number, entry); !recorded) {
    // Without the kernel's spelling on disk a later restore could not tell this value for ours.
    undo(number, entry, before, present);
    return recorded;
  }
  own[number] = entry;
  at(JournalStep::spelling_recorded);
  return {};
}

// After a failed change: the value as it was before it, then the journal. As long as the value may
// be brim's, the entry stays, for restore_own() to try again.
void Journal::State::undo(std::uint64_t number, const JournalEntry& entry,
                          const std::optional<JournalEntry>& before, const std::string& present) {
  const auto now = host.read_value(entry.path);
  if (!now && !is_gone(now.error())) return;
  if (now && !same_value(*now, present)) {
    const auto back = host.write_file(entry.path, writable(present));
    const auto after = host.read_value(entry.path);
    if (!back || !after || !same_value(*after, present)) return;
  }
  forget(number, before);
}

// The journal as it was before a change that was not made or has been undone.
void Journal::State::forget(std::uint64_t number, const std::optional<JournalEntry>& before) {
  if (before) {
    own[number] = *before;
    // Should that fail, the pending entry stays: it knows both of brim's values, or the same old
    // one.
    static_cast<void>(store(number, *before));
  } else if (drop(number)) {
    own.erase(number);
  }
}

Restored Journal::State::put_back(const JournalEntry& entry) const {
  Restored result{entry, RestoreOutcome::restored, ""};
  const auto failed = [&](const Error& error) {
    result.outcome = RestoreOutcome::failed;
    result.detail = error_line(error);
    return result;
  };
  if (const auto path = check_path(entry.path, host.live()); !path) return failed(path.error());
  const auto present = host.read_value(entry.path);
  if (!present && is_gone(present.error())) {
    result.outcome = RestoreOutcome::left_changed_by_other;
    result.detail = "it does not exist any more: nothing to put back";
    return result;
  }
  if (!present) return failed(present.error());
  if (same_value(*present, entry.old_value)) {
    result.detail = "it had its old value already";
    return result;
  }
  if (!written_by(entry, *present)) {
    result.outcome = RestoreOutcome::left_changed_by_other;
    result.detail =
        fmt::format("it is '{}' now, brim had written '{}'", *present, entry.asked_value);
    return result;
  }
  if (auto written = host.write_file(entry.path, writable(entry.old_value)); !written)
    return failed(written.error());
  const auto after = host.read_value(entry.path);
  if (!after) return failed(after.error());
  if (!same_value(*after, entry.old_value))
    return failed({ErrorCode::io,
                   fmt::format("wrote '{}' back, but it is '{}'", entry.old_value, *after),
                   entry.path});
  at(JournalStep::value_restored);
  return result;
}

// Puts back and removes the entry, unless that failed and may succeed later.
Restored Journal::State::restore(std::uint64_t number, const JournalEntry& entry) const {
  Restored result{entry, RestoreOutcome::dropped_other_boot,
                  "the machine was started anew since: the kernel forgot it"};
  if (entry.boot_id == boot_id) result = put_back(entry);
  if (result.outcome == RestoreOutcome::failed) return result;
  if (const auto dropped = drop(number); !dropped)
    result.detail += fmt::format("{}its entry stays: {}", result.detail.empty() ? "" : "; ",
                                 error_line(dropped.error()));
  return result;
}

std::vector<Restored> Journal::restore_own() {
  State& state = *state_;
  std::vector<Restored> results;
  std::map<std::uint64_t, JournalEntry> kept;
  for (auto item = state.own.rbegin(); item != state.own.rend(); ++item) {
    results.push_back(state.restore(item->first, item->second));
    if (results.back().outcome == RestoreOutcome::failed) kept.insert(*item);
  }
  state.own = std::move(kept);
  if (state.own.empty()) state.files.unlock();
  return results;
}

Result<std::vector<Restored>> Journal::restore_abandoned() {
  State& state = *state_;
  BRIM_CHECK(state.files.lock());
  auto listing = state.files.list();
  std::vector<Restored> results;
  if (listing) {
    for (auto item = listing->entries.rbegin(); item != listing->entries.rend(); ++item) {
      if (state.own.contains(item->first)) continue;
      const auto text = state.files.read(item->second);
      const auto entry =
          text ? parse_entry(*text, state.files.place(item->second)) : fail(text.error());
      if (!entry) {
        results.push_back({{}, RestoreOutcome::failed, entry.error().what});
        results.back().entry.path = state.files.place(item->second);
      } else if (!state.of_this_host(*entry)) {
        continue;
      } else if (entry->boot_id != state.boot_id || !alive(state.machine, *entry)) {
        results.push_back(state.restore(item->first, *entry));
      }
    }
    for (const std::string& name : listing->foreign) {
      results.push_back({{}, RestoreOutcome::failed, "not a file of brim's journal"});
      results.back().entry.path = state.files.place(name);
    }
    // We hold the lock: nobody is writing these. The change they were for has not been made.
    for (const std::string& name : listing->temporary) static_cast<void>(state.files.remove(name));
  }
  if (state.own.empty()) state.files.unlock();
  if (!listing) return fail(std::move(listing).error());
  return results;
}

Result<std::vector<JournalEntry>> Journal::entries() const {
  BRIM_TRY(const JournalDirectory::Listing listing, state_->files.list());
  std::vector<JournalEntry> found;
  for (const auto& [number, name] : listing.entries) {
    const auto text = state_->files.read(name);
    auto entry = text ? parse_entry(*text, name) : fail(text.error());
    if (entry && state_->of_this_host(*entry)) found.push_back(std::move(*entry));
  }
  return found;
}

}  // namespace brim::host
