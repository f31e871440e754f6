// SPDX-License-Identifier: Apache-2.0
// FrameTable: /proc/kpageflags and /proc/kpagecount in few system calls.
#include "host/page_map.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <numeric>

#include <fcntl.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr std::uint64_t kEntryBytes = sizeof(std::uint64_t);
constexpr std::uint64_t kFrameLimit = 1ULL << 55;  // as many bits as pagemap has for a frame

// How far apart two frames may be and still be read in one call, reading what lies between for
// nothing. Measured on Linux 6.18 over random places: a call costs 280 ns and about 50 ns more for
// each entry (the kernel looks into one struct page, mostly a cache miss, for each), so that a gap
// of 5 or 6 entries costs as much as a second call.
constexpr std::uint64_t kLargestGap = 5;
constexpr std::size_t kWindow = 512;  // entries: 4 KiB on the stack, and past any fixed cost

ssize_t pread_again(int fd, void* out, std::size_t bytes, std::uint64_t offset) {
  ssize_t got = -1;
  do {
    got = ::pread(fd, out, bytes, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  return got;
}

// Frames [low, high], and which places of the caller's spans want them: order[begin, end).
struct Window {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

bool known(HostFrame frame) { return frame.number() != 0 && frame.number() < kFrameLimit; }

// The longest window from order[begin] on. Frames may rise, fall or repeat inside it.
Window window_from(std::span<const HostFrame> frames, std::span<const std::uint32_t> order,
                   std::size_t begin) {
  const std::uint64_t first = frames[order[begin]].number();
  Window window{first, first, begin, begin + 1};
  for (; window.end < order.size(); ++window.end) {
    const std::uint64_t frame = frames[order[window.end]].number();
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

// Whether sorting pays: 30 ns a page against two calls for each window it may save.
bool scattered(std::span<const HostFrame> frames, std::span<const std::uint32_t> order) {
  std::size_t jumps = 0;
  for (std::size_t i = 1; i < order.size(); ++i) {
    const std::uint64_t a = frames[order[i - 1]].number();
    const std::uint64_t b = frames[order[i]].number();
    jumps += (a < b ? b - a : a - b) > kLargestGap + 1 ? 1 : 0;
  }
  return jumps > order.size() / 16;
}

// Reads the window's entries of one file and hands them to their places. What lies beyond the end
// of the file is `absent`.
Result<void> read_window(int fd, const std::string& where, const Window& window,
                         std::span<const HostFrame> frames, std::span<const std::uint32_t> order,
                         std::uint64_t absent, std::span<std::uint64_t> out) {
  std::array<std::uint64_t, kWindow> entries;  // NOLINT: filled by pread as far as it is used
  const std::uint64_t wanted = (window.high - window.low + 1) * kEntryBytes;
  std::uint64_t done = 0;
  while (done < wanted) {
    const ssize_t got = pread_again(fd, reinterpret_cast<std::byte*>(entries.data()) + done,
                                    wanted - done, window.low * kEntryBytes + done);
    if (got < 0) return fail(errno_error(errno, "read", where));
    if (got == 0) break;
    done += static_cast<std::uint64_t>(got);
  }
  const std::uint64_t count = done / kEntryBytes;
  for (std::size_t i = window.begin; i < window.end; ++i) {
    const std::uint64_t at = frames[order[i]].number() - window.low;
    out[order[i]] = at < count ? entries[at] : absent;
  }
  return {};
}

// One past the last frame the file answers for: doubling, then halving; some 80 calls.
Result<HostFrame> find_end(int fd, const std::string& where) {
  const auto answers = [&](std::uint64_t frame) -> Result<bool> {
    std::uint64_t entry = 0;
    const ssize_t got = pread_again(fd, &entry, kEntryBytes, frame * kEntryBytes);
    if (got < 0) return fail(errno_error(errno, "read", where));
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

Result<Fd> open_table(const Host& host, std::string_view path) {
  auto file = host.open_file(path, O_RDONLY);
  if (file) return file;
  Error error = std::move(file).error();
  if (error.code == ErrorCode::denied) error.what += "; run as root";
  if (error.code == ErrorCode::missing) error.what += "; the kernel needs CONFIG_PROC_PAGE_MONITOR";
  return fail(std::move(error));
}

}  // namespace

Result<FrameTable> FrameTable::open(const Host& host) {
  FrameTable table;
  BRIM_TRY(table.flags_, open_table(host, "/proc/kpageflags"));
  BRIM_TRY(table.counts_, open_table(host, "/proc/kpagecount"));
  table.flags_place_ = host.place("/proc/kpageflags");
  table.counts_place_ = host.place("/proc/kpagecount");
  BRIM_TRY(table.end_, find_end(table.flags_.get(), table.flags_place_));
  return table;
}

Result<void> FrameTable::read(std::span<const HostFrame> frames, std::span<std::uint64_t> flags,
                              std::span<std::uint64_t> counts) const {
  BRIM_ASSERT(flags.empty() || flags.size() == frames.size());
  BRIM_ASSERT(counts.empty() || counts.size() == frames.size());
  constexpr std::uint64_t kNoPage = 1ULL << static_cast<unsigned>(PageFlag::nopage);
  std::vector<std::uint32_t> order;
  order.reserve(frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (known(frames[i])) {
      order.push_back(static_cast<std::uint32_t>(i));
      continue;
    }
    if (!flags.empty()) flags[i] = frames[i].number() == 0 ? 0 : kNoPage;
    if (!counts.empty()) counts[i] = 0;
  }
  if (scattered(frames, order))
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return frames[a] < frames[b]; });
  for (std::size_t at = 0; at < order.size();) {
    const Window window = window_from(frames, order, at);
    if (!flags.empty())
      BRIM_CHECK(read_window(flags_.get(), flags_place_, window, frames, order, kNoPage, flags));
    if (!counts.empty())
      BRIM_CHECK(read_window(counts_.get(), counts_place_, window, frames, order, 0, counts));
    at = window.end;
  }
  return {};
}

}  // namespace brim::host
