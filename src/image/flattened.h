// SPDX-License-Identifier: Apache-2.0
#pragma once
// makedumpfile's flattened form (makedumpfile -F, QEMU's dump-guest-memory of compressed kdumps): a
// dump written to a pipe as records {offset, size, bytes}, to be put back at their offsets.
//
// Source: makedumpfile.h (struct makedumpfile_header, makedumpfile_data_header), big-endian:
//   0      char signature[16] "makedumpfile", int64 type 1, int64 version 1, zeros up to 4096
//   4096   int64 offset, int64 size, size bytes; repeated; offset -1 and size -1 end it

#include "base/cancel.h"
#include "base/fd.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace brim::image {

inline constexpr std::string_view kFlattenedSignature = "makedumpfile";

// Takes the bytes of one record.
using RecordSink =
    std::function<Result<void>(std::uint64_t offset, std::span<const std::byte> bytes)>;

// Calls the sink for each record in the order of the file, and gives the size of the dump that they
// make up. That size is at most 4 x the flattened file + 1 GiB: the dump is no larger than what is
// in it, but for holes, and an offset far beyond is a damaged record.
[[nodiscard]] Result<std::uint64_t> for_each_record(std::span<const std::byte> file,
                                                    const std::string& name,
                                                    const RecordSink& sink);

// Puts a flattened file back together in an unnamed temporary file in $TMPDIR, or else in /var/tmp,
// or else beside the file; it takes as much space as the flattened file and is gone when closed.
[[nodiscard]] Result<Fd> unflatten(Fd flattened, const std::string& name,
                                   const Cancel& cancel = kNeverCancelled);

}  // namespace brim::image
