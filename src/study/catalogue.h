// SPDX-License-Identifier: Apache-2.0
#pragma once
// Named sets of values with their source, which scenarios refer to: hardware, guests, loads,
// mechanisms. A personality (a processor, a system, a hypervisor) is an entry here, never code.

#include "base/result.h"
#include "study/area.h"
#include "study/config.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace brim::study {

enum class EntryKind : std::uint8_t { hardware, mechanism, guest, load };
[[nodiscard]] std::string_view name_of(EntryKind kind);  // "hardware", "mechanism" ...

struct Entry {
  std::string name;
  std::string area;
  std::string summary;
  std::string source;  // where its figures come from
  ConfigNode values;   // as in the file
};

// Keys of an entry that are about the entry itself, not values.
inline constexpr std::array<std::string_view, 5> kEntryKeys{"area", "kind", "policy", "source",
                                                            "summary"};

// `where` is who asks, for the error: with the names there are, or the nearest.
[[nodiscard]] Result<const Area*> find_area(std::span<const Area* const> areas,
                                            std::string_view name, const std::string& where);
[[nodiscard]] Result<const Family*> find_family(std::span<const Family> families,
                                                std::string_view name, const std::string& where);

class Catalogue {
 public:
  // A file has tables [hardware.NAME], [mechanism.NAME], [guest.NAME], [load.NAME]; an entry
  // without `area`, `summary` or `source`, or of a name that its kind and area have already, is an
  // error, as are values that the area's declarations don't allow.
  [[nodiscard]] Result<void> add(const ConfigNode& file, std::span<const Area* const> areas);

  [[nodiscard]] const std::vector<Entry>& entries(EntryKind kind) const;
  [[nodiscard]] Result<const Entry*> find(EntryKind kind, std::string_view area,
                                          std::string_view name, const std::string& where) const;

 private:
  Result<void> add_entry(EntryKind kind, const std::string& name, const ConfigNode& node,
                         std::span<const Area* const> areas);

  std::array<std::vector<Entry>, 4> entries_;  // by kind
};

}  // namespace brim::study
