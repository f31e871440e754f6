// SPDX-License-Identifier: Apache-2.0
#include "study/point_notes.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::study {
namespace {

using Points = std::vector<const Point*>;

struct Note {
  std::string text;
  Points points;  // that have it
};

std::vector<std::string> values_at(const std::string& path, const Points& points) {
  std::vector<std::string> values;
  for (const Point* point : points) {
    const std::string value = point->words_at(path).value_or("");
    if (std::ranges::find(values, value) == values.end()) values.push_back(value);
  }
  return values;
}

// "hardware.swap=zram, hardware.memory=150MiB or 333MiB"; empty where no value tells them apart.
std::string words_for(const Points& some, const Points& all) {
  std::vector<std::string> words;
  for (const auto& value : all.front()->values) {
    const std::vector<std::string> here = values_at(value.first, some);
    if (here.size() < values_at(value.first, all).size())
      words.push_back(fmt::format("{}={}", value.first, fmt::join(here, " or ")));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

std::vector<std::string> point_notes(const ScenarioFile& scenario, const Backend& backend) {
  std::vector<Note> notes;
  Points all;
  for (const Point& point : scenario.points()) {
    all.push_back(&point);
    for (std::string& text : backend.notes(scenario.at(point))) {
      const auto known = std::ranges::find(notes, text, &Note::text);
      if (known == notes.end())
        notes.push_back({std::move(text), {&point}});
      else if (known->points.back() != &point)
        known->points.push_back(&point);
    }
  }
  std::vector<std::string> lines;
  for (const Note& note : notes) {
    const std::string words = words_for(note.points, all);
    lines.push_back(words.empty() ? note.text : fmt::format("{}: {}", words, note.text));
  }
  return lines;
}

}  // namespace brim::study
