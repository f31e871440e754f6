// SPDX-License-Identifier: Apache-2.0
// Every parser of the kernel's texts; the first byte chooses which. What is parsed must hold what
// the parsers promise to the rest of brim.
#include "base/result.h"
#include "host/files.h"
#include "host/process.h"
#include "host/process_text.h"
#include "host/system.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

using brim::host::Mapping;

// Page aligned, not empty, in ascending order.
void check_mapping(const Mapping& mapping, std::uint64_t& end_before) {
  BRIM_ASSERT(mapping.start >= end_before && mapping.start < mapping.end);
  BRIM_ASSERT((mapping.start | mapping.end) % brim::kPageSize == 0);
  end_before = mapping.end;
}

void fuzz_maps(std::string_view text) {
  const auto mappings = brim::host::parse_maps(text, "maps");
  if (!mappings) return;
  std::uint64_t end = 0;
  for (const Mapping& mapping : *mappings) check_mapping(mapping, end);
}

void fuzz_smaps(std::string_view text) {
  const auto entries = brim::host::parse_smaps(text, "smaps");
  if (!entries) return;
  std::uint64_t end = 0;
  for (const auto& entry : *entries) check_mapping(entry.mapping, end);
}

void fuzz_mounts(std::string_view text) {
  const auto mounts = brim::host::parse_cgroup_mounts(text, "mounts");
  if (!mounts) return;
  for (const auto& mount : *mounts) BRIM_ASSERT(!mount.v2 || mount.controllers.empty());
}

void fuzz_pressure(std::string_view text) {
  const auto pressure = brim::host::parse_pressure(text, "memory");
  BRIM_ASSERT(!pressure || pressure->some.avg10 >= 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 11) {
    case 0:
      fuzz_maps(text);
      break;
    case 1:
      fuzz_smaps(text);
      break;
    case 2:
      static_cast<void>(brim::host::parse_smaps_rollup(text, "smaps_rollup"));
      break;
    case 3:
      static_cast<void>(brim::host::parse_stat(text, "stat"));
      break;
    case 4:
      static_cast<void>(brim::host::parse_status(text, "status"));
      break;
    case 5:
      static_cast<void>(brim::host::parse_ksm_stat(text));
      break;
    case 6:
      static_cast<void>(brim::host::parse_process_cgroups(text, "cgroup"));
      break;
    case 7:
      fuzz_mounts(text);
      break;
    case 8:
      fuzz_pressure(text);
      break;
    case 9:
      static_cast<void>(brim::host::parse_memory_info(text, "meminfo"));
      break;
    default:
      BRIM_ASSERT(brim::host::unescape_octal(text).size() <= text.size());
      BRIM_ASSERT(brim::host::chosen_word(text).size() <= text.size());
  }
  return 0;
}
