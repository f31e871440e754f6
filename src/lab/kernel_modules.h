// SPDX-License-Identifier: Apache-2.0
#pragma once
// The modules of a guest's kernel, as a part of its initramfs.

#include "base/result.h"
#include "lab/agent/module_order.h"

#include <string>
#include <vector>

namespace brim::lab {

// Writes an initramfs part with the modules, decompressed, and the list by which the agent loads
// them. `tree` is what depmod -b was run on.
[[nodiscard]] Result<void> write_modules(const std::string& tree,
                                         const std::vector<std::string>& paths,
                                         const std::string& work, const std::string& to);

}  // namespace brim::lab
