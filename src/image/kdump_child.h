// SPDX-License-Identifier: Apache-2.0
#pragma once
// The child's side: opens the dump at kDumpFd with libkdumpfile and answers requests at kSocketFd
// until the parent closes its end. Runs confined (kdump_confinement.h); never returns.

#include "image/kdump_protocol.h"

namespace brim::image::kdump {

[[noreturn]] void serve(Shared& shared);

}  // namespace brim::image::kdump
