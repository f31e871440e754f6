// SPDX-License-Identifier: Apache-2.0
// The report's first screen in words, and the readers of scan_view.h.
#include "base/json_text.h"
#include "base/text.h"
#include "base/units.h"
#include "share/measure/scan_view.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::share {

using nlohmann::json;
using report::Cell;

double number(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : json_line(value);
}

Cell cell(const json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  if (found->is_string()) return Cell(found->get<std::string>());
  if (found->is_boolean()) return Cell(found->get<bool>());
  Cell out =
      found->is_number_unsigned() ? Cell(found->get<std::uint64_t>()) : Cell(found->get<double>());
  const auto interval = object.find(key + "_interval");
  if (interval != object.end() && interval->is_array() && interval->size() == 2)
    out.interval = Interval{(*interval)[0].get<double>(), (*interval)[1].get<double>()};
  return out;
}

std::string amount(double pages, double page_bytes) {
  return human_bytes(Bytes(static_cast<std::uint64_t>(std::max(0.0, pages) * page_bytes)));
}

std::string percent_of(double part, double whole) {
  return whole > 0 ? fmt::format("{:.1f} %", 100 * part / whole) : std::string("none");
}

std::string View::amount(double pages) const { return share::amount(pages, page_bytes); }

namespace {

std::string plural(std::size_t n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

}  // namespace

std::string subjects_phrase(const json& subjects) {
  std::size_t vms = 0;
  std::size_t processes = 0;
  std::size_t images = 0;
  for (const json& subject : subjects) {
    const std::string kind = subject.at("kind");
    vms += kind == "vm" ? 1 : 0;
    processes += kind == "process" ? 1 : 0;
    images += kind == "image" ? 1 : 0;
  }
  std::vector<std::string> parts;
  if (vms > 0) parts.push_back(plural(vms, "VM", "VMs"));
  if (processes > 0) parts.push_back(plural(processes, "process", "processes"));
  if (images > 0) parts.push_back(plural(images, "image", "images"));
  return fmt::format("{}", fmt::join(parts, ", "));
}

namespace {

std::string potential_line(const View& view) {
  const double used = number(view.potential, "used_pages");
  const double intra = number(view.potential, "intra_saving_pages");
  const double inter = number(view.potential, "inter_saving_pages");
  if (used == 0 && view.scan.at("partial").get<bool>())
    return "Interrupted before a non-zero page was read: nothing can be said.";
  if (used == 0) return "No non-zero page could be read: there is nothing to share.";
  return fmt::format(
      "Identical pages hold {} that one copy each would free: {} of the {} in use ({} inside a "
      "subject, {} between subjects).",
      view.amount(view.saving), percent_of(view.saving, used), view.amount(used),
      view.amount(intra), view.amount(inter));
}

}  // namespace

std::string real_line(const View& view) {
  const json& real = view.scan.at("real");
  if (real.is_null()) {
    const json& why = view.scan.at("real_unavailable_because");
    return fmt::format("What is really shared now is not told here: {}.",
                       why.is_string() ? why.get<std::string>() : std::string("no reason given"));
  }
  const double saved = number(real, "saved_pages");
  const double by_ksm = number(real, "ksm_saved_pages");
  return fmt::format("Shared now: {} of that potential ({}); KSM gives back {}.",
                     amount(saved, static_cast<double>(kPageSize)),
                     percent_of(saved, saved + number(view.scan.at("unrealized"), "pages")),
                     amount(by_ksm, static_cast<double>(kPageSize)));
}

namespace {

// The largest cause and what would free it; nothing if all is realized.
std::vector<std::string> cause_lines(const View& view) {
  const json& unrealized = view.scan.at("unrealized");
  if (unrealized.is_null() || number(unrealized, "pages") == 0) return {};
  std::vector<json> causes = unrealized.at("causes").get<std::vector<json>>();
  std::stable_sort(causes.begin(), causes.end(), [](const json& a, const json& b) {
    return number(a, "pages") > number(b, "pages");
  });
  const double total = number(unrealized, "pages");
  std::vector<std::string> lines;
  std::string line = fmt::format("Not shared: {}", amount(total, static_cast<double>(kPageSize)));
  std::vector<std::string> parts;
  for (const json& cause : causes) {
    if (number(cause, "pages") <= 0 || parts.size() == 3) break;
    parts.push_back(fmt::format("{} {}", cause.at("cause").get<std::string>(),
                                percent_of(number(cause, "pages"), total)));
  }
  lines.push_back(fmt::format("{} ({}).", line, fmt::join(parts, ", ")));
  lines.push_back(
      fmt::format("To free most of it: {}", causes.front().at("action").get<std::string>()));
  return lines;
}

std::vector<std::string> beyond_line(const View& view) {
  const json& beyond = view.scan.at("beyond");
  if (beyond.is_null()) return {};
  const auto page = static_cast<double>(kPageSize);
  const char* const estimated = beyond.at("sampled").get<bool>() ? " (estimated)" : "";
  if (beyond.at("patch_saving_pages").is_null())
    return {fmt::format("Beyond identity{}: zstd would save {} more, lz4 {}.", estimated,
                        amount(number(beyond, "zstd_saving_pages"), page),
                        amount(number(beyond, "lz4_saving_pages"), page))};
  return {
      fmt::format("Beyond identity{}: patching near-identical pages would save {} more, zstd alone "
                  "{}, patching then zstd {}.",
                  estimated, amount(number(beyond, "patch_saving_pages"), page),
                  amount(number(beyond, "zstd_saving_pages"), page),
                  amount(number(beyond, "patch_then_zstd_saving_pages"), page))};
}

std::string reading_line(const View& view) {
  const json& cost = view.scan.at("cost");
  const json& unread = view.first.at("unread_pages");
  return fmt::format(
      "{}: {} read in {:.1f} s; {} of zero pages, apart; not read: {} swapped, {} untouched, {} "
      "denied.",
      subjects_phrase(view.first.at("subjects")),
      human_bytes(Bytes(cost.at("bytes_read").get<std::uint64_t>())), number(cost, "seconds"),
      view.amount(number(view.potential, "zero_pages")), view.amount(number(unread, "swapped")),
      view.amount(number(unread, "absent")), view.amount(number(unread, "denied")));
}

}  // namespace

std::vector<std::string> answer(const View& view) {
  std::vector<std::string> lines = {potential_line(view)};
  const bool only_images =
      std::all_of(view.first.at("subjects").begin(), view.first.at("subjects").end(),
                  [](const json& subject) { return subject.at("kind") == "image"; });
  if (!only_images) lines.push_back(real_line(view));
  for (std::string& line : cause_lines(view)) lines.push_back(std::move(line));
  for (std::string& line : beyond_line(view)) lines.push_back(std::move(line));
  if (const json& hidden = view.scan.at("hidden_by_huge_pages_percent"); hidden.is_number())
    lines.push_back(fmt::format("2 MiB pages would hide {:.1f} % of the 4 KiB potential.",
                                hidden.get<double>()));
  lines.push_back(reading_line(view));
  return lines;
}

}  // namespace brim::share
