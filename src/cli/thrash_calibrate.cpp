// SPDX-License-Identifier: Apache-2.0
#include "cli/thrash_calibrate.h"

#include "base/printable.h"
#include "base/progress.h"
#include "base/stats.h"
#include "cli/interrupt.h"
#include "cli/session.h"
#include "cli/state.h"
#include "host/system.h"
#include "thrash/live/calibrate.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

using report::Cell;
using report::Document;
using report::Section;
using report::Table;
using report::Unit;
using thrash::live::FigureUnit;
using thrash::live::MeasuredFigure;

struct ThrashCalibrateText {
  std::string folder = "/var/tmp";
  std::string name = "this-machine";
  std::string entry;
  bool no_zram = false;
  Output output;
};

struct Measured {
  thrash::live::DiskFigures disk;
  thrash::live::ZramFigures zram;
  std::vector<MeasuredFigure> memory;

  // In the order of an entry.
  [[nodiscard]] std::vector<const MeasuredFigure*> figures() const {
    std::vector<const MeasuredFigure*> all;
    for (const auto* some : {&memory, &disk.figures, &zram.figures})
      for (const MeasuredFigure& figure : *some) all.push_back(&figure);
    return all;
  }
};

// What is no key of the hardware, but of a mechanism.
bool of_mechanism(const MeasuredFigure& figure) {
  return figure.key == "minor_fault" || figure.key == "swap_request";
}

double median(const std::vector<double>& values) { return percentile(values, 50); }

std::string_view name_of_unit(FigureUnit unit) {
  switch (unit) {
    case FigureUnit::nanoseconds:
      return "nanoseconds";
    case FigureUnit::bytes_per_s:
      return "bytes_per_s";
    case FigureUnit::requests:
      return "requests";
    case FigureUnit::share:
      break;
  }
  return "share";
}

// As people read it.
std::string words_of(double value, FigureUnit unit) {
  constexpr double kLongNanoseconds = 10'000;
  switch (unit) {
    case FigureUnit::nanoseconds:
      return value < kLongNanoseconds ? fmt::format("{:.0f} ns", value)
                                      : fmt::format("{:.1f} us", value / 1e3);
    case FigureUnit::bytes_per_s:
      return fmt::format("{:.0f} MB/s", value / 1e6);
    case FigureUnit::requests:
      return fmt::format("{:.0f}", value);
    case FigureUnit::share:
      break;
  }
  return fmt::format("{:.2f} %", 100 * value);
}

// As TOML has it.
std::string value_in_entry(const MeasuredFigure& figure) {
  const double value = median(figure.values);
  switch (figure.unit) {
    case FigureUnit::nanoseconds:
      return fmt::format("\"{}ns\"", std::llround(value));
    case FigureUnit::bytes_per_s:
      return fmt::format("\"{}B\"", std::llround(value));
    case FigureUnit::requests:
      return fmt::format("{}", std::llround(value));
    case FigureUnit::share:
      break;
  }
  return fmt::format("{:.4f}", std::clamp(value, 0.0, 1.0));
}

// JSON's quotes and escapes are TOML's, too.
std::string toml_text(const std::string& text) { return nlohmann::json(printable(text)).dump(); }

std::string entry_of_machine(const ThrashCalibrateText& typed, const host::Context& context,
                             const Measured& measured) {
  std::string text = fmt::format(
      "[hardware.{}]\narea = \"thrash\"\nsummary = {}\nsource = {}\nmemory = \"{}MiB\"\n"
      "processors = {}\n",
      typed.name,
      toml_text(fmt::format("{}, {} processors", context.cpu_model, context.processors)),
      toml_text(fmt::format("measured by brim thrash calibrate: medians, on Linux {}, on a file in "
                            "{}; keys that are missing have brim's assumed values",
                            context.kernel, typed.folder)),
      context.memory_bytes >> 20, context.processors);
  if (!measured.disk.requests.empty()) text += "swap = \"flash\"\n";
  for (const MeasuredFigure* figure : measured.figures())
    if (!figure->values.empty())
      text += fmt::format("{}{} = {}\n", of_mechanism(*figure) ? "# of [mechanism]: " : "",
                          figure->key, value_in_entry(*figure));
  return text;
}

nlohmann::json spread_json(const std::vector<double>& values) {
  nlohmann::json json = {{"n", values.size()}, {"median", nullptr}, {"quartiles", nullptr}};
  if (values.empty()) return json;
  json["median"] = median(values);
  json["quartiles"] = {percentile(values, 25), percentile(values, 75)};
  return json;
}

