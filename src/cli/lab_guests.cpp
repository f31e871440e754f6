// SPDX-License-Identifier: Apache-2.0
#include "cli/lab_guests.h"

#include "base/printable.h"
#include "host/process.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace brim::cli {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr auto kLongestBoot = seconds(600);  // many emulated guests on few processors are slow
constexpr auto kLongestAnswer = seconds(30);

std::string state_of(const nlohmann::json& load) {
  if (load.value("running", false) && !load.value("filled", false)) return "preparing";
  std::string ended = load.value("ended", std::string());
  if (!ended.empty()) return ended;
  const auto work = load.value("work", std::uint64_t{0});
  return fmt::format("{} cycles{}", load.value("cycles", std::uint64_t{0}),
                     work > 0 ? fmt::format(", {} done", work) : "");
}

}  // namespace

double LabGuests::seconds_since_start() const {
  return std::chrono::duration<double>(steady_clock::now() - started_).count();
}

Result<LabGuests> LabGuests::start(const host::Host& host, const lab::GuestOptions& options,
                                   unsigned count) {
  LabGuests guests(host);
  guests.members_.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    lab::GuestOptions one = options;
    one.name = fmt::format("brim-lab-{}", i);
    BRIM_TRY(lab::Guest guest, lab::Guest::start(host, one));
    const int pid = guest.pid();
    guests.members_.push_back(
        {one.name, std::move(guest), pid, "", 0, true, 0, nlohmann::json::object()});
  }
  return guests;
}

// A second at a time, so that Ctrl-C is heard.
Result<void> LabGuests::wait_for(Member& member, const Cancel& cancel) const {
  const auto deadline = steady_clock::now() + kLongestBoot;
  for (;;) {
    const auto hello = member.guest.wait_ready(seconds(1));
    if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped before all were ready");
    if (hello) {
      member.kernel = hello->value("kernel", std::string());
      member.ready_seconds = seconds_since_start();
      for (const nlohmann::json& problem : hello->value("problems", nlohmann::json::array()))
        fmt::print(stderr, "brim: {}: {}\n", member.name, printable(problem.get<std::string>()));
      return {};
    }
    if (!member.guest.running() || steady_clock::now() > deadline) return fail(hello.error());
  }
}

Result<void> LabGuests::wait_ready(const lab::Load& load, const Cancel& cancel) {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    BRIM_CHECK(wait_for(member, cancel));
    lab::Load own = load;
    own.machine = load.machine + i;
    BRIM_TRY(member.load,
             member.guest.command({{"command", "load start"}, {"load", lab::format_load(own)}},
                                  kLongestAnswer));
    fmt::print(stderr, "brim: {} is ready after {:.1f} s: Linux {}, pid {}\n", member.name,
               member.ready_seconds, printable(member.kernel), member.pid);
  }
  return {};
}

void LabGuests::look() {
  for (Member& member : members_) {
    if (!member.running) continue;
    if (const auto process = host::Process::open(*host_, member.pid)) {
      const auto memory = process->smaps_rollup();
      if (memory) member.resident_bytes = memory->rss_bytes;
    }
    auto state = member.guest.command({{"command", "load status"}}, kLongestAnswer);
    if (state)
      member.load = std::move(*state);
    else
      member.running = member.guest.running();
  }
}

std::string LabGuests::state_line() const {
  std::string line;
  for (const Member& member : members_)
    line += fmt::format("{}{}: {}", line.empty() ? "" : "; ", member.name,
                        member.running ? state_of(member.load) : "QEMU ended");
  return line;
}

bool LabGuests::failed(const Member& member) {
  return !member.running || member.load.value("failed", false);
}

bool LabGuests::any_failed() const { return std::any_of(members_.begin(), members_.end(), failed); }

nlohmann::json LabGuests::member_json(const Member& member) {
  return {{"name", member.name},
          {"pid", member.pid},
          {"kernel", member.kernel},
          {"ready_seconds", member.ready_seconds},
          {"running", member.running},
          {"resident_bytes", member.resident_bytes},
          {"load",
           {{"running", member.load.value("running", false)},
            {"failed", member.load.value("failed", false)},
            {"filled", member.load.value("filled", false)},
            {"cycles", member.load.value("cycles", std::uint64_t{0})},
            {"writes", member.load.value("writes", std::uint64_t{0})},
            {"work", member.load.value("work", std::uint64_t{0})},
            {"ended", member.load.value("ended", std::string())}}}};
}

report::Document LabGuests::document(const lab::GuestOptions& options,
                                     const lab::Load& load) const {
  using report::Cell;
  using report::Unit;
  report::Document document;
  document.title = "Guests and what they did";
  document.json = {{"schema", "brim.lab_start/1"},
                   {"accelerator", lab::name_of(options.accelerator)},
                   {"memory_bytes", options.memory.count()},
                   {"load", lab::format_load(load)},
                   {"elapsed_seconds", seconds_since_start()},
                   {"guests", nlohmann::json::array()}};
  report::Table table{"guests",
                      "Guests",
                      "",
                      {{"name", "guest", Unit::none},
                       {"pid", "pid", Unit::none},
                       {"kernel", "Linux", Unit::none},
                       {"ready_seconds", "ready after", Unit::seconds},
                       {"resident_bytes", "QEMU's memory", Unit::bytes},
                       {"state", "load", Unit::none}},
                      {}};
  for (const Member& member : members_) {
    document.json["guests"].push_back(member_json(member));
    table.rows.push_back(
        {Cell(member.name), Cell(static_cast<std::uint64_t>(member.pid)), Cell(member.kernel),
         Cell(member.ready_seconds), Cell(member.resident_bytes),
         Cell(member.running ? state_of(member.load) : std::string("QEMU ended"))});
  }
  const auto failures = std::count_if(members_.begin(), members_.end(), failed);
  document.answer.push_back(fmt::format("{} guests ran for {:.0f} s; {} failed.", members_.size(),
                                        seconds_since_start(), failures));
  document.sections.push_back({"guests", "Guests", {}, {std::move(table)}, {}, false});
  return document;
}

void LabGuests::end() {
  for (Member& member : members_) static_cast<void>(member.guest.quit(seconds(20)));
}

}  // namespace brim::cli
