// SPDX-License-Identifier: Apache-2.0
#pragma once
// scan() with the page hash given by the caller: for tests that need collisions. Everyone else
// calls scan().

#include "share/measure/page_hash.h"
#include "share/measure/scan.h"

#include <memory>
#include <span>

namespace brim::share {

[[nodiscard]] Result<ScanResult> scan_with(const PageHasher& hasher,
                                           std::span<const std::unique_ptr<Subject>> subjects,
                                           const ScanOptions& options, const Rng& rng,
                                           Progress& progress, const Cancel& cancel);

}  // namespace brim::share
