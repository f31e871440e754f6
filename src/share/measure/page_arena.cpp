// SPDX-License-Identifier: Apache-2.0
#include "share/measure/page_arena.h"

#include "base/units.h"

#include <memory>

#include <sys/mman.h>

namespace brim::share {

std::optional<PageArena> PageArena::make(std::uint64_t bytes) {
  // More is mapped than used, so that it can begin where a huge page does.
  const std::uint64_t spare = bytes >= kHugePageSize ? kHugePageSize : 0;
  void* mapped =
      ::mmap(nullptr, bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return std::nullopt;
  PageArena arena;
  arena.mapping_ = std::span(static_cast<std::byte*>(mapped), bytes + spare);
  void* data = mapped;
  std::size_t room = arena.mapping_.size();
  if (spare > 0) data = std::align(kHugePageSize, bytes, mapped, room);
  // A wish: without huge pages it only takes more TLB misses.
  if (spare > 0) (void)::madvise(data, bytes, MADV_HUGEPAGE);
  arena.data_ = static_cast<std::byte*>(data);
  arena.bytes_ = bytes;
  return arena;
}

PageArena::~PageArena() {
  if (!mapping_.empty()) ::munmap(mapping_.data(), mapping_.size());
}

}  // namespace brim::share
