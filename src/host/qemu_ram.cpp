// SPDX-License-Identifier: Apache-2.0
#include "host/qemu_ram.h"

#include "base/text.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace brim::host {
namespace {

using Kind = RamBlock::Kind;
constexpr std::uint64_t kGigaPageSize = 1ULL << 30;

bool below(std::string_view path, std::string_view directory) {
  if (directory.empty() || !path.starts_with(directory)) return false;
  path.remove_prefix(directory.size());
  return path.empty() || path.starts_with('/') || directory.ends_with('/') || path == " (deleted)";
}

// Whether a mapping could hold a block of this kind. `path_matters` is false on the second try: a
// QEMU in another mount namespace names its files otherwise.
bool fits_kind(const RamBlock& block, const Mapping& mapping, bool path_matters) {
  if (!mapping.readable || !mapping.writable || mapping.shared != block.share) return false;
  const std::string_view path = mapping.path;
  switch (block.kind) {
    case Kind::anonymous:
      // Shared anonymous memory is a deleted /dev/zero, or a memfd since QEMU 9.2.
      if (block.share) return path.starts_with("/dev/zero") || path.starts_with("/memfd:");
      return mapping.anonymous() && (path.empty() || path.starts_with("[anon"));
    case Kind::memfd:
      return path.starts_with("/memfd:");
    case Kind::posix_shared:
      return path.starts_with("/dev/shm/");
    case Kind::file:
      if (mapping.inode == 0 || path.starts_with("/memfd:")) return false;
      return !path_matters || below(path, block.path);
  }
  return false;
}

std::uint64_t rounded_up(std::uint64_t bytes, std::uint64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Sizes that mappings of a block may have, the likeliest first.
std::vector<std::uint64_t> fitting_sizes(const RamBlock& block) {
  const std::uint64_t size = block.size->count();
  if (size > (1ULL << 62)) return {};
  if (block.kind == Kind::anonymous) return {rounded_up(size, kPageSize)};
  return {rounded_up(size, kPageSize), rounded_up(size, kHugePageSize),
          rounded_up(size, kGigaPageSize)};
}

bool same_needs(const RamBlock& a, const RamBlock& b) {
  return a.kind == b.kind && a.size == b.size && a.share == b.share && a.path == b.path;
}

bool continues(const Mapping& before, const Mapping& after) {
  return before.end == after.start && before.inode == after.inode &&
         before.device == after.device &&
         (before.inode == 0 || before.offset + before.bytes() == after.offset);
}

std::string words(const RamBlock& block) {
  std::string size = human_bytes(*block.size);
  const std::string_view sharing = block.share ? "shared" : "private";
  switch (block.kind) {
    case Kind::anonymous:
      return fmt::format("{} anonymous mapping of exactly {}", sharing, size);
    case Kind::memfd:
      return fmt::format("{} memfd mapping of {}", sharing, size);
    case Kind::posix_shared:
      return fmt::format("{} mapping of {} in /dev/shm", sharing, size);
    case Kind::file:
      return fmt::format("{} mapping of {} of {}", sharing, size, block.path);
  }
  return size;
}

// Larger than any video memory or allocator's arena there is by default, and ended by the guard
// page that QEMU puts behind a RAM block. Code that TCG made is executable.
bool looks_like_ram(const Mapping& mapping, const Mapping& next) {
  constexpr std::uint64_t kLargestOther = std::uint64_t{64} << 20;
  const bool guarded = next.start == mapping.end && !next.readable && !next.writable;
  return guarded && mapping.readable && mapping.writable && !mapping.executable &&
         !mapping.shared && mapping.anonymous() && mapping.bytes() > kLargestOther &&
         mapping.bytes() % kHugePageSize == 0;
}

// One search: which mappings are given out already, and to how many blocks.
class Search {
 public:
  Search(std::span<const RamBlock> blocks, std::span<const SmapsEntry> mappings,
         std::string_view source)
      : blocks_(blocks), mappings_(mappings), source_(source), taken_(mappings.size(), false) {}

  RamSearch run() {
    const std::size_t count = std::min(blocks_.size(), kMostBlocks);
    for (std::size_t i = 0; i < count; ++i) place(i);
    if (count < blocks_.size())
      found_.missing.push_back(
          fmt::format("{} more memory backends than {}", blocks_.size() - count, count));
    for (std::size_t i = 0; i + 1 < mappings_.size(); ++i)
      if (!taken_[i] && looks_like_ram(mappings_[i].mapping, mappings_[i + 1].mapping))
        found_.unexplained += Bytes(mappings_[i].mapping.bytes());
    std::sort(found_.ram.begin(), found_.ram.end(),
              [](const GuestRam& a, const GuestRam& b) { return a.start < b.start; });
    return std::move(found_);
  }

 private:
  void place(std::size_t number) {
    const RamBlock& block = blocks_[number];
    if (!block.size || block.size->count() == 0) {
      found_.missing.push_back(fmt::format("the size of memory backend \"{}\"", block.id));
      return;
    }
    for (const bool path_matters : {true, false}) {
      if (!path_matters && block.kind != Kind::file) break;
      if (place_whole(number, path_matters) || place_pieces(block, path_matters)) return;
    }
    found_.missing.push_back("a " + words(block));
  }

  [[nodiscard]] std::vector<std::size_t> candidates(const RamBlock& block,
                                                    bool path_matters) const {
    const std::vector<std::uint64_t> sizes = fitting_sizes(block);
    std::vector<std::size_t> fitting;
    for (std::size_t i = 0; i < mappings_.size(); ++i) {
      const Mapping& mapping = mappings_[i].mapping;
      if (!taken_[i] && std::find(sizes.begin(), sizes.end(), mapping.bytes()) != sizes.end() &&
          fits_kind(block, mapping, path_matters))
        fitting.push_back(i);
    }
    return fitting;
  }

  bool place_whole(std::size_t number, bool path_matters) {
    const RamBlock& block = blocks_[number];
    std::vector<std::size_t> fitting = candidates(block, path_matters);
    if (fitting.empty()) return false;
    const auto wanted = static_cast<std::size_t>(
        std::count_if(blocks_.begin() + static_cast<std::ptrdiff_t>(number), blocks_.end(),
                      [&](const RamBlock& other) { return same_needs(block, other); }));
    std::string note;
    if (fitting.size() > wanted) {
      std::vector<std::size_t> kept_from_fork;
      std::copy_if(fitting.begin(), fitting.end(), std::back_inserter(kept_from_fork),
                   [&](std::size_t i) { return mappings_[i].has_flag("dc"); });
      if (!kept_from_fork.empty()) {
        note = ", not inherited by fork";
        fitting = kept_from_fork;
      }
      if (fitting.size() > wanted) {
        found_.ambiguous = true;
        note += fmt::format("; the fullest of {} that fit", fitting.size());
        std::stable_sort(fitting.begin(), fitting.end(), [&](std::size_t a, std::size_t b) {
          return mappings_[a].rss_bytes > mappings_[b].rss_bytes;
        });
      }
    }
    give(fitting.front(), words(block) + note, path_matters);
    return true;
  }

  bool place_pieces(const RamBlock& block, bool path_matters) {
    const std::vector<std::uint64_t> sizes = fitting_sizes(block);
    return std::any_of(sizes.begin(), sizes.end(),
                       [&](std::uint64_t size) { return place_run(block, size, path_matters); });
  }

  // The first run of adjacent mappings of the kind that adds up to the size. One pass: a window
  // that drops its first mappings while it holds too much.
  bool place_run(const RamBlock& block, std::uint64_t size, bool path_matters) {
    std::size_t first = 0;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < mappings_.size(); ++i) {
      const Mapping& mapping = mappings_[i].mapping;
      const bool fits = !taken_[i] && fits_kind(block, mapping, path_matters);
      if (!fits || (i > first && !continues(mappings_[i - 1].mapping, mapping))) {
        first = fits ? i : i + 1;
        sum = 0;
      }
      if (!fits) continue;
      sum += mapping.bytes();
      while (sum > size) sum -= mappings_[first++].mapping.bytes();
      if (sum != size) continue;
      const std::string how = fmt::format("{} in {} pieces", words(block), i - first + 1);
      for (std::size_t piece = first; piece <= i; ++piece) give(piece, how, path_matters);
      return true;
    }
    return false;
  }

  void give(std::size_t i, std::string how, bool path_matters) {
    taken_[i] = true;
    if (!path_matters) how += ", by size alone";
    const Mapping& mapping = mappings_[i].mapping;
    found_.ram.push_back({mapping.start, mapping.end, mapping.shared,
                          fmt::format("{} (size from {})", how, source_)});
  }

  std::span<const RamBlock> blocks_;
  std::span<const SmapsEntry> mappings_;
  std::string_view source_;
  std::vector<bool> taken_;
  RamSearch found_;
};

}  // namespace

RamSearch find_guest_ram(std::span<const RamBlock> blocks, std::span<const SmapsEntry> mappings,
                         std::string_view source) {
  return Search(blocks, mappings, source).run();
}

}  // namespace brim::host
