// SPDX-License-Identifier: Apache-2.0
// FrameTable: /proc/kpageflags and /proc/kpagecount in few system calls.
#include "host/frame_table.h"

#include "host/files.h"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <utility>

#include <fcntl.h>

namespace brim::host {
namespace {

constexpr std::uint64_t kEntryBytes = sizeof(std::uint64_t);
constexpr std::uint64_t kNoPage = bit(PageFlag::nopage);
constexpr std::uint64_t kFrameLimit = 1ULL << 55;  // as many bits as pagemap has for a frame

// How far apart two frames may be and still be read in one call, reading what lies between for
// nothing. Measured on Linux 6.18 over random places: a call costs 280 ns and about 50 to 80 ns
// more for each entry (the kernel looks into one struct page, mostly a cache miss, for each), so
// that a gap of 5 or 6 entries costs as much as a second call.
constexpr std::uint64_t kLargestGap = 5;
constexpr std::size_t kWindow = 512;  // entries: 4 KiB on the stack, and past any fixed cost

// A frame, and its place in the caller's spans.
struct Wanted {
  std::uint64_t frame = 0;
  std::size_t place = 0;
};

// Frames [low, high]; wanted[begin, end) are in it.
struct Window {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

bool known(HostFrame frame) { return frame.number() != 0 && frame.number() < kFrameLimit; }

// The longest window from wanted[begin] on. Frames may rise, fall or repeat inside it.
Window window_from(std::span<const Wanted> wanted, std::size_t begin) {
  const std::uint64_t first = wanted[begin].frame;
  Window window{first, first, begin, begin + 1};
  for (; window.end < wanted.size(); ++window.end) {
    const std::uint64_t frame = wanted[window.end].frame;
    const std::uint64_t low = std::min(window.low, frame);
    const std::uint64_t high = std::max(window.high, frame);
    const bool near =
        frame + kLargestGap + 1 >= window.low && frame <= window.high + kLargestGap + 1;
    if (!near || high - low >= kWindow) break;
    window.low = low;
    window.high = high;
  }
  return window;
}

std::uint64_t distance(HostFrame a, HostFrame b) { return a < b ? b - a : a - b; }
bool near(HostFrame a, HostFrame b) { return distance(a, b) <= kLargestGap + 1; }

// More than one in sixteen lies elsewhere than the one before it.
bool scattered(std::size_t jumps, std::size_t frames) { return jumps > frames / 16; }

// Sorting `frames` of them costs 30 ns each, and saves the two calls of one that then has another
// near it. Over more places than this, fewer than one in ten would.
std::uint64_t farthest_worth_sorting(std::size_t frames) { return frames * 128; }

// Reads the window's entries of one file and hands them to their places.
Result<void> read_window(const FrameFile& file, const Window& window,
                         std::span<const Wanted> wanted, std::span<std::uint64_t> out) {
  std::array<std::uint64_t, kWindow> entries;  // NOLINT: filled as far as it is used
  BRIM_CHECK(
      file.read(HostFrame(window.low), std::span(entries).first(window.high - window.low + 1)));
  for (std::size_t i = window.begin; i < window.end; ++i)
    out[wanted[i].place] = entries[wanted[i].frame - window.low];
  return {};
}

// One past the last frame the file answers for: doubling, then halving; some 80 calls.
Result<HostFrame> find_end(const FrameFile& file) {
  const auto answers = [&](std::uint64_t frame) -> Result<bool> {
    std::uint64_t entry = 0;
    const ssize_t got =
        read_at(file.fd.get(), std::as_writable_bytes(std::span(&entry, 1)), frame * kEntryBytes);
    if (got < 0) return fail(errno_error(errno, "read", file.place));
    return got == static_cast<ssize_t>(kEntryBytes);
  };
  std::uint64_t low = 0;  // all below answer
  std::uint64_t high = 1;
  while (high < kFrameLimit) {
    BRIM_TRY(const bool there, answers(high - 1));
    if (!there) break;
    low = high;
    high *= 2;
  }
  while (low < high) {  // high - 1 does not answer, or nothing is left
    const std::uint64_t middle = std::midpoint(low, high);
    BRIM_TRY(const bool there, answers(middle));
    if (there)
      low = middle + 1;
    else
      high = middle;
  }
  return HostFrame(low);
}

Result<FrameFile> open_file(const Host& host, std::string_view path, std::uint64_t absent) {
  auto opened = host.open_file(path, O_RDONLY);
  if (opened) return FrameFile{std::move(*opened), host.place(path), absent};
  Error error = std::move(opened).error();
  if (error.code == ErrorCode::denied) error.what += "; run as root";
  if (error.code == ErrorCode::missing) error.what += "; the kernel needs CONFIG_PROC_PAGE_MONITOR";
  return fail(std::move(error));
}

}  // namespace

Result<void> FrameFile::read(HostFrame first, std::span<std::uint64_t> out) const {
  const std::span<std::byte> bytes = std::as_writable_bytes(out);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read_at(fd.get(), bytes.subspan(done), first.number() * kEntryBytes + done);
    if (got < 0) return fail(errno_error(errno, "read", place));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  const std::size_t whole = done / kEntryBytes;
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(whole), out.end(), absent);
  return {};
}

Result<FrameTable> FrameTable::open(const Host& host) {
  FrameTable table;
  BRIM_TRY(table.flags_, open_file(host, "/proc/kpageflags", kNoPage));
  BRIM_TRY(table.counts_, open_file(host, "/proc/kpagecount", 0));
  BRIM_TRY(table.end_, find_end(table.flags_));
  return table;
}

Result<void> FrameTable::read(std::span<const HostFrame> frames, std::span<std::uint64_t> flags,
                              std::span<std::uint64_t> counts) const {
  BRIM_ASSERT(flags.empty() || flags.size() == frames.size());
  BRIM_ASSERT(counts.empty() || counts.size() == frames.size());
  std::vector<Wanted> wanted;
  wanted.reserve(frames.size());
  std::size_t jumps = 0;  // that sorting may save
  const auto again = [&](std::size_t i) {
    return i > 0 && frames[i] == frames[i - 1] && known(frames[i]);
  };
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (again(i)) continue;
    if (known(frames[i])) {
      const std::uint64_t jump =
          wanted.empty() ? 0 : distance(HostFrame(wanted.back().frame), frames[i]);
      jumps += jump > kLargestGap + 1 && jump < farthest_worth_sorting(frames.size()) ? 1 : 0;
      wanted.push_back({.frame = frames[i].number(), .place = i});
      continue;
    }
    if (!flags.empty()) flags[i] = frames[i].number() == 0 ? 0 : kNoPage;
    if (!counts.empty()) counts[i] = 0;
  }
  if (scattered(jumps, wanted.size()))
    std::sort(wanted.begin(), wanted.end(),
              [](const Wanted& a, const Wanted& b) { return a.frame < b.frame; });
  for (std::size_t at = 0; at < wanted.size();) {
    const Window window = window_from(wanted, at);
    if (!flags.empty()) BRIM_CHECK(read_window(flags_, window, wanted, flags));
    if (!counts.empty()) BRIM_CHECK(read_window(counts_, window, wanted, counts));
    at = window.end;
  }
  for (std::size_t i = 1; i < frames.size(); ++i) {
    if (!again(i)) continue;
    if (!flags.empty()) flags[i] = flags[i - 1];
    if (!counts.empty()) counts[i] = counts[i - 1];
  }
  return {};
}

