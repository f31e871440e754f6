// SPDX-License-Identifier: Apache-2.0
#include "study/scenario.h"

#include <type_traits>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace brim::study {
namespace {

// FNV-1a (Fowler, Noll, Vo), of texts apart.
class Digest {
 public:
  void add(std::string_view text) {
    for (const char c : text) take(static_cast<unsigned char>(c));
    take(0);
  }
  void add(const Value& value) {
    std::visit(
        [this](const auto& one) {
          using Type = std::decay_t<decltype(one)>;
          if constexpr (std::is_same_v<Type, Bytes> ||
                        std::is_same_v<Type, std::chrono::nanoseconds>)
            add(fmt::format("{}", one.count()));
          else
            add(fmt::format("{}", one));
        },
        value);
  }
  void add(const Settings& settings) {
    for (const Parameter& parameter : settings.parameters()) {
      add(parameter.key);
      add(settings.at(parameter.key));
    }
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  void take(unsigned char byte) { value_ = (value_ ^ byte) * 0x100000001b3ULL; }

  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

void add_scenario(Digest& digest, const Scenario& scenario) {
  digest.add(scenario.area->name);
  for (const Settings* settings : {&scenario.study, &scenario.schedule, &scenario.hardware})
    digest.add(*settings);
  digest.add(scenario.mechanism.family);
  digest.add(scenario.mechanism.settings);
  for (const GuestGroup& group : scenario.guests) {
    digest.add(group.load);
    digest.add(fmt::format("{}", group.count));
    digest.add(group.settings);
  }
  for (const Load& load : scenario.loads) {
    digest.add(load.name);
    digest.add(load.family);
    digest.add(load.settings);
  }
}

}  // namespace

std::uint64_t digest_of(const ScenarioFile& file) {
  Digest digest;
  for (const Point& point : file.points()) add_scenario(digest, file.at(point));
  return digest.value();
}

}  // namespace brim::study
