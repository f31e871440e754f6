// SPDX-License-Identifier: Apache-2.0
#include "study/run.h"

#include <array>

namespace brim::study {

std::string_view name_of(RunStatus status) {
  switch (status) {
    case RunStatus::running:
      return "running";
    case RunStatus::complete:
      return "complete";
    case RunStatus::partial:
      return "partial";
    case RunStatus::interrupted:
      return "interrupted";
    case RunStatus::failed:
      return "failed";
  }
  return "failed";
}

std::optional<RunStatus> run_status_named(std::string_view name) {
  for (const RunStatus status : {RunStatus::running, RunStatus::complete, RunStatus::partial,
                                 RunStatus::interrupted, RunStatus::failed})
    if (name == name_of(status)) return status;
  return std::nullopt;
}

std::optional<Provenance> provenance_named(std::string_view name) {
  for (const Provenance provenance :
       {Provenance::measured, Provenance::modelled, Provenance::published, Provenance::assumed,
        Provenance::computed})
    if (name == name_of(provenance)) return provenance;
  return std::nullopt;
}

}  // namespace brim::study
