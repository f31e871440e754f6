// SPDX-License-Identifier: Apache-2.0
#include "host/process_group.h"

#include "base/text.h"
#include "host/process.h"
#include "host/process_text.h"

#include <string_view>
#include <vector>

namespace brim::host {
namespace {

// Faults of children that have ended: the fields 11 and 13 of proc(5), counted from the state,
// field 3, which follows the name's last parenthesis.
constexpr std::size_t kChildrenMinor = 11 - 3;
constexpr std::size_t kChildrenMajor = 13 - 3;

std::uint64_t field_after_name(std::string_view stat, std::size_t field) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return 0;
  const std::vector<std::string_view> fields = words_of(stat.substr(name_end + 1));
  return field < fields.size() ? parse_number(fields[field]).value_or(0) : 0;
}

}  // namespace

Result<std::map<int, ProcessGroupReading>> read_process_groups(const Host& host,
                                                               const std::set<int>& groups) {
  BRIM_TRY(const std::vector<int> pids, list_pids(host));
  std::map<int, ProcessGroupReading> found;
  for (const int pid : pids) {
    const auto process = Process::open(host, pid);
    const auto text = process ? process->read_file("stat") : fail(process.error());
    const auto stat = text ? parse_stat(*text, "stat") : fail(text.error());
    if (!stat || !groups.contains(stat->process_group)) continue;  // or it has just ended
    ProcessGroupReading& group = found[stat->process_group];
    ++group.processes;
    group.waiting += stat->state == 'D' ? 1 : 0;
    group.minor_faults += stat->minor_faults + field_after_name(*text, kChildrenMinor);
    group.major_faults += stat->major_faults + field_after_name(*text, kChildrenMajor);
  }
  return found;
}

}  // namespace brim::host
