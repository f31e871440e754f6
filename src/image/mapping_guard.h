// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps a SIGBUS inside a file mapping from killing the process: the kernel raises it when a page
// of the mapping is touched that the file no longer has (it was truncated) or that can't be read
// from the disk. The page touched and all after it become zeros, and the guard remembers; the
// reader asks failed() after it has used the bytes.
//
// The handler is process-wide, installed with the first guard, and passes every SIGBUS that is not
// in a guarded mapping to the handler that was there before. It takes no lock and allocates
// nothing; guards may come and go in other threads while it runs. LIMIT: code that installs its own
// SIGBUS handler afterwards, and does not chain, switches this off.

#include <cstddef>
#include <cstdint>

namespace brim::image {

class MappingGuard {
 public:
  // Guards [begin, begin + length) until destroyed. `page_size` is the mapping's (4 KiB, or that of
  // hugetlbfs); begin and length are multiples of it.
  MappingGuard(const void* begin, std::size_t length, std::size_t page_size);
  ~MappingGuard();
  MappingGuard(const MappingGuard&) = delete;
  MappingGuard& operator=(const MappingGuard&) = delete;

  // Whether a page of it could not be had.
  [[nodiscard]] bool failed() const;

  struct Entry;

 private:
  Entry* entry_;
};

}  // namespace brim::image