nlohmann::json measured_json(const Measured& measured) {
  nlohmann::json json = {{"figures", nlohmann::json::array()},
                         {"requests", nlohmann::json::array()},
                         {"depths", nlohmann::json::array()},
                         {"contents", nlohmann::json::array()}};
  for (const MeasuredFigure* figure : measured.figures()) {
    nlohmann::json one = spread_json(figure->values);
    one["key"] = figure->key;
    one["of"] = of_mechanism(*figure) ? "mechanism" : "hardware";
    one["how"] = figure->how;
    one["unit"] = name_of_unit(figure->unit);
    one["reason"] = figure->reason;
    json["figures"].push_back(std::move(one));
  }
  for (const auto& request : measured.disk.requests)
    json["requests"].push_back({{"kind", request.write ? "write" : "read"},
                                {"pages", request.pages},
                                {"ns", spread_json(request.ns)},
                                {"modelled_ns", request.modelled_ns}});
  for (const auto& depth : measured.disk.depths)
    json["depths"].push_back({{"requests", depth.requests},
                              {"pages_per_s", spread_json(depth.pages_per_s)},
                              {"modelled_pages_per_s", depth.modelled_pages_per_s}});
  for (const auto& content : measured.zram.contents)
    json["contents"].push_back({{"writes", content.writes},
                                {"compress_ns", spread_json(content.compress_ns)},
                                {"decompress_ns", spread_json(content.decompress_ns)},
                                {"compressed_share", content.compressed_share}});
  return json;
}

Cell time_cell(double ns) { return Cell(words_of(ns, FigureUnit::nanoseconds)); }

Table figures_table(const Measured& measured) {
  Table table{"figures",
              "Figures",
              "",
              {{"key", "figure", Unit::none},
               {"median", "median", Unit::none},
               {"quartiles", "quartiles", Unit::none},
               {"n", "n", Unit::none},
               {"how", "how", Unit::none}},
              {}};
  for (const MeasuredFigure* figure : measured.figures()) {
    const auto& values = figure->values;
    if (values.empty()) continue;
    table.rows.push_back(
        {Cell(std::string(figure->key)), Cell(words_of(median(values), figure->unit)),
         Cell(fmt::format("{} to {}", words_of(percentile(values, 25), figure->unit),
                          words_of(percentile(values, 75), figure->unit))),
         Cell(std::uint64_t{values.size()}), Cell(std::string(figure->how))});
  }
  return table;
}

Table requests_table(const Measured& measured) {
  Table table{"requests",
              "A request alone",
              "Reads and writes of one page are what the latencies are from; those of 32 pages are "
              "not.",
              {{"request", "request", Unit::none},
               {"median", "here, median", Unit::none},
               {"model", "by the entry", Unit::none}},
              {}};
  for (const auto& one : measured.disk.requests)
    table.rows.push_back({Cell(fmt::format("{} of {} KiB", one.write ? "write" : "read",
                                           one.pages * (kPageSize >> 10))),
                          time_cell(median(one.ns)), time_cell(one.modelled_ns)});
  return table;
}

Table depths_table(const Measured& measured) {
  Table table{"depths",
              "Random reads of 4 KiB",
              "",
              {{"requests", "at a time", Unit::none},
               {"pages_per_s", "here, pages/s", Unit::count},
               {"modelled", "by the entry", Unit::count}},
              {}};
  for (const auto& one : measured.disk.depths)
    table.rows.push_back({Cell(std::uint64_t{one.requests}),
                          Cell(std::round(median(one.pages_per_s))),
                          Cell(std::round(one.modelled_pages_per_s))});
  return table;
}

Table contents_table(const Measured& measured) {
  Table table{"contents",
              "Pages in zram",
              fmt::format("By bytes written to a page of zeros; the entry has those of {}.",
                          thrash::live::kWritesOfEntry),
              {{"writes", "writes", Unit::none},
               {"compress", "compress", Unit::none},
               {"decompress", "decompress", Unit::none},
               {"share", "share", Unit::none}},
              {}};
  for (const auto& one : measured.zram.contents)
    table.rows.push_back({Cell(std::uint64_t{one.writes}), time_cell(median(one.compress_ns)),
                          time_cell(median(one.decompress_ns)),
                          Cell(words_of(one.compressed_share, FigureUnit::share))});
  return table;
}

// A line for each reason, and one for a latency that nothing is left of.
std::vector<std::string> warnings_of(const std::vector<const MeasuredFigure*>& figures) {
  std::vector<std::pair<std::string, std::vector<std::string_view>>> missing;
  std::vector<std::string> warnings;
  for (const MeasuredFigure* figure : figures) {
    if (figure->values.empty()) {
      if (missing.empty() || missing.back().first != figure->reason)
        missing.push_back({figure->reason, {}});
      missing.back().second.push_back(figure->key);
    } else if (figure->key.ends_with("_latency") && median(figure->values) <= 0) {
      warnings.push_back(fmt::format(
          "{} is 0: with so many channels a page's share of the bandwidth takes longer than a "
          "request alone.",
          figure->key));
    }
  }
  for (const auto& [reason, keys] : missing)
    warnings.push_back(fmt::format("Not measured: {}: {}.", fmt::join(keys, ", "), reason));
  return warnings;
}

