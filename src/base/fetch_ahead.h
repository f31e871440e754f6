// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asks for memory that will be looked at or written to before long. For speed alone.
//
// GCC takes a function that does nothing but __builtin_prefetch() for one without effect, and drops
// calls of it that it has not made inline by then (GCC 12). The empty statement is an effect.

namespace brim {

// What is there need not exist.
inline void fetch_ahead(const void* address) {
  __builtin_prefetch(address, 1);
  asm volatile("");
}

}  // namespace brim
