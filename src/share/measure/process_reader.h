// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the memory of a live process without changing it; process_subject.h says how, and what that
// leaves to be desired.

#include "base/result.h"
#include "host/frame_table.h"
#include "host/page_map.h"
#include "host/process.h"
#include "share/measure/address_parts.h"
#include "share/measure/cause_rules.h"
#include "share/measure/subject.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace brim::share {

// A mapping, or the part of one that is guest RAM.
struct Segment {
  PageRange pages;
  MappingRules rules;
};

// A process's memory as it was opened: descriptors that stand for one address space, and what of it
// is wanted.
struct LiveMemory {
  std::string name;  // of the subject, for errors
  host::Process process;
  host::PageMap page_map;
  host::ProcessMemoryFile bytes;
  std::optional<host::FrameTable> frames;  // none: pagemap hides frame numbers
  KsmState ksm;
  std::vector<Segment> segments;  // ascending

  // `gone` unless the process is there and is still the program it was.
  [[nodiscard]] Result<void> check_identity() const;
};

// For one thread. `memory` must outlive it.
[[nodiscard]] std::unique_ptr<SubjectReader> process_reader(const LiveMemory& memory);

}  // namespace brim::share
