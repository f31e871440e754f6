// SPDX-License-Identifier: Apache-2.0
#include "host/journal_entry.h"

#include "base/json_text.h"
#include "base/text.h"
#include "host/files.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace brim::host {
namespace {

using nlohmann::json;

constexpr int kSchema = 2;
constexpr int kSchemaWithoutRoot = 1;
constexpr std::array<std::string_view, 9> kMembers = {"schema",    "root",        "path",
                                                      "old_value", "asked_value", "new_value",
                                                      "boot_id",   "pid",         "start_ticks"};

// A number as knobs take it, decimal or hexadecimal: sign and magnitude. One with a leading 0 is
// none here: some knobs read it as octal, others do not.
struct JournalNumber {
  bool negative = false;
  std::uint64_t magnitude = 0;
  bool operator==(const JournalNumber&) const = default;
};

std::optional<JournalNumber> journal_number(std::string_view text) {
  JournalNumber number;
  if (text.starts_with('-') || text.starts_with('+')) {
    number.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  if (!hexadecimal && text.size() > 1 && text.starts_with('0')) return std::nullopt;
  const auto magnitude = hexadecimal ? parse_number(text.substr(2), 16) : parse_number(text);
  if (!magnitude) return std::nullopt;
  number.magnitude = *magnitude;
  if (number.magnitude == 0) number.negative = false;
  return number;
}

// Module parameters of type bool take 0 and 1 and show N and Y.
std::string_view as_digit(std::string_view text) {
  if (text == "Y" || text == "y") return "1";
  if (text == "N" || text == "n") return "0";
  return text;
}

}  // namespace

std::string_view name_of(RestoreOutcome outcome) {
  switch (outcome) {
    case RestoreOutcome::restored:
      return "restored";
    case RestoreOutcome::left_changed_by_other:
      return "left_changed_by_other";
    case RestoreOutcome::dropped_other_boot:
      return "dropped_other_boot";
    case RestoreOutcome::failed:
      return "failed";
  }
  return "failed";
}

Result<void> check_path(std::string_view path, bool live) {
  const std::vector<std::string_view> parts = split(path, '/');
  if (!path.starts_with('/') || std::find(parts.begin(), parts.end(), "..") != parts.end())
    return fail(ErrorCode::bad_input, "not an absolute path without \"..\"", std::string(path));
  if (live && !path.starts_with("/proc/") && !path.starts_with("/sys/"))
    return fail(ErrorCode::bad_input, "brim changes files below /proc and /sys only",
                std::string(path));
  return {};
}

Result<std::string> format_entry(const JournalEntry& entry) {
  const json object = {{"schema", kSchema},
                       {"root", entry.root},
                       {"path", entry.path},
                       {"old_value", entry.old_value},
                       {"asked_value", entry.asked_value},
                       {"new_value", entry.new_value},
                       {"boot_id", entry.boot_id},
                       {"pid", entry.pid},
                       {"start_ticks", entry.start_ticks}};
  // What is put back must be what was there: nothing may be replaced on its way through the file.
  const std::string text = json_text(object);
  if (parse_json(text) != object)
    return fail(ErrorCode::bad_input, "its value is not UTF-8 text", entry.path);
  return text;
}

Result<JournalEntry> parse_entry(std::string_view text, const std::string& where) {
  json object = parse_json(text).value_or(nullptr);
  if (!object.is_object())
    return fail(ErrorCode::bad_input, "not a journal entry: expected a JSON object", where);
  const auto wrong = [&](std::string_view member) {
    return fail(ErrorCode::bad_input,
                fmt::format("not a journal entry: \"{}\" is missing or wrong", member), where);
  };
  if (const auto schema = object.find("schema");
      schema != object.end() && *schema == kSchemaWithoutRoot && !object.contains("root")) {
    *schema = kSchema;
    object["root"] = "/";
  }
  if (object.size() != kMembers.size()) return wrong("schema");
  for (const std::string_view member : kMembers)
    if (!object.contains(member)) return wrong(member);
  for (const std::string_view member :
       {"root", "path", "old_value", "asked_value", "new_value", "boot_id"})
    if (!object[member].is_string()) return wrong(member);
  if (object["schema"] != kSchema) return wrong("schema");
  const json& pid = object["pid"];
  if (!pid.is_number_unsigned() || pid.get<std::uint64_t>() > INT32_MAX || pid == 0)
    return wrong("pid");
  if (!object["start_ticks"].is_number_unsigned()) return wrong("start_ticks");
  JournalEntry entry{object["path"],
                     object["old_value"],
                     object["asked_value"],
                     object["new_value"],
                     object["boot_id"],
                     pid.get<int>(),
                     object["start_ticks"].get<std::uint64_t>(),
                     object["root"]};
  if (!entry.root.starts_with('/')) return wrong("root");
  if (!check_path(entry.path, false)) return wrong("path");
  return entry;
}

bool same_value(std::string_view a, std::string_view b) {
  a = as_digit(chosen_word(a));
  b = as_digit(chosen_word(b));
  if (a == b) return true;
  const auto first = journal_number(a);
  const auto second = journal_number(b);
  return first && second && *first == *second;
}

bool written_by(const JournalEntry& entry, std::string_view present) {
  if (same_value(entry.asked_value, present)) return true;
  return !entry.new_value.empty() && same_value(entry.new_value, present);
}

}  // namespace brim::host
