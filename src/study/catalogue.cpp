// SPDX-License-Identifier: Apache-2.0
#include "study/catalogue.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::study {
namespace {

constexpr std::array<std::string_view, 4> kKinds{"hardware", "mechanism", "guest", "load"};

std::string text_in(const ConfigTable& table, std::string_view key) {
  const ConfigNode* node = table.find(key);
  const std::string* text = node != nullptr ? node->text() : nullptr;
  return text != nullptr ? *text : std::string();
}

// Reads the values once, so that a wrong entry is found when the catalogue is, not when it is used.
Result<void> check_values(EntryKind kind, const Area& area, const ConfigNode& node) {
  const ConfigTable& table = *node.table();
  switch (kind) {
    case EntryKind::hardware:
      return Settings(area.hardware).read(node, kEntryKeys);
    case EntryKind::guest:
      return Settings(area.guests).read(node, kEntryKeys);
    case EntryKind::mechanism: {
      BRIM_TRY(const Family* family,
               find_family(area.mechanisms, text_in(table, "policy"), node.place()));
      return Settings(family->parameters).read(node, kEntryKeys);
    }
    case EntryKind::load: {
      BRIM_TRY(const Family* family, find_family(area.loads, text_in(table, "kind"), node.place()));
      return Settings(family->parameters).read(node, kEntryKeys);
    }
  }
  return {};
}

}  // namespace

std::string_view name_of(EntryKind kind) { return kKinds.at(static_cast<std::size_t>(kind)); }

Result<const Area*> find_area(std::span<const Area* const> areas, std::string_view name,
                              const std::string& where) {
  std::vector<std::string> known;
  for (const Area* area : areas) {
    if (area->name == name) return area;
    known.emplace_back(area->name);
  }
  return fail(ErrorCode::bad_input,
              fmt::format("no area '{}'; areas: {}", name, fmt::join(known, ", ")), where);
}

Result<const Family*> find_family(std::span<const Family> families, std::string_view name,
                                  const std::string& where) {
  std::vector<std::string> known;
  for (const Family& family : families) {
    if (family.name == name) return &family;
    known.emplace_back(family.name);
  }
  const auto near = nearest_word(name, known);
  return fail(ErrorCode::bad_input,
              near ? fmt::format("no '{}' here; did you mean '{}'?", name, *near)
                   : fmt::format("no '{}' here; there are: {}", name, fmt::join(known, ", ")),
              where);
}

Result<void> Catalogue::add(const ConfigNode& file, std::span<const Area* const> areas) {
  BRIM_ASSERT(file.table() != nullptr);
  for (const auto& [kind_name, group] : file.table()->members) {
    const auto* const kind = std::find(kKinds.begin(), kKinds.end(), kind_name);
    if (kind == kKinds.end() || group.table() == nullptr)
      return fail(unknown_key(group.place(), kind_name,
                              std::vector<std::string>(kKinds.begin(), kKinds.end())));
    for (const auto& [name, node] : group.table()->members)
      BRIM_CHECK(add_entry(static_cast<EntryKind>(kind - kKinds.begin()), name, node, areas));
  }
  return {};
}

Result<void> Catalogue::add_entry(EntryKind kind, const std::string& name, const ConfigNode& node,
                                  std::span<const Area* const> areas) {
  if (node.table() == nullptr)
    return fail(ErrorCode::bad_input, fmt::format("{} is {}, not a table", name, node.kind()),
                node.place());
  Entry entry{name, text_in(*node.table(), "area"), text_in(*node.table(), "summary"),
              text_in(*node.table(), "source"), node};
  for (const std::string_view needed : {"area", "summary", "source"})
    if (text_in(*node.table(), needed).empty())
      return fail(ErrorCode::bad_input, fmt::format("{} has no {}", name, needed), node.place());
  BRIM_TRY(const Area* area, find_area(areas, entry.area, node.place()));
  BRIM_CHECK(check_values(kind, *area, node));
  std::vector<Entry>& entries = entries_.at(static_cast<std::size_t>(kind));
  const bool taken = std::any_of(entries.begin(), entries.end(), [&](const Entry& other) {
    return other.name == name && other.area == entry.area;
  });
  if (taken)
    return fail(ErrorCode::bad_input, fmt::format("{} {} is there twice", name_of(kind), name),
                node.place());
  entries.push_back(std::move(entry));
  return {};
}

const std::vector<Entry>& Catalogue::entries(EntryKind kind) const {
  return entries_.at(static_cast<std::size_t>(kind));
}

Result<const Entry*> Catalogue::find(EntryKind kind, std::string_view area, std::string_view name,
                                     const std::string& where) const {
  std::vector<std::string> known;
  for (const Entry& entry : entries(kind)) {
    if (entry.area != area) continue;
    if (entry.name == name) return &entry;
    known.push_back(entry.name);
  }
  const auto near = nearest_word(name, known);
  return fail(ErrorCode::bad_input,
              fmt::format("no {} '{}' in the catalogue{}", name_of(kind), name,
                          near ? fmt::format("; did you mean '{}'?", *near)
                               : fmt::format(" ({})", fmt::join(known, ", "))),
              where);
}

}  // namespace brim::study
