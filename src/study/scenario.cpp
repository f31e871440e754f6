// SPDX-License-Identifier: Apache-2.0
#include "study/scenario.h"

#include "base/text.h"
#include "study/against.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace brim::study {
namespace {

constexpr std::array kStudy = std::to_array<Parameter>({
    {"repeats",
     ParameterType::count,
     "",
     "1",
     "How often each point is run, in turns.",
     {},
     1,
     1e6},
    {"seed", ParameterType::count, "", "1", "Of all randomness: the same seed, the same run."},
    {"scale",
     ParameterType::fraction,
     "",
     "1",
     "Share of the guests' memory that is simulated.",
     {},
     0.0001},
    {"against", ParameterType::text, "", "",
     "A value of the sweep, as in mechanism.control=none: what all others are held against."},
    {"compare", ParameterType::text, "", "",
     "The metrics in which they are, a list, the chief one first; none: those of the area."},
});

constexpr std::array kSchedule = std::to_array<Parameter>({
    {"warm_up", ParameterType::duration, "", "0s", "Before the loads start; not recorded."},
    {"duration", ParameterType::duration, "", "60s", "From the start of the loads."},
    {"sample_interval", ParameterType::duration, "", "5s", "Between two samples."},
});

constexpr std::array<std::string_view, 10> kRootKeys{"area",    "guests",    "hardware", "live",
                                                     "loads",   "mechanism", "schedule", "study",
                                                     "summary", "sweep"};
constexpr std::array<std::string_view, 1> kEntryKey{"entry"};
constexpr std::array<std::string_view, 2> kMechanismKeys{"entry", "policy"};
constexpr std::array<std::string_view, 2> kLoadKeys{"entry", "kind"};
constexpr std::array<std::string_view, 3> kGuestKeys{"entry", "count", "load"};
constexpr Parameter kCount{"count", ParameterType::count, "", "1", "Guests of the group.", {}, 1,
                           1e6};

Error bad(const ConfigNode& node, std::string what) {
  return {ErrorCode::bad_input, std::move(what), node.place()};
}

// Reads one scenario out of its tree.
class Reader {
 public:
  Reader(const ConfigNode& root, const Catalogue& catalogue, std::span<const Area* const> areas)
      : root_(root), catalogue_(catalogue), areas_(areas) {}

  Result<Scenario> read() {
    for (const auto& [key, value] : root_.table()->members)
      if (std::find(kRootKeys.begin(), kRootKeys.end(), key) == kRootKeys.end())
        return fail(unknown_key(value.place(), key,
                                std::vector<std::string>(kRootKeys.begin(), kRootKeys.end())));
    scenario_.name = std::filesystem::path(root_.file).stem().string();
    BRIM_CHECK(read_area());
    BRIM_TRY(scenario_.summary, text_of(root_, "summary"));
    scenario_.study = Settings(study_parameters());
    scenario_.schedule = Settings(schedule_parameters());
    scenario_.live = Settings(scenario_.area->live);
    if (const ConfigNode* node = child("study")) BRIM_CHECK(read_study(*node));
    if (const ConfigNode* node = child("schedule")) BRIM_CHECK(scenario_.schedule.read(*node));
    if (const ConfigNode* node = child("live")) BRIM_CHECK(scenario_.live.read(*node));
    BRIM_CHECK(read_hardware());
    BRIM_CHECK(read_mechanism());
    BRIM_CHECK(read_loads());
    BRIM_CHECK(read_guests());
    return std::move(scenario_);
  }

 private:
  [[nodiscard]] const ConfigNode* child(std::string_view key) const {
    return root_.table()->find(key);
  }

  // "" where there is none.
  static Result<std::string> text_of(const ConfigNode& node, std::string_view key) {
    if (node.table() == nullptr)
      return fail(bad(node, fmt::format("expected a table, not {}", node.kind())));
    const ConfigNode* value = node.table()->find(key);
    if (value == nullptr) return std::string();
    if (value->text() == nullptr)
      return fail(bad(*value, fmt::format("{}: expected a text, not {}", key, value->kind())));
    return *value->text();
  }

  Result<void> read_area() {
    BRIM_TRY(const std::string name, text_of(root_, "area"));
    const ConfigNode* node = child("area");
    if (name.empty())
      return fail(bad(root_, fmt::format("no area; write area = \"{}\"", areas_.front()->name)));
    BRIM_TRY(scenario_.area, find_area(areas_, name, node->place()));
    return {};
  }

