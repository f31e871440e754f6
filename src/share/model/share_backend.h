// SPDX-License-Identifier: Apache-2.0
#pragma once
// The model of the area "share" as a backend of studies.

#include "study/backend.h"

#include <memory>

namespace brim::share::model {

[[nodiscard]] std::unique_ptr<study::Backend> make_share_backend();

}  // namespace brim::share::model
