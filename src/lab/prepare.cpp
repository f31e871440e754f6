// SPDX-License-Identifier: Apache-2.0
#include "lab/prepare.h"

#include "base/text.h"
#include "lab/prepare_steps.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace brim::lab {
namespace {

Result<void> check_names(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const Step& step : steps()) known.emplace_back(step.name);
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = nearest_word(name, known);
    return fail(ErrorCode::bad_input,
                fmt::format("no step '{}'; {}", name,
                            near ? fmt::format("did you mean '{}'?", *near)
                                 : fmt::format("there are {}", fmt::join(known, ", "))));
  }
  return {};
}

Result<void> check_programs(const Step& step) {
  for (const auto& [program, package] : step.programs)
    if (!on_path(std::string(program)))
      return fail(ErrorCode::missing,
                  fmt::format("not on PATH; on Debian `apt install {}`", package),
                  std::string(program));
  return {};
}

Result<std::vector<Artefact>> make(const Step& step, Cache& cache, const PrepareOptions& options,
                                   PackageArchive& packages, const std::string& inputs) {
  BRIM_CHECK(check_programs(step));
  BRIM_TRY(std::string work, cache.empty_work_directory());
  Preparation preparation{options, Workshop(std::move(work)), packages, step.name};
  BRIM_TRY(std::vector<MadeFile> files, step.make(step, preparation));
  return cache.keep(step.name, inputs, std::move(files));
}

// Made, kept, or skipped for want of something.
Result<PreparedStep> prepare_step(const Step& step, Cache& cache, const PrepareOptions& options,
                                  PackageArchive& packages) {
  const auto start = std::chrono::steady_clock::now();
  PreparedStep prepared;
  prepared.name = step.name;
  BRIM_TRY(const std::string inputs, step.inputs(step, options));
  BRIM_TRY(auto found, cache.find(step.name, inputs));
  if (found) {
    prepared.artefacts = std::move(*found);
  } else {
    auto made = make(step, cache, options, packages, inputs);
    if (!made && made.error().code != ErrorCode::missing) return fail(made.error());
    prepared.outcome = made ? StepOutcome::made : StepOutcome::skipped;
    if (made)
      prepared.artefacts = std::move(*made);
    else
      prepared.reason = error_line(made.error());
  }
  prepared.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return prepared;
}

// A verified file of a step.
Result<std::string> prepared_file(const Cache& cache, const std::string& step,
                                  std::string_view end) {
  BRIM_TRY(const auto found, cache.find(step, std::nullopt));
  for (const Artefact& artefact : found.value_or(std::vector<Artefact>()))
    if (artefact.name.ends_with(end)) return artefact.path;
  return fail(ErrorCode::missing,
              fmt::format("not prepared; run `brim lab prepare --only {}`", step),
              cache.path(step));
}

}  // namespace

std::string_view name_of(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::made:
      return "made";
    case StepOutcome::kept:
      return "kept";
    case StepOutcome::skipped:
      return "skipped";
  }
  return "skipped";
}

std::vector<StepDescription> prepare_steps() {
  std::vector<StepDescription> descriptions;
  for (const Step& step : steps()) descriptions.push_back({step.name, step.summary});
  return descriptions;
}

Result<std::vector<PreparedStep>> prepare(Cache& cache, const PrepareOptions& options) {
  BRIM_CHECK(check_names(options.only));
  add_system_programs_to_path();
  BRIM_TRY(PackageArchive packages, PackageArchive::create(cache.path("apt"), options.mirror));
  std::vector<PreparedStep> prepared;
  for (const Step& step : steps()) {
    const auto& only = options.only;
    if (!only.empty() && std::find(only.begin(), only.end(), step.name) == only.end()) continue;
    BRIM_TRY(PreparedStep one, prepare_step(step, cache, options, packages));
    prepared.push_back(std::move(one));
  }
  BRIM_CHECK(cache.delete_work_directory());
  return prepared;
}

Result<KernelFiles> prepared_kernel(const Cache& cache, const std::string& kernel) {
  KernelFiles files;
  BRIM_TRY(std::string initramfs, prepared_initramfs(cache));
  files.initramfs.push_back(std::move(initramfs));
  BRIM_TRY(std::string modules, prepared_file(cache, "kernel-" + kernel, ".cpio"));
  files.initramfs.push_back(std::move(modules));
  BRIM_TRY(files.kernel, prepared_file(cache, "kernel-" + kernel, ".vmlinux"));
  return files;
}

Result<std::string> prepared_root(const Cache& cache) {
  return prepared_file(cache, "rootfs", ".ext4");
}

Result<std::string> prepared_initramfs(const Cache& cache) {
  return prepared_file(cache, "initramfs", ".cpio");
}

}  // namespace brim::lab
