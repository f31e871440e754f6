// SPDX-License-Identifier: Apache-2.0
#include "share/measure/guest_fit.h"

#include "base/json_text.h"
#include "base/printable.h"
#include "base/units.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace brim::share {
namespace {

using nlohmann::json;

std::uint64_t whole(double value) {
  return static_cast<std::uint64_t>(std::llround(std::max(0.0, value)));
}

GuestFit fitted(const json& scan, const json& result) {
  GuestFit fit;
  for (const json& subject : result.at("subjects")) fit.subjects.push_back(subject.at("name"));
  const json& potential = result.at("potential");
  const auto total = [&](const char* key) { return potential.at(key).get<double>(); };
  double unread = 0;
  for (const auto& [why, pages] : result.at("unread_pages").items()) unread += pages.get<double>();
  const auto guests = static_cast<double>(std::max<std::size_t>(1, fit.subjects.size()));
  const double used = total("used_pages") / guests;
  const double distinct = (total("used_pages") - total("intra_saving_pages")) / guests;
  // k contents that all have save k (guests - 1) pages.
  const double common = guests > 1 ? total("inter_saving_pages") / (guests - 1) : 0;
  fit.zero = whole(total("zero_pages") / guests);
  fit.common = whole(common);
  fit.own = whole(distinct - common);
  fit.copies = whole(used - distinct);
  fit.memory = std::max(whole((total("zero_pages") + total("used_pages") + unread) / guests),
                        fit.zero + fit.common + fit.own + fit.copies);
  fit.estimated = !scan.at("sampling").is_null();
  return fit;
}

// A TOML string: JSON's escapes are among TOML's.
std::string quoted(const std::string& text) { return json_line(json(printable(text))); }

std::string names_of(const std::vector<std::string>& subjects) {
  constexpr std::size_t kMost = 4;
  const std::size_t named = std::min(kMost, subjects.size());
  std::string names = fmt::format(
      "{}",
      fmt::join(subjects.begin(), subjects.begin() + static_cast<std::ptrdiff_t>(named), ", "));
  if (subjects.size() > named) names += fmt::format(" and {} more", subjects.size() - named);
  return names;
}

void add_size(std::string& entry, const char* key, std::uint64_t pages) {
  if (pages > 0) entry += fmt::format("{} = \"{}KiB\"\n", key, pages * kPageSize / 1024);
}

// The contents themselves, and copies of them.
void add_class(std::string& entry, const std::string& name, std::uint64_t contents,
               std::uint64_t copies) {
  add_size(entry, (name + "_size").c_str(), contents + copies);
  if (copies > 0) add_size(entry, (name + "_distinct").c_str(), contents);
}

}  // namespace

Result<GuestFit> fit_guest(const json& scan) {
  try {
    if (scan.at("partial").get<bool>())
      return fail(ErrorCode::bad_input, "the scan was cut short: its figures are of a part");
    for (const json& result : scan.at("results"))
      if (result.at("page_size_bytes") == kPageSize) return fitted(scan, result);
  } catch (const json::exception& error) {
    return fail(ErrorCode::bad_input,
                fmt::format("not the result of a share scan: {}", error.what()));
  }
  return fail(ErrorCode::bad_input, "the scan compared no pages of 4 KiB");
}

Result<std::string> guest_entry(const GuestFit& fit, const std::string& name,
                                const std::string& source) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
  });
  if (name.empty() || !plain)
    return fail(ErrorCode::bad_input, "an entry's name is letters, digits, - and _", name);
  const std::size_t guests = fit.subjects.size();
  std::string entry = fmt::format(
      "# {} of these have the potential sharing of the scan. All are alike, the mean of its\n"
      "# subjects. Assumed, as a scan does not tell it: that what several have, all have\n"
      "# (page_cache), and the rest each alone (heap); that copies inside a guest spread evenly "
      "over\n"
      "# its own contents; that nothing is written (heap_writes, heap_written change that).\n"
      "[guest.{}]\narea = \"share\"\n",
      guests, name);
  entry += fmt::format("summary = {}\n",
                       quoted(fmt::format("The mean of {}: {}", guests, names_of(fit.subjects))));
  entry += fmt::format("source = {}\n",
                       quoted(fmt::format("fitted to {}{}; classes and writes are assumed", source,
                                          fit.estimated ? ", which estimated by sampling" : "")));
  entry += fmt::format("family = \"{}\"\nversion = \"scan\"\n", name);
  add_size(entry, "memory", fit.memory);
  add_size(entry, "zero_size", fit.zero);
  // Copies need a content to be of.
  add_class(entry, "page_cache", fit.common, fit.own > 0 ? 0 : fit.copies);
  add_class(entry, "heap", fit.own, fit.own > 0 ? fit.copies : 0);
  return entry;
}

}  // namespace brim::share
