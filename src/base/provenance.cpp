// SPDX-License-Identifier: Apache-2.0
#include "base/provenance.h"

namespace brim {

std::string_view name_of(Provenance provenance) {
  switch (provenance) {
    case Provenance::measured:
      return "measured";
    case Provenance::modelled:
      return "modelled";
    case Provenance::published:
      return "published";
    case Provenance::assumed:
      return "assumed";
    case Provenance::computed:
      return "computed";
  }
  return "assumed";
}

}  // namespace brim
