// SPDX-License-Identifier: Apache-2.0
#pragma once
// The lock around libkdumpfile, which parses files that strangers wrote: the child may read the
// dump, answer through its socket, and manage its own memory; nothing else. Even a parser that was
// taken over can neither open a file nor reach the network, nor outlive a request by much.

#include "base/result.h"

#include <vector>

#include <linux/filter.h>

namespace brim::image::kdump {

// The system calls that are allowed, as a filter program. Made in the parent: libseccomp allocates.
[[nodiscard]] Result<std::vector<sock_filter>> make_filter();

// In the child, right after fork: moves the descriptors to kDumpFd and kSocketFd and closes all
// others. Allocates nothing. False: it failed, those numbers may still be brim's own files, and the
// child must end without a word.
[[nodiscard]] bool arrange_descriptors(int dump_fd, int socket_fd, int null_fd);

// Next: gives up root, capabilities, core dumps and new privileges, limits memory, and puts the
// filter in force. Allocates nothing. False: something of it failed, the child must do nothing but
// say so and end.
[[nodiscard]] bool confine(const std::vector<sock_filter>& filter);

}  // namespace brim::image::kdump
