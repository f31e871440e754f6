// SPDX-License-Identifier: Apache-2.0
#pragma once
// A study as a TOML file says it: hardware, a mechanism with its parameters, guests and their
// loads, how long and how often, and what is varied. The same file runs live or as a model.
//
//   area = "share"
//   summary = "Eight equal guests under KSM, by how much they write"
//   [study]            repeats, seed, scale, against, compare
//   [schedule]         warm_up, duration, sample_interval
//   [live]             what only live runs look at
//   [hardware]         entry = "dell-r620"; own keys change what the entry says
//   [mechanism]        policy = "ksm", or an entry; its parameters
//   [[guests]]         entry, count, load, and the parameters of a guest
//   [loads.NAME]       kind, or an entry; its parameters
//   [sweep]            how = "cartesian", "one_at_a_time" or "together"
//   [sweep.over]       "mechanism.pages_to_scan" = [100, 1000]; "guests.0.count" = [2, 4];
//                      mechanism = [{ entry = "esxi-5-5" }, { entry = "linux-6-1", sleep = "1s" }]
//
// A sweep's values are put into the file's tree and read like the rest, so that whatever a scenario
// can say can be varied, and is checked alike.

#include "base/result.h"
#include "study/area.h"
#include "study/catalogue.h"
#include "study/config.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace brim::study {

// A member of a family, and where its values come from.
struct Choice {
  std::string_view family;  // "ksm"
  std::string entry;        // of the catalogue; "" where all is said in the scenario
  Settings settings;
};

struct Load : Choice {
  std::string name;  // by which guests refer to it
};

struct GuestGroup {
  std::string entry;
  std::uint64_t count = 1;
  std::string load;  // a name of Scenario::loads; "" for none
  Settings settings;
};

struct Scenario {
  std::string name;  // the file's, without folder and ending
  std::string summary;
  const Area* area = nullptr;
  Settings study;
  Settings schedule;
  Settings live;
  std::string hardware_entry;
  Settings hardware;
  Choice mechanism;
  std::vector<GuestGroup> guests;  // at least one
  std::vector<Load> loads;         // in the order of the file

  [[nodiscard]] const Load* find_load(std::string_view name) const;
};

// One combination of a sweep's values; of a scenario without a sweep, the only one.
struct Point {
  std::uint32_t number = 0;
  std::vector<std::pair<std::string, ConfigNode>> values;  // by path

  // "pages_to_scan=100, count=2"; "" for the only one.
  [[nodiscard]] std::string label() const;
  // The value at a path as the file has it; nothing where it is not varied.
  [[nodiscard]] std::optional<std::string> words_at(std::string_view path) const;
};

// A value of a sweep that points with others are held against (against.h).
struct Baseline {
  std::string path;   // "mechanism.control"
  std::string value;  // "none"
};

inline constexpr std::size_t kMostPoints = 10'000;

// A value put in place of what the file says, at a path as a sweep has it.
struct Override {
  std::string path;
  ConfigNode value;
};
// "study.scale=0.1": the value as TOML has it, or a text without quotes.
[[nodiscard]] Result<Override> parse_override(std::string_view text);

class ScenarioFile {
 public:
  // Everything is read, every point too: what this returns can be run.
  [[nodiscard]] static Result<ScenarioFile> read(const std::string& path,
                                                 const Catalogue& catalogue,
                                                 std::span<const Area* const> areas,
                                                 std::span<const Override> overrides = {});
  [[nodiscard]] static Result<ScenarioFile> parse(std::string_view text, const std::string& path,
                                                  const Catalogue& catalogue,
                                                  std::span<const Area* const> areas,
                                                  std::span<const Override> overrides = {});

  [[nodiscard]] const Scenario& base() const { return base_; }
  // Cartesian: the last path varies fastest. One at a time: first the scenario as it stands, then
  // each value of each path, all else as it stands. Together: all first values, all second ones,
  // ...
  [[nodiscard]] std::span<const Point> points() const { return points_; }
  [[nodiscard]] const Scenario& at(const Point& point) const { return scenarios_[point.number]; }
  // Nothing where study.against names none.
  [[nodiscard]] const std::optional<Baseline>& against() const { return against_; }

 private:
  static Result<ScenarioFile> from(ConfigNode root, const Catalogue& catalogue,
                                   std::span<const Area* const> areas,
                                   std::span<const Override> overrides);

  Scenario base_;
  std::vector<Point> points_;
  std::vector<Scenario> scenarios_;  // by point
  std::optional<Baseline> against_;
};

// 64 bits of all that its points say: two files with one digest are the same study.
[[nodiscard]] std::uint64_t digest_of(const ScenarioFile& file);

}  // namespace brim::study
