// SPDX-License-Identifier: Apache-2.0
#pragma once
// Compares a page with the first page of the content its hash names, byte by byte. One a thread: it
// has readers of its own, since the scan's reader is in the middle of a batch.

#include "share/measure/page_hash.h"
#include "share/measure/part_runner.h"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace brim::share {

enum class Match : std::uint8_t {
  same,
  different,   // a collision: both still have the hash, and differ
  changed,     // one of them no longer has the hash: written to since it was read
  unreadable,  // the first page can't be read again
};

class Confirmer {
 public:
  // Borrowed.
  Confirmer(std::span<const std::unique_ptr<Subject>> subjects, const PartList& list,
            const PageHasher& hasher)
      : subjects_(subjects), list_(list), hasher_(hasher), readers_(subjects.size()) {}

  // Asks for the page at this ordinal to be brought near.
  void prefetch(std::uint64_t ordinal);
  // `hash`: of both, when they were read.
  [[nodiscard]] Match compare(std::uint64_t ordinal, std::span<const std::byte, kPageSize> page,
                              const PageHash& hash);

 private:
  struct Reader {
    std::unique_ptr<SubjectReader> reader;
    bool tried = false;
  };
  SubjectReader* reader_of(std::uint32_t subject);

  std::span<const std::unique_ptr<Subject>> subjects_;
  const PartList& list_;
  const PageHasher& hasher_;
  std::vector<Reader> readers_;
  alignas(64) std::array<std::byte, kPageSize> buffer_{};
};

}  // namespace brim::share