  Result<void> read_study(const ConfigNode& node) {
    ConfigNode plain = node;
    auto* const table = std::get_if<ConfigTable>(&plain.value);
    ConfigNode* const compare = table == nullptr ? nullptr : table->find("compare");
    if (compare != nullptr) {
      BRIM_TRY(compare->value, compared_text(*compare));
    }
    return scenario_.study.read(plain);
  }

  // The entry that a table names, if it does.
  Result<const Entry*> entry_of(EntryKind kind, const ConfigNode& node) const {
    BRIM_TRY(const std::string name, text_of(node, "entry"));
    if (name.empty()) return nullptr;
    return catalogue_.find(kind, scenario_.area->name, name, node.table()->find("entry")->place());
  }

  // What the entry says, then what the scenario says itself.
  Result<Settings> settings_of(std::span<const Parameter> parameters, const Entry* entry,
                               const ConfigNode& node,
                               std::span<const std::string_view> other_keys) const {
    Settings settings(parameters);
    if (entry != nullptr) BRIM_CHECK(settings.read(entry->values, kEntryKeys));
    BRIM_CHECK(settings.read(node, other_keys));
    for (const Parameter& one : parameters)
      if (one.type == ParameterType::text && one.least > 0 &&
          trim(settings.get<std::string>(one.key)).empty())
        return fail(bad(node, fmt::format("{}: expected a text, and there is none", one.key)));
    return settings;
  }

  Result<void> read_hardware() {
    scenario_.hardware = Settings(scenario_.area->hardware);
    const ConfigNode* node = child("hardware");
    if (node == nullptr) return {};
    BRIM_TRY(const Entry* entry, entry_of(EntryKind::hardware, *node));
    if (entry != nullptr) scenario_.hardware_entry = entry->name;
    BRIM_TRY(scenario_.hardware, settings_of(scenario_.area->hardware, entry, *node, kEntryKey));
    return {};
  }

  // A member of a family: by its entry's word, or the table's own, which must not differ.
  Result<Choice> read_choice(EntryKind kind, std::span<const Family> families, std::string_view key,
                             const ConfigNode& node,
                             std::span<const std::string_view> other_keys) const {
    BRIM_TRY(const Entry* entry, entry_of(kind, node));
    BRIM_TRY(std::string name, text_of(node, key));
    if (entry != nullptr) {
      BRIM_TRY(const std::string of_entry, text_of(entry->values, key));
      if (!name.empty() && name != of_entry)
        return fail(
            bad(*node.table()->find(key),
                fmt::format("{} '{}' has {} = \"{}\"", name_of(kind), entry->name, key, of_entry)));
      name = of_entry;
    }
    const ConfigNode* at = node.table()->find(key);
    if (name.empty())
      return fail(bad(node, fmt::format("no {} and no entry; write {} = \"{}\"", key, key,
                                        families.front().name)));
    BRIM_TRY(const Family* family,
             find_family(families, name, at != nullptr ? at->place() : node.place()));
    Choice choice{family->name, entry != nullptr ? entry->name : "", {}};
    BRIM_TRY(choice.settings, settings_of(family->parameters, entry, node, other_keys));
    return choice;
  }

  Result<void> read_mechanism() {
    const ConfigNode* node = child("mechanism");
    if (node == nullptr) return fail(bad(root_, "no [mechanism]"));
    BRIM_TRY(scenario_.mechanism, read_choice(EntryKind::mechanism, scenario_.area->mechanisms,
                                              "policy", *node, kMechanismKeys));
    return {};
  }

  Result<void> read_loads() {
    const ConfigNode* node = child("loads");
    if (node == nullptr) return {};
    if (node->table() == nullptr) return fail(bad(*node, "loads are tables: [loads.NAME]"));
    for (const auto& [name, load] : node->table()->members) {
      BRIM_TRY(Choice choice,
               read_choice(EntryKind::load, scenario_.area->loads, "kind", load, kLoadKeys));
      scenario_.loads.push_back(Load{std::move(choice), name});
    }
    return {};
  }

  Result<void> read_guests() {
    const ConfigNode* node = child("guests");
    if (node == nullptr || node->list() == nullptr || node->list()->empty())
      return fail(bad(node != nullptr ? *node : root_, "no guests; write [[guests]]"));
    for (const ConfigNode& group : *node->list()) {
      BRIM_TRY(const Entry* entry, entry_of(EntryKind::guest, group));
      GuestGroup guests;
      if (entry != nullptr) guests.entry = entry->name;
      BRIM_TRY(guests.settings, settings_of(scenario_.area->guests, entry, group, kGuestKeys));
      if (const ConfigNode* count = group.table()->find("count")) {
        BRIM_TRY(const Value value, read_value(kCount, *count));
        guests.count = std::get<std::uint64_t>(value);
      }
      BRIM_TRY(guests.load, text_of(group, "load"));
      if (!guests.load.empty() && scenario_.find_load(guests.load) == nullptr)
        return fail(bad(*group.table()->find("load"), no_such_load(guests.load)));
      scenario_.guests.push_back(std::move(guests));
    }
    return {};
  }

