// SPDX-License-Identifier: Apache-2.0
// /proc/PID/smaps and smaps_rollup: a maps line, then "Key:   value kB" lines that differ by
// kernel.
#include "base/text.h"
#include "host/process.h"
#include "host/process_text.h"

#include <algorithm>
#include <array>

namespace brim::host {
namespace {

struct KeyValue {
  std::string_view key;
  std::string_view value;
};

// Keys begin with a capital, and the addresses of a maps line are lower-case hexadecimal.
std::optional<KeyValue> key_value(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (line.empty() || line[0] < 'A' || line[0] > 'Z' || colon == std::string_view::npos)
    return std::nullopt;
  return KeyValue{line.substr(0, colon), trim(line.substr(colon + 1))};
}

template <class Entry>
struct SizeField {
  std::string_view key;
  std::uint64_t Entry::*field;
};

constexpr std::array<SizeField<SmapsEntry>, 5> kEntryFields = {{
    {"AnonHugePages", &SmapsEntry::anon_huge_bytes},
    {"Anonymous", &SmapsEntry::anonymous_bytes},
    {"Pss", &SmapsEntry::pss_bytes},
    {"Rss", &SmapsEntry::rss_bytes},
    {"Swap", &SmapsEntry::swap_bytes},
}};

constexpr std::array<SizeField<SmapsRollup>, 9> kRollupFields = {{
    {"AnonHugePages", &SmapsRollup::anon_huge_bytes},
    {"Anonymous", &SmapsRollup::anonymous_bytes},
    {"Pss", &SmapsRollup::pss_bytes},
    {"Pss_Anon", &SmapsRollup::pss_anon_bytes},
    {"Pss_File", &SmapsRollup::pss_file_bytes},
    {"Pss_Shmem", &SmapsRollup::pss_shmem_bytes},
    {"Rss", &SmapsRollup::rss_bytes},
    {"Swap", &SmapsRollup::swap_bytes},
    {"SwapPss", &SmapsRollup::swap_pss_bytes},
}};

// False if the value of a key that is ours is no size. Other keys are left alone.
template <class Entry, std::size_t count>
bool set_size(const KeyValue& pair, const std::array<SizeField<Entry>, count>& fields,
              Entry& entry) {
  if (pair.key == "KSM") {
    entry.ksm_bytes = parse_kibibytes(pair.value);
    return entry.ksm_bytes.has_value();
  }
  const auto* field = std::find_if(fields.begin(), fields.end(),
                                   [&](const auto& known) { return known.key == pair.key; });
  if (field == fields.end()) return true;
  const std::optional<std::uint64_t> bytes = parse_kibibytes(pair.value);
  if (bytes) entry.*(field->field) = *bytes;
  return bytes.has_value();
}

void set_flags(std::string_view value, SmapsEntry& entry) {
  for (const std::string_view flag : split(value, ' '))
    if (!flag.empty()) entry.flags.emplace_back(flag);
}

}  // namespace

bool SmapsEntry::has_flag(std::string_view flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

Result<std::vector<SmapsEntry>> parse_smaps(std::string_view text, std::string_view where) {
  std::vector<SmapsEntry> entries;
  std::uint64_t end_before = 0;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    const std::optional<KeyValue> pair = key_value(*line);
    if (!pair) {
      BRIM_TRY(Mapping mapping, parse_maps_line(*line, where, lines.number()));
      BRIM_CHECK(check_order(mapping, end_before, where, lines.number()));
      end_before = mapping.end;
      entries.emplace_back().mapping = std::move(mapping);
      continue;
    }
    if (entries.empty())
      return fail(
          malformed("a line of a mapping before any mapping", where, lines.number(), *line));
    if (pair->key == "VmFlags")
      set_flags(pair->value, entries.back());
    else if (!set_size(*pair, kEntryFields, entries.back()))
      return fail(malformed("not a size in kB", where, lines.number(), *line));
  }
  return entries;
}

Result<SmapsRollup> parse_smaps_rollup(std::string_view text, std::string_view where) {
  SmapsRollup rollup;
  bool resident = false;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    const std::optional<KeyValue> pair = key_value(*line);
    if (!pair && lines.number() == 1) continue;  // "start-end ---p 00000000 00:00 0 [rollup]"
    if (!pair || !set_size(*pair, kRollupFields, rollup))
      return fail(malformed("expected 'Key: size kB'", where, lines.number(), *line));
    resident = resident || pair->key == "Rss";
  }
  if (!resident)
    return fail(ErrorCode::io, "cut short, expected a line 'Rss:'", std::string(where));
  return rollup;
}

}  // namespace brim::host
