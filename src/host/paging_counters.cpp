// SPDX-License-Identifier: Apache-2.0
#include "host/paging_counters.h"

#include "host/process_text.h"

namespace brim::host {

PagingCounters parse_paging_counters(std::string_view text) {
  PagingCounters counters;
  counters.block_in_kibibytes = number_of(text, "pgpgin");
  counters.block_out_kibibytes = number_of(text, "pgpgout");
  counters.faults = number_of(text, "pgfault");
  counters.major_faults = number_of(text, "pgmajfault");
  const auto by_daemon = number_of(text, "pgscan_kswapd");
  const auto by_processes = number_of(text, "pgscan_direct");
  if (by_daemon && by_processes) counters.scanned = Pages(*by_daemon + *by_processes);
  counters.oom_kills = number_of(text, "oom_kill");
  counters.refaults_anonymous = pages_counted(text, "workingset_refault_anon");
  counters.refaults_file = pages_counted(text, "workingset_refault_file");
  if (!counters.refaults_file) counters.refaults_file = pages_counted(text, "workingset_refault");
  return counters;
}

Result<PagingCounters> read_paging_counters(const Host& host) {
  BRIM_TRY(const std::string text, host.read_file("/proc/vmstat"));
  return parse_paging_counters(text);
}

}  // namespace brim::host
