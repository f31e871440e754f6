// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/program_loads.h"

#include "base/text.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace brim::thrash::live {
namespace {

void put_in_place_of(std::string_view word, std::string_view text, std::string& command) {
  for (std::size_t at = command.find(word); at != std::string::npos;
       at = command.find(word, at + text.size()))
    command.replace(at, word.size(), text);
}

}  // namespace

bool is_program(const study::Load& load) { return load.family == "program"; }

Result<lab::ConsumerProgram> program_of_load(const study::Load& load) {
  BRIM_ASSERT(is_program(load));
  const study::Settings& settings = load.settings;
  const std::string where = fmt::format("loads.{}", load.name);
  lab::ConsumerProgram program;
  program.command = settings.get<std::string>("command");
  program.prepare = settings.get<std::string>("prepare");
  program.prepare_within = settings.get<std::chrono::nanoseconds>("prepare_within");
  if (program.prepare_within == std::chrono::nanoseconds(0))
    return fail(ErrorCode::bad_input, "prepare_within is 0: it must be longer", where);
  if (settings.get<Bytes>("memory") == Bytes(0))
    return fail(ErrorCode::bad_input, "memory is 0: expected what one of these programs takes",
                where);
  return program;
}

lab::ConsumerProgram program_of_consumer(const lab::ConsumerProgram& program, std::size_t number,
                                         const std::string& folder) {
  lab::ConsumerProgram own = program;
  own.folder = folder;
  for (std::string* const command : {&own.command, &own.prepare}) {
    put_in_place_of("{number}", std::to_string(number), *command);
    put_in_place_of("{folder}", folder, *command);
  }
  return own;
}

std::vector<std::string> notes_on_programs(const study::Scenario& scenario) {
  std::vector<std::string> notes;
  for (const study::Load& load : scenario.loads) {
    if (!is_program(load)) continue;
    std::uint64_t count = 0;
    for (const study::GuestGroup& guests : scenario.guests)
      if (guests.load == load.name) count += guests.count;
    if (count == 0) continue;
    notes.push_back(fmt::format(
        "Consumers of loads.{} ({}) are programs: each is a shell that runs its command again and "
        "again in a folder of its own, and all that this starts, without transparent huge pages. "
        "What stands under accesses is {} for them, a line each on standard output. That one takes "
        "{} is what the scenario says.",
        load.name, count, load.settings.get<std::string>("unit"),
        human_bytes(load.settings.get<Bytes>("memory"))));
  }
  return notes;
}

}  // namespace brim::thrash::live
