// SPDX-License-Identifier: Apache-2.0
#pragma once
// The steps of `brim lab prepare`, a row each. Internal to the lab room.

#include "lab/package_archive.h"
#include "lab/prepare.h"
#include "lab/workshop.h"

#include <span>

namespace brim::lab {

// What a step works with.
struct Preparation {
  const PrepareOptions& options;
  Workshop workshop;
  PackageArchive& packages;
  std::string_view step;

  void tell(const std::string& doing) const {
    if (options.progress) options.progress(std::string(step), doing);
  }
};

struct Program {
  std::string_view name;
  std::string_view package;  // Debian's, that has it
};

struct Step {
  std::string_view name;
  std::string_view summary;
  std::vector<Program> programs;  // all needed
  // What it is made from: where that has not changed, neither has the step.
  Result<std::string> (*inputs)(const Step& step, const PrepareOptions& options);
  Result<std::vector<MadeFile>> (*make)(const Step& step, Preparation& preparation);
  // Of kernels.
  std::string_view package;
  std::string_view suite;
  std::string_view version;
};

[[nodiscard]] const std::vector<Step>& steps();

}  // namespace brim::lab
