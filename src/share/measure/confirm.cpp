// SPDX-License-Identifier: Apache-2.0
#include "share/measure/confirm.h"

#include <cstring>

namespace brim::share {

SubjectReader* Confirmer::reader_of(std::uint32_t subject) {
  Reader& slot = readers_[subject];
  if (!slot.tried) {
    slot.tried = true;
    if (auto opened = subjects_[subject]->reader()) slot.reader = std::move(*opened);
  }
  return slot.reader.get();
}

void Confirmer::prefetch(std::uint64_t ordinal) {
  const auto [subject, page] = list_.locate(ordinal);
  SubjectReader* reader = reader_of(subject);
  const std::byte* bytes = reader == nullptr ? nullptr : reader->mapped(page);
  if (bytes == nullptr) return;
  // The first lines; the processor's own prefetcher follows from there.
  for (std::size_t line = 0; line < 8; ++line) __builtin_prefetch(bytes + line * 64);
}

Match Confirmer::compare(std::uint64_t ordinal, std::span<const std::byte, kPageSize> page,
                         const PageHash& hash) {
  const auto [subject, number] = list_.locate(ordinal);
  SubjectReader* reader = reader_of(subject);
  if (reader == nullptr) return Match::unreadable;
  const std::byte* first = reader->mapped(number);
  if (first == nullptr) {
    if (!reader->reread(number, buffer_)) return Match::unreadable;
    first = buffer_.data();
  }
  if (std::memcmp(first, page.data(), kPageSize) == 0) return Match::same;
  const bool both_have_it =
      hasher_.hash(std::span<const std::byte, kPageSize>(first, kPageSize)) == hash &&
      hasher_.hash(page) == hash;
  return both_have_it ? Match::different : Match::changed;
}

}  // namespace brim::share
