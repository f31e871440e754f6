// SPDX-License-Identifier: Apache-2.0
#pragma once
// What Host and Process share below them: opening a path confined to a directory, and reading a
// whole (pseudo) file from a descriptor. Internal to the host room.
//
// Confined means: ".." and symbolic links, absolute ones too, are resolved as if `root` were "/"
// (openat2 with RESOLVE_IN_ROOT, Linux 5.6). Where openat2 does not exist, or a container's filter
// refuses it, the path is walked component by component; that walk refuses "..".

#include "base/fd.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace brim::host {

enum class Resolver { kernel, walk };

// -1 with errno set on failure. Never creates a file.
[[nodiscard]] int open_confined(int root, const std::string& path, int flags,
                                Resolver resolver = Resolver::kernel);

inline constexpr std::size_t kLargestFile = std::size_t{256} << 20;

// Until end of file; an error for more than `largest` bytes. Goes on after EINTR.
[[nodiscard]] Result<std::string> read_to_end(int fd, const std::string& where,
                                              std::size_t largest = kLargestFile);

// Writes all of it, in as many parts as it takes; false with errno set on failure.
[[nodiscard]] bool write_all(int fd, std::string_view text);

// pread, again after EINTR: bytes read, 0 at the end, -1 with errno set.
[[nodiscard]] ssize_t read_at(int fd, std::span<std::byte> out, std::uint64_t offset);

// The target of the symbolic link that `fd` (O_PATH | O_NOFOLLOW) stands for.
[[nodiscard]] Result<std::string> link_target(int fd, const std::string& where);

// "none" of "[none] scan-time", as sysfs shows a choice; the text itself where nothing is
// bracketed.
[[nodiscard]] std::string_view chosen_word(std::string_view text);

}  // namespace brim::host
