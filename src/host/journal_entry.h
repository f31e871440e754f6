// SPDX-License-Identifier: Apache-2.0
#pragma once
// The text of a journal entry, and when two spellings are one value. Pure.

#include "base/result.h"
#include "host/journal.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace brim::host {

inline constexpr std::size_t kMaximumValue = 4096;

// `bad_input` unless the path is absolute, without "..", and on a live host below /proc or /sys.
[[nodiscard]] Result<void> check_path(std::string_view path, bool live);

// JSON, one object. Text that is not UTF-8 is an error (bad_input): no knob has such.
[[nodiscard]] Result<std::string> format_entry(const JournalEntry& entry);
// Unknown members are errors: a newer brim may mean something by them. Entries of schema 1 do not
// name a root: they are of "/".
[[nodiscard]] Result<JournalEntry> parse_entry(std::string_view text, const std::string& where);

[[nodiscard]] bool same_value(std::string_view a, std::string_view b);
// Whether `present` is a value the entry's run wrote, by how it was asked or how it was read back.
[[nodiscard]] bool written_by(const JournalEntry& entry, std::string_view present);

}  // namespace brim::host