FrameReader::FrameReader(const FrameTable& table, std::chrono::nanoseconds fresh_for)
    : table_(&table), fresh_for_(fresh_for) {}

Result<void> FrameReader::read(std::span<const HostFrame> frames, std::span<std::uint64_t> flags,
                               std::span<std::uint64_t> counts) {
  std::size_t jumps = 0;
  for (std::size_t i = 1; i < frames.size(); ++i) jumps += near(frames[i - 1], frames[i]) ? 0 : 1;
  if (!scattered(jumps, frames.size())) return table_->read(frames, flags, counts);
  const Clock::time_point now = Clock::now();
  rest_.clear();
  rest_places_.clear();
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const bool again = i > 0 && frames[i] == frames[i - 1];
    Region* region = known(frames[i]) ? region_to_copy(frames[i], again) : nullptr;
    if (region == nullptr) {
      rest_.push_back(frames[i]);
      rest_places_.push_back(i);
      continue;
    }
    const std::size_t at = frames[i].number() % kRegionFrames;
    if (!flags.empty()) {
      BRIM_CHECK(refresh(table_->flags_, region->number, region->flags, now));
      flags[i] = (*region->flags.entries)[at];
    }
    if (!counts.empty()) {
      BRIM_CHECK(refresh(table_->counts_, region->number, region->counts, now));
      counts[i] = (*region->counts.entries)[at];
    }
  }
  rest_flags_.resize(flags.empty() ? 0 : rest_.size());
  rest_counts_.resize(counts.empty() ? 0 : rest_.size());
  BRIM_CHECK(table_->read(rest_, rest_flags_, rest_counts_));
  for (std::size_t i = 0; i < rest_flags_.size(); ++i) flags[rest_places_[i]] = rest_flags_[i];
  for (std::size_t i = 0; i < rest_counts_.size(); ++i) counts[rest_places_[i]] = rest_counts_[i];
  return {};
}

FrameReader::Region* FrameReader::region_to_copy(HostFrame frame, bool again) {
  const std::uint64_t number = frame.number() / kRegionFrames;
  Region& region = regions_[number % kRegions];
  if (region.number != number) {
    region.number = number;
    region.asked = 0;
    region.flags.valid = false;
    region.counts.valid = false;
  }
  if (!again) ++region.asked;
  return region.asked > kAsksForACopy ? &region : nullptr;
}

Result<void> FrameReader::refresh(const FrameFile& file, std::uint64_t region, Copy& copy,
                                  Clock::time_point now) const {
  if (copy.valid && now - copy.made_at <= fresh_for_) return {};
  if (!copy.entries) copy.entries = std::make_unique<std::array<std::uint64_t, kRegionFrames>>();
  copy.valid = false;
  BRIM_CHECK(file.read(HostFrame(region * kRegionFrames), *copy.entries));
  copy.made_at = now;
  copy.valid = true;
  return {};
}

}  // namespace brim::host
