// SPDX-License-Identifier: Apache-2.0
#include "study/scenario.h"

#include <type_traits>

#include <fmt/format.h>

namespace brim::study {
namespace {

// FNV-1a (Fowler, Noll, Vo), of texts apart.
class Digest {
 public:
  void text(std::string_view characters) {
    for (const char c : characters) take(static_cast<unsigned char>(c));
    take(0);
  }
  void value(const Value& any) {
    std::visit(
        [this](const auto& one) {
          using Held = std::decay_t<decltype(one)>;
          if constexpr (std::is_same_v<Held, Bytes> ||
                        std::is_same_v<Held, std::chrono::nanoseconds>)
            text(fmt::format("{}", one.count()));
          else
            text(fmt::format("{}", one));
        },
        any);
  }
  void settings(const Settings& all) {
    for (const Parameter& parameter : all.parameters()) {
      text(parameter.key);
      value(all.at(parameter.key));
    }
  }
  [[nodiscard]] std::uint64_t bits() const { return bits_; }

 private:
  void take(unsigned char byte) { bits_ = (bits_ ^ byte) * 0x100000001b3ULL; }

  std::uint64_t bits_ = 0xcbf29ce484222325ULL;
};

void add_scenario(Digest& digest, const Scenario& scenario) {
  digest.text(scenario.area->name);
  for (const Settings* settings : {&scenario.study, &scenario.schedule, &scenario.hardware})
    digest.settings(*settings);
  digest.text(scenario.mechanism.family);
  digest.settings(scenario.mechanism.settings);
  for (const GuestGroup& group : scenario.guests) {
    digest.text(group.load);
    digest.text(fmt::format("{}", group.count));
    digest.settings(group.settings);
  }
  for (const Load& load : scenario.loads) {
    digest.text(load.name);
    digest.text(load.family);
    digest.settings(load.settings);
  }
}

}  // namespace

std::uint64_t digest_of(const ScenarioFile& file) {
  Digest digest;
  for (const Point& point : file.points()) add_scenario(digest, file.at(point));
  return digest.bits();
}

}  // namespace brim::study