Document thrash_calibrate_document(const Measured& measured, const std::string& entry,
                                   nlohmann::json host) {
  const auto figures = measured.figures();
  Document document;
  document.title = "What a page takes here: disk, compressed memory, memory";
  document.json = measured_json(measured);
  document.json["schema"] = "brim.thrash_calibrate/1";
  document.json["host"] = std::move(host);
  document.json["entry"] = entry;
  document.warnings = warnings_of(figures);
  document.answer.push_back(fmt::format(
      "{} of {} figures measured.",
      std::ranges::count_if(figures, [](const auto* one) { return !one->values.empty(); }),
      figures.size()));
  document.sections.push_back(
      Section{"figures", "Figures", {}, {figures_table(measured)}, {}, false});
  Section beside{"beside", "Beside the model", {}, {}, {}, false};
  if (!measured.disk.requests.empty())
    beside.tables = {requests_table(measured), depths_table(measured)};
  if (!measured.zram.contents.empty()) beside.tables.push_back(contents_table(measured));
  if (!beside.tables.empty()) document.sections.push_back(std::move(beside));
  return document;
}

Result<Measured> measure_machine(const ThrashCalibrateText& typed, const host::Host& host) {
  const StopOnSignal stop;
  const thrash::live::DiskEffort effort;
  Progress progress(
      stderr, "Measuring",
      thrash::live::disk_steps(effort) + thrash::live::kZramSteps + thrash::live::kMemorySteps);
  Measured measured;
  BRIM_TRY(measured.memory, thrash::live::measure_memory(progress, stop.cancel()));
  BRIM_TRY(measured.disk,
           thrash::live::measure_disk(typed.folder, effort, progress, stop.cancel()));
  const auto records = swap_records_directory(host);
  if (typed.no_zram) {
    measured.zram = thrash::live::without_zram("--no-zram");
  } else if (!records) {
    measured.zram = thrash::live::without_zram(error_line(records.error()));
  } else {
    BRIM_TRY(measured.zram, thrash::live::measure_zram(host, *records, progress, stop.cancel()));
  }
  return measured;
}

Result<void> check_typed(const ThrashCalibrateText& typed) {
  BRIM_CHECK(check_output(typed.output));
  const bool plain = std::ranges::all_of(
      typed.name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
  if (typed.name.empty() || !plain)
    return fail(ErrorCode::bad_input, "letters, digits, - and _ only", "--name");
  std::error_code error;
  if (!std::filesystem::is_directory(typed.folder, error))
    return fail(ErrorCode::bad_input, fmt::format("'{}' is no folder", typed.folder), "--folder");
  return {};
}

Result<int> thrash_calibrate(const Session& session, const ThrashCalibrateText& typed) {
  BRIM_CHECK(check_typed(typed));
  BRIM_TRY(const host::Host host, open_host(session));
  if (!host.live()) return fail(ErrorCode::bad_input, "only the live machine can be measured");
  BRIM_TRY(const host::Context context, host::read_context(host));
  BRIM_TRY(const Measured measured, measure_machine(typed, host));
  const std::string entry = entry_of_machine(typed, context, measured);
  BRIM_CHECK(write_document(thrash_calibrate_document(measured, entry, context_json(session.root)),
                            typed.output));
  if (!typed.entry.empty()) BRIM_CHECK(write_text(entry, typed.entry));
  const bool all = std::ranges::all_of(measured.figures(), [&](const auto* figure) {
    return !figure->values.empty() || (typed.no_zram && figure->reason == "--no-zram");
  });
  return all ? 0 : exit_status(ErrorCode::missing);
}

}  // namespace

void add_thrash_calibrate(CLI::App& area, Session& session) {
  CLI::App* command = area.add_subcommand(
      "calibrate",
      "Measure what a page takes on disk and in memory, for the model of this machine");
  auto typed = std::make_shared<ThrashCalibrateText>();
  command
      ->add_option("--folder", typed->folder,
                   "On the disk: a file without a name is read and written there, 256 MiB")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--name", typed->name, "Of the hardware entry")
      ->type_name("NAME")
      ->capture_default_str();
  command
      ->add_option("--entry", typed->entry,
                   "Write it as a hardware entry, for --catalogue of brim run")
      ->type_name("FILE");
  command->add_flag("--no-zram", typed->no_zram, "Only what needs no root");
  add_output_options(*command, typed->output);
  command->footer(
      "Takes up to ten seconds. Nothing thrashes and nothing is swapped; a zram device of brim's\n"
      "own is there for a moment (root). Exit status 3 when something was not measured.\n"
      "Example:\n  sudo brim thrash calibrate --name lab1 --entry lab1.toml");
  command->callback([&session, typed] {
    session.action = [&session, typed] { return thrash_calibrate(session, *typed); };
  });
}

}  // namespace brim::cli
