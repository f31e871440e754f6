// SPDX-License-Identifier: Apache-2.0
#pragma once
// An allocator for large arrays that are read all over: asks the kernel for pages of 2 MiB, so that
// fewer of them miss in the TLB. Where the kernel gives none, and where an array is smaller than
// one of those pages, it is ordinary memory.

#include "base/units.h"

#include <cstddef>
#include <new>

#include <sys/mman.h>

namespace brim {

template <class T>
struct HugePageAllocator {
  using value_type = T;

  HugePageAllocator() = default;
  template <class Other>
  explicit HugePageAllocator(const HugePageAllocator<Other>& /*other*/) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes < kHugePageSize) return static_cast<T*>(::operator new(bytes));
    void* const memory = ::operator new(bytes, kAlignment);
    (void)::madvise(memory, bytes / kHugePageSize * kHugePageSize, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) {
    if (count * sizeof(T) < kHugePageSize)
      ::operator delete(memory);
    else
      ::operator delete(memory, kAlignment);
  }

  bool operator==(const HugePageAllocator&) const { return true; }

 private:
  static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  static constexpr std::align_val_t kAlignment{kHugePageSize};
};

}  // namespace brim
