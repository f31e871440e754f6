// SPDX-License-Identifier: Apache-2.0
#include "host/group_reading.h"

#include "base/text.h"
#include "host/process_text.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace brim::host {
namespace {

using std::chrono::nanoseconds;

// A file of the group's folder and the line "key N" in it; no key: the file is the number; no file:
// this version does not tell it.
struct NumberPlace {
  std::string_view file;
  std::string_view key;
};

template <class T>
struct NumberField {
  Result<T> GroupReading::*field;
  GroupPart part;
  NumberPlace v1;
  NumberPlace v2;
};

// In version 1 "total_" is with those below, as all is in version 2.
constexpr std::string_view kMemoryStat = "memory.stat";

constexpr NumberField<Bytes> kByteFields[] = {
    {&GroupReading::memory,
     GroupPart::memory,
     {"memory.usage_in_bytes", {}},
     {"memory.current", {}}},
    {&GroupReading::swap,
     GroupPart::memory,
     {kMemoryStat, "total_swap"},
     {"memory.swap.current", {}}},
    {&GroupReading::swap_cached,
     GroupPart::memory,
     {kMemoryStat, "total_swapcached"},
     {kMemoryStat, "swapcached"}},
};
constexpr NumberField<std::uint64_t> kCountFields[] = {
    {&GroupReading::limit_hits,
     GroupPart::memory,
     {"memory.failcnt", {}},
     {"memory.events", "max"}},
    {&GroupReading::oom_kills,
     GroupPart::memory,
     {"memory.oom_control", "oom_kill"},
     {"memory.events", "oom_kill"}},
    {&GroupReading::page_faults,
     GroupPart::memory,
     {kMemoryStat, "total_pgfault"},
     {kMemoryStat, "pgfault"}},
    {&GroupReading::major_faults,
     GroupPart::memory,
     {kMemoryStat, "total_pgmajfault"},
     {kMemoryStat, "pgmajfault"}},
};
constexpr NumberField<Pages> kPageFields[] = {
    {&GroupReading::refaults_anonymous,
     GroupPart::memory,
     {kMemoryStat, "total_workingset_refault_anon"},
     {kMemoryStat, "workingset_refault_anon"}},
    {&GroupReading::refaults_file,
     GroupPart::memory,
     {kMemoryStat, "total_workingset_refault_file"},
     {kMemoryStat, "workingset_refault_file"}},
    {&GroupReading::scanned, GroupPart::memory, {}, {kMemoryStat, "pgscan"}},
    {&GroupReading::reclaimed, GroupPart::memory, {}, {kMemoryStat, "pgsteal"}},
    {&GroupReading::swapped_in, GroupPart::memory, {}, {kMemoryStat, "pswpin"}},
    {&GroupReading::swapped_out, GroupPart::memory, {}, {kMemoryStat, "pswpout"}},
};
// Version 1 counts nanoseconds (usage_user: Linux 4.6), version 2 microseconds.
constexpr NumberField<nanoseconds> kTimeFields[] = {
    {&GroupReading::user_time,
     GroupPart::processor,
     {"cpuacct.usage_user", {}},
     {"cpu.stat", "user_usec"}},
    {&GroupReading::system_time,
     GroupPart::processor,
     {"cpuacct.usage_sys", {}},
     {"cpu.stat", "system_usec"}},
};

template <class T>
T value_of(std::uint64_t number, bool /*v2*/) {
  return T(number);
}
template <>
nanoseconds value_of(std::uint64_t number, bool v2) {
  return nanoseconds(number * (v2 ? 1000 : 1));
}

class GroupReader {
 public:
  GroupReader(const Host& host, const GroupPlaces& places) : host_(host), places_(places) {}

