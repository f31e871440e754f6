// SPDX-License-Identifier: Apache-2.0
// Loads as text: one grammar both ways.
#include "base/text.h"
#include "lab/agent/load.h"

#include <set>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace brim::lab {
namespace {

template <class Value>
using NameTable = std::span<const std::pair<std::string_view, Value>>;

constexpr std::pair<std::string_view, LoadWrites> kWrites[] = {
    {"algorithm", LoadWrites::algorithm},
    {"linux", LoadWrites::linux_program},
    {"windows", LoadWrites::windows_program}};
constexpr std::pair<std::string_view, LoadContent> kContents[] = {
    {"study", LoadContent::study},
    {"per_page", LoadContent::per_page},
    {"per_machine", LoadContent::per_machine},
    {"unique", LoadContent::unique},
    {"zero", LoadContent::zero}};
constexpr std::pair<std::string_view, bool> kYesOrNo[] = {{"no", false}, {"yes", true}};

template <class Value>
Result<void> take_named(NameTable<Value> table, std::string_view text, Value& out) {
  std::string known;
  for (const auto& [name, value] : table) {
    if (name == text) {
      out = value;
      return {};
    }
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return fail(ErrorCode::bad_input, fmt::format("'{}' is none of {}", text, known));
}

template <class Value>
std::string_view name_in(NameTable<Value> table, Value value) {
  for (const auto& [name, known] : table)
    if (known == value) return name;
  return table.front().first;
}

Result<void> take_number(std::string_view text, std::uint64_t& out) {
  const auto number = parse_number(text);
  if (!number) return fail(ErrorCode::bad_input, fmt::format("'{}' is not a whole number", text));
  out = *number;
  return {};
}

// Within [least, most].
Result<void> take_count(std::string_view text, std::uint64_t least, std::uint64_t most,
                        std::uint64_t& out) {
  std::uint64_t number = 0;
  BRIM_CHECK(take_number(text, number));
  if (number < least || number > most)
    return fail(ErrorCode::bad_input, fmt::format("'{}' is not from {} to {}", text, least, most));
  out = number;
  return {};
}

// "0", "1", "1/32". Small enough that pages × numerator does not overflow.
Result<void> take_write_rate(std::string_view text, WriteRate& out) {
  constexpr std::uint64_t kLargest = 1U << 20;
  const std::size_t slash = text.find('/');
  WriteRate rate;
  BRIM_CHECK(take_number(text.substr(0, slash), rate.numerator));
  if (slash != std::string_view::npos)
    BRIM_CHECK(take_number(text.substr(slash + 1), rate.denominator));
  if (rate.denominator == 0 || rate.numerator > kLargest || rate.denominator > kLargest)
    return fail(ErrorCode::bad_input,
                fmt::format("'{}' is no rate: expected n or n/m, at most {} each", text, kLargest));
  out = rate;
  return {};
}

Result<void> take_bytes(std::string_view text, Bytes& out) {
  constexpr Bytes kLargest = gibibytes(std::uint64_t{1} << 20);
  BRIM_TRY(out, parse_bytes(text));
  if (out > kLargest) return fail(ErrorCode::bad_input, "more than a pebibyte");
  return {};
}

// InnoDB takes no less than 5 MiB.
Result<void> take_buffer_pool(std::string_view text, Bytes& out) {
  BRIM_TRY(const Bytes bytes, parse_bytes(text));
  if (bytes < mebibytes(5) || bytes > gibibytes(1024))
    return fail(ErrorCode::bad_input, fmt::format("'{}' is not from 5 MiB to 1024 GiB", text));
  out = bytes;
  return {};
}

Result<void> take_pause(std::string_view text, std::chrono::nanoseconds& out) {
  BRIM_TRY(out, parse_duration(text));
  return {};
}

struct LoadKey {
  std::string_view name;
  Result<void> (*take)(std::string_view text, Load& load);
};
constexpr LoadKey kSyntheticKeys[] = {
    {"bytes", [](std::string_view text, Load& load) { return take_bytes(text, load.bytes); }},
    {"changing", [](std::string_view text,
                    Load& load) { return take_named<bool>(kYesOrNo, text, load.changing); }},
    {"content", [](std::string_view text,
                   Load& load) { return take_named<LoadContent>(kContents, text, load.content); }},
    {"machine", [](std::string_view text, Load& load) { return take_number(text, load.machine); }},
    {"pause", [](std::string_view text, Load& load) { return take_pause(text, load.pause); }},
    {"seed", [](std::string_view text, Load& load) { return take_number(text, load.seed); }},
    {"write_rate",
     [](std::string_view text, Load& load) { return take_write_rate(text, load.write_rate); }},
    {"writes", [](std::string_view text,
                  Load& load) { return take_named<LoadWrites>(kWrites, text, load.writes); }},
};

constexpr std::uint64_t kMostClients = 10000;
constexpr std::uint64_t kMostCount = 1000000000;
constexpr LoadKey kMariadbKeys[] = {
    {"buffer_pool_size",
     [](std::string_view text, Load& load) {
       return take_buffer_pool(text, load.mariadb.buffer_pool_size);
     }},
    {"clients", [](std::string_view text,
                   Load& load) { return take_count(text, 1, kMostClients, load.mariadb.clients); }},
    {"iterations",
     [](std::string_view text, Load& load) {
       return take_count(text, 0, kMostCount, load.mariadb.iterations);
     }},
    {"queries", [](std::string_view text,
                   Load& load) { return take_count(text, 1, kMostCount, load.mariadb.queries); }},
};

constexpr std::uint64_t kMostSources = 1000;
constexpr LoadKey kCompileKeys[] = {
    {"files", [](std::string_view text,
                 Load& load) { return take_count(text, 1, kMostSources, load.compile.files); }},
    {"functions",
     [](std::string_view text, Load& load) {
       return take_count(text, 1, kMostSources, load.compile.functions);
     }},
    {"iterations",
     [](std::string_view text, Load& load) {
       return take_count(text, 0, kMostCount, load.compile.iterations);
     }},
};

struct LoadForm {
  std::string_view name;  // what its text begins with; none of the synthetic ones
  LoadKind kind;
  std::span<const LoadKey> keys;
};
constexpr LoadForm kSyntheticForm = {"", LoadKind::synthetic, kSyntheticKeys};
constexpr LoadForm kProgramForms[] = {{"mariadb", LoadKind::mariadb, kMariadbKeys},
                                      {"compile", LoadKind::compile, kCompileKeys}};

const LoadForm& form_of(std::string_view first_part) {
  for (const LoadForm& form : kProgramForms)
    if (form.name == first_part) return form;
  return kSyntheticForm;
}

// `whole`: a part without a value, which may stand for a load's name, too.
Error unknown_key(const LoadForm& form, std::string_view name, bool whole) {
  std::vector<std::string> known;
  for (const LoadKey& key : form.keys) known.emplace_back(key.name);
  if (whole && form.name.empty()) {
    known.emplace_back("idle");
    for (const LoadForm& other : kProgramForms) known.emplace_back(other.name);
  }
  const auto near = nearest_word(name, known);
  return {
      ErrorCode::bad_input,
      fmt::format("a {}load has no '{}'{}", form.name.empty() ? "" : std::string(form.name) + " ",
                  name, near ? fmt::format("; did you mean '{}'?", *near) : ""),
      ""};
}

Result<void> take_part(const LoadForm& form, std::string_view part,
                       std::set<std::string_view>& seen, Load& load) {
  const std::size_t equals = part.find('=');
  const std::string_view name = trim(part.substr(0, equals));
  for (const LoadKey& key : form.keys) {
    if (key.name != name) continue;
    if (equals == std::string_view::npos)
      return fail(ErrorCode::bad_input, fmt::format("expected {}=VALUE", name));
    if (!seen.insert(key.name).second)
      return fail(ErrorCode::bad_input, fmt::format("'{}' is given twice", name));
    auto taken = key.take(trim(part.substr(equals + 1)), load);
    if (!taken) taken.error().where = std::string(name);
    return taken;
  }
  return fail(unknown_key(form, name, equals == std::string_view::npos));
}

}  // namespace

Result<Load> parse_load(std::string_view text) {
  Load load;
  if (trim(text) == "idle") return load;
  const auto parts = split(text, ',');
  const LoadForm& form = form_of(trim(parts.front()));
  load.kind = form.kind;
  std::set<std::string_view> seen;
  for (std::size_t i = form.name.empty() ? 0 : 1; i < parts.size(); ++i)
    BRIM_CHECK(take_part(form, parts[i], seen, load));
  if (load.kind == LoadKind::synthetic && !seen.contains("bytes"))
    return fail(ErrorCode::bad_input,
                "a load needs bytes=SIZE, or is 'idle', 'mariadb' or 'compile'");
  return load;
}

std::string format_load(const Load& load) {
  switch (load.kind) {
    case LoadKind::mariadb:
      return fmt::format("mariadb,clients={},iterations={},queries={},buffer_pool_size={}B",
                         load.mariadb.clients, load.mariadb.iterations, load.mariadb.queries,
                         load.mariadb.buffer_pool_size.count());
    case LoadKind::compile:
      return fmt::format("compile,files={},functions={},iterations={}", load.compile.files,
                         load.compile.functions, load.compile.iterations);
    case LoadKind::synthetic:
      break;
  }
  return fmt::format(
      "bytes={}B,write_rate={}/{},pause={}ns,writes={},content={},changing={},seed={},machine={}",
      load.bytes.count(), load.write_rate.numerator, load.write_rate.denominator,
      load.pause.count(), name_in<LoadWrites>(kWrites, load.writes),
      name_in<LoadContent>(kContents, load.content), name_in<bool>(kYesOrNo, load.changing),
      load.seed, load.machine);
}

}  // namespace brim::lab
