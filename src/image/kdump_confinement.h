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

// In the child, right after fork: moves the descriptors to kDumpFd and kSocketFd, closes all
// others, gives up root, capabilities, core dumps and new privileges, limits memory, and puts the
// filter in force. Allocates nothing. False: something of it failed, the child must do nothing but
// end.
[[nodiscard]] bool confine(int dump_fd, int socket_fd, int null_fd,
                           const std::vector<sock_filter>& filter);

}  // namespace brim::image::kdump