  [[nodiscard]] std::string no_such_load(const std::string& name) const {
    std::vector<std::string> known;
    known.reserve(scenario_.loads.size());
    for (const Load& load : scenario_.loads) known.push_back(load.name);
    const auto near = nearest_word(name, known);
    return fmt::format("no [loads.{}] in this file{}", name,
                       near ? fmt::format("; did you mean '{}'?", *near) : "");
  }

  const ConfigNode& root_;
  const Catalogue& catalogue_;
  std::span<const Area* const> areas_;
  Scenario scenario_;
};

struct Axis {
  std::string path;
  const ConfigList* values = nullptr;
};

struct Sweep {
  std::string how = "cartesian";
  std::vector<Axis> axes;
};

constexpr Parameter kHow{
    "how",       ParameterType::choice,       "",
    "cartesian", "Which points a sweep has.", "cartesian,one_at_a_time,together"};
constexpr std::array<std::string_view, 2> kSweepKeys{"how", "over"};

Result<Sweep> read_sweep(const ConfigNode& root) {
  Sweep sweep;
  const ConfigNode* node = root.table()->find("sweep");
  if (node == nullptr) return sweep;
  Settings how(std::span(&kHow, 1));
  BRIM_CHECK(how.read(*node, kSweepKeys));
  sweep.how = how.get<std::string>("how");
  const ConfigNode* over = node->table()->find("over");
  if (over == nullptr) return sweep;
  if (over->table() == nullptr) return fail(bad(*over, "over: expected a table of lists"));
  for (const auto& [path, values] : over->table()->members) {
    if (values.list() == nullptr || values.list()->empty())
      return fail(bad(values, fmt::format("{}: expected a list of values; a path with dots is "
                                          "written in quotes",
                                          path)));
    if (path.starts_with("sweep")) return fail(bad(values, "a sweep can't vary itself"));
    sweep.axes.push_back({path, values.list()});
    const std::size_t first = sweep.axes.front().values->size();
    if (sweep.how == "together" && values.list()->size() != first)
      return fail(
          bad(values, fmt::format("{}: {} values, where {} has {}: what varies together "
                                  "needs as many of each",
                                  path, values.list()->size(), sweep.axes.front().path, first)));
  }
  return sweep;
}

// A table's members each at their own path, so that what else is said beside them stays.
void add_value(const std::string& path, const ConfigNode& value, Point& point) {
  if (value.table() == nullptr) {
    point.values.emplace_back(path, value);
    return;
  }
  for (const auto& [key, member] : value.table()->members)
    add_value(fmt::format("{}.{}", path, key), member, point);
}

std::vector<Point> one_at_a_time(const Sweep& sweep) {
  std::vector<Point> points(1);
  for (const Axis& axis : sweep.axes)
    for (const ConfigNode& value : *axis.values) add_value(axis.path, value, points.emplace_back());
  return points;
}

std::vector<Point> cartesian(const Sweep& sweep) {
  std::vector<Point> points(1);
  for (const Axis& axis : sweep.axes) {
    std::vector<Point> longer;
    for (const Point& point : points) {
      for (const ConfigNode& value : *axis.values) {
        longer.push_back(point);
        add_value(axis.path, value, longer.back());
      }
    }
    points = std::move(longer);
    if (points.size() > kMostPoints) break;
  }
  return points;
}

std::vector<Point> together(const Sweep& sweep) {
  if (sweep.axes.empty()) return std::vector<Point>(1);
  std::vector<Point> points(sweep.axes.front().values->size());
  for (const Axis& axis : sweep.axes)
    for (std::size_t i = 0; i < points.size(); ++i)
      add_value(axis.path, (*axis.values)[i], points[i]);
  return points;
}

Result<std::vector<Point>> points_of(const ConfigNode& root) {
  BRIM_TRY(const Sweep sweep, read_sweep(root));
  std::vector<Point> points = sweep.how == "together"        ? together(sweep)
                              : sweep.how == "one_at_a_time" ? one_at_a_time(sweep)
                                                             : cartesian(sweep);
  if (points.size() > kMostPoints)
    return fail(bad(*root.table()->find("sweep"), fmt::format("more than {} points", kMostPoints)));
  for (std::size_t i = 0; i < points.size(); ++i) points[i].number = static_cast<std::uint32_t>(i);
  return points;
}

// As the file has it.
std::string words_of(const ConfigNode& node) {
  struct Words {
    std::string operator()(bool on) const { return on ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(const ConfigList& /*list*/) const { return "list"; }
    std::string operator()(const ConfigTable& /*table*/) const { return "table"; }
  };
  return std::visit(Words{}, node.value);
}

// "mechanism.control=none" of a sweep that has it.
Result<std::optional<Baseline>> baseline_of(const ConfigNode& root, const Scenario& base,
                                            std::span<const Point> points) {
  const auto& text = base.study.get<std::string>("against");
  if (text.empty()) return std::nullopt;
  const ConfigNode& node = *root.table()->find("study")->table()->find("against");
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    return fail(bad(node, "against: expected PATH=VALUE, as in mechanism.control=none"));
  Baseline baseline{text.substr(0, equals), text.substr(equals + 1)};
  std::vector<std::string> paths;
  std::vector<std::string> values;
  for (const Point& point : points)
    for (const auto& [path, value] : point.values) {
      add_once(paths, path);
      if (path == baseline.path) add_once(values, words_of(value));
    }
  if (values.empty())
    return fail(bad(node, fmt::format("against: '{}' is not varied; expected one of {}",
                                      baseline.path, fmt::join(paths, ", "))));
  if (std::ranges::find(values, baseline.value) == values.end())
    return fail(bad(node, fmt::format("against: {} is never '{}'; expected one of {}",
                                      baseline.path, baseline.value, fmt::join(values, ", "))));
  return baseline;
}

}  // namespace

std::span<const Parameter> study_parameters() { return kStudy; }
std::span<const Parameter> schedule_parameters() { return kSchedule; }

const Load* Scenario::find_load(std::string_view wanted) const {
  const auto found = std::find_if(loads.begin(), loads.end(),
                                  [wanted](const Load& load) { return load.name == wanted; });
  return found == loads.end() ? nullptr : &*found;
}

std::optional<std::string> Point::words_at(std::string_view path) const {
  const auto found = std::ranges::find(values, path, &std::pair<std::string, ConfigNode>::first);
  return found == values.end() ? std::nullopt : std::optional(words_of(found->second));
}

std::string Point::label() const {
  std::vector<std::string> parts;
  parts.reserve(values.size());
  for (const auto& [path, value] : values)
    parts.push_back(fmt::format("{}={}", path, words_of(value)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

Result<Override> parse_override(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string where = fmt::format("--set {}", text);
  if (equals == std::string_view::npos || equals == 0)
    return fail(ErrorCode::bad_input, "expected PATH=VALUE, as in study.scale=0.1", where);
  const std::string_view typed = text.substr(equals + 1);
  auto parsed = parse_config(fmt::format("value = {}", typed), where);
  if (!parsed) parsed = parse_config(fmt::format("value = '{}'", typed), where);
  if (!parsed) return fail(std::move(parsed).error());
  const ConfigNode* value = parsed->table()->find("value");
  BRIM_ASSERT(value != nullptr);
  return Override{std::string(text.substr(0, equals)), *value};
}

Result<ScenarioFile> ScenarioFile::read(const std::string& path, const Catalogue& catalogue,
                                        std::span<const Area* const> areas,
                                        std::span<const Override> overrides) {
  BRIM_TRY(ConfigNode root, read_config(path));
  return from(std::move(root), catalogue, areas, overrides);
}

Result<ScenarioFile> ScenarioFile::parse(std::string_view text, const std::string& path,
                                         const Catalogue& catalogue,
                                         std::span<const Area* const> areas,
                                         std::span<const Override> overrides) {
  BRIM_TRY(ConfigNode root, parse_config(text, path));
  return from(std::move(root), catalogue, areas, overrides);
}

Result<ScenarioFile> ScenarioFile::from(ConfigNode root, const Catalogue& catalogue,
                                        std::span<const Area* const> areas,
                                        std::span<const Override> overrides) {
  BRIM_ASSERT(!areas.empty());
  for (const Override& one : overrides) BRIM_CHECK(set_at(root, one.path, one.value));
  ScenarioFile file;
  BRIM_TRY(file.base_, Reader(root, catalogue, areas).read());
  BRIM_TRY(file.points_, points_of(root));
  for (const Point& point : file.points_) {
    ConfigNode varied = root;
    for (const auto& [path, value] : point.values) BRIM_CHECK(set_at(varied, path, value));
    BRIM_TRY(file.scenarios_.emplace_back(), Reader(varied, catalogue, areas).read());
  }
  BRIM_TRY(file.against_, baseline_of(root, file.base_, file.points_));
  return file;
}

}  // namespace brim::study