  template <class T>
  Result<T> number(const NumberField<T>& field) {
    BRIM_TRY(const PartPlace* const place, place_of(field.part));
    const NumberPlace& at = place->v2 ? field.v2 : field.v1;
    if (at.file.empty())
      return fail(ErrorCode::missing,
                  fmt::format("cgroups of version {} do not tell it", place->v2 ? 2 : 1),
                  place->folder);
    const std::string path = fmt::format("{}/{}", place->folder, at.file);
    BRIM_TRY(const std::string* const content, text(path));
    const auto number = at.key.empty() ? parse_number(trim(*content)) : number_of(*content, at.key);
    if (number) return value_of<T>(*number, place->v2);
    if (at.key.empty())
      return fail(malformed("not a whole number", host_.place(path), 1, *content));
    return fail(ErrorCode::missing, fmt::format("this kernel has no '{}' there", at.key),
                host_.place(path));
  }

  // The sum over all devices of io.stat's "8:0 rbytes=N ..." or blkio's "8:0 Read N".
  Result<Bytes> transferred(std::string_view v1_word, std::string_view v2_key) {
    BRIM_TRY(const PartPlace* const place, place_of(GroupPart::io));
    const std::string path = fmt::format("{}/{}", place->folder,
                                         place->v2 ? "io.stat" : "blkio.throttle.io_service_bytes");
    BRIM_TRY(const std::string* const content, text(path));
    std::uint64_t sum = 0;
    std::size_t counted = 0;  // words of devices; "Total 0" is there without any
    Lines lines(*content);
    while (const std::optional<std::string_view> line = lines.next()) {
      const auto words = words_of(*line);
      for (std::size_t i = 1; i < words.size(); ++i) {
        std::optional<std::uint64_t> bytes = 0;
        if (place->v2 && words[i].starts_with(v2_key))
          bytes = parse_number(words[i].substr(v2_key.size()));
        if (!place->v2 && words[i] == v1_word)
          bytes = i + 1 < words.size() ? parse_number(words[i + 1]) : std::nullopt;
        if (!bytes)
          return fail(malformed("not a count of bytes", host_.place(path), lines.number(), *line));
        sum += *bytes;
        counted += words.size() > 2 ? 1 : 0;
      }
    }
    if (!place->v2 && counted == 0)
      return fail(ErrorCode::missing,
                  "version 1 has counted no device's I/O: some kernels do only with a throttle set",
                  host_.place(path));
    return Bytes(sum);
  }

  Result<Pressure> pressure() {
    BRIM_TRY(const PartPlace* const place, place_of(GroupPart::pressure));
    return read_pressure(host_, place->folder + "/memory.pressure");
  }

 private:
  Result<const PartPlace*> place_of(GroupPart part) const {
    const PartPlace& place = places_[part];
    if (place.folder.empty()) return fail(ErrorCode::missing, place.why_not);
    return &place;
  }
  // Each file is read once.
  Result<const std::string*> text(const std::string& path) {
    auto at = texts_.find(path);
    if (at == texts_.end()) at = texts_.emplace(path, host_.read_file(path)).first;
    if (!at->second) return fail(at->second.error());
    return &*at->second;
  }

  const Host& host_;
  const GroupPlaces& places_;
  std::map<std::string, Result<std::string>> texts_;
};

}  // namespace

GroupReading read_group(const Host& host, const GroupPlaces& places) {
  GroupReader reader(host, places);
  GroupReading reading;
  for (const auto& field : kByteFields) reading.*field.field = reader.number(field);
  for (const auto& field : kCountFields) reading.*field.field = reader.number(field);
  for (const auto& field : kPageFields) reading.*field.field = reader.number(field);
  for (const auto& field : kTimeFields) reading.*field.field = reader.number(field);
  reading.pressure = reader.pressure();
  reading.read = reader.transferred("Read", "rbytes=");
  reading.written = reader.transferred("Write", "wbytes=");
  return reading;
}

Result<void> count_group(const Host& host, const GroupPlaces& places) {
  const PartPlace& place = places[GroupPart::memory];
  if (place.folder.empty()) return fail(ErrorCode::missing, place.why_not);
  BRIM_CHECK(host.read_file(fmt::format("{}/{}", place.folder, kMemoryStat)));
  return {};
}

}  // namespace brim::host
