// SPDX-License-Identifier: Apache-2.0
#include "base/progress.h"

#include "base/printable.h"
#include "base/text.h"
#include "base/utf8.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace brim {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr double kLargestRate = 1e18;  // bytes a second: what still fits 64 bits

struct Cut {
  std::string text;
  int columns = 0;
};

// The longest beginning of well-formed UTF-8 that surely fits.
// LIMIT: every character beyond ASCII is taken as two columns wide, as the widest are.
Cut cut_to(std::string_view text, int columns) {
  Cut cut;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const int width = length == 1 ? 1 : 2;
    if (cut.columns + width > columns) break;
    cut.text += text.substr(0, length);
    cut.columns += width;
    text.remove_prefix(length);
  }
  return cut;
}

}  // namespace

bool is_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1; }

int terminal_columns(std::FILE* stream, int fallback) {
  winsize size{};
  if (!is_terminal(stream) || ::ioctl(::fileno(stream), TIOCGWINSZ, &size) != 0) return fallback;
  return size.ws_col > 0 ? size.ws_col : fallback;
}

Progress::Progress(std::FILE* stream, std::string label, std::uint64_t total,
                   std::uint64_t unit_bytes)
    : stream_(is_terminal(stream) ? stream : nullptr),
      total_(total),
      unit_bytes_(unit_bytes),
      label_(std::move(label)),
      start_(std::chrono::steady_clock::now()) {}

Progress::~Progress() { finish(); }

void Progress::advance(std::uint64_t units) {
  done_.fetch_add(units, std::memory_order_relaxed);
  if (stream_ == nullptr) return;
  const auto now = std::chrono::steady_clock::now();
  const std::unique_lock lock(mutex_, std::try_to_lock);  // another thread draws: let it
  if (lock && now - last_draw_ >= kRedraw) draw(now);
}

void Progress::finish() {
  if (stream_ == nullptr) return;
  const std::lock_guard lock(mutex_);
  if (drawn_) fmt::print(stream_, "\r\x1b[K");
  (void)std::fflush(stream_);
  drawn_ = false;
}

void Progress::draw(std::chrono::steady_clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const int columns = terminal_columns(stream_, 80);
  fmt::print(stream_, "\r{}\x1b[K",
             line(label_, done_.load(), total_.load(), seconds, unit_bytes_, columns - 1));
  (void)std::fflush(stream_);
  last_draw_ = now;
  drawn_ = true;
}

std::string Progress::line(const std::string& label, std::uint64_t done, std::uint64_t total,
                           double seconds, std::uint64_t unit_bytes, int columns) {
  const auto amount = static_cast<double>(done);
  const auto whole = static_cast<double>(total);
  std::string tail;
  if (total > 0) {
    // Rounded down: 100 % is said only of what is done.
    tail += fmt::format(" {:3.0f} %", std::floor(std::min(1.0, amount / whole) * 100));
  } else {
    tail += fmt::format(" {}", done);
  }
  if (unit_bytes > 0 && seconds > 0.2) {
    const double rate = std::min(amount * static_cast<double>(unit_bytes) / seconds, kLargestRate);
    tail += fmt::format("  {}/s", human_bytes(Bytes(static_cast<std::uint64_t>(rate))));
  }
  if (total > done && done > 0 && seconds > 1)
    tail += fmt::format("  {:.0f} s left", seconds * (whole - amount) / amount);
  const int room = columns - static_cast<int>(tail.size());
  const Cut head = cut_to(printable(label), room);
  const int bar = std::min(30, room - head.columns - 3);
  std::string drawn;
  if (total > 0 && bar >= 5) {
    const int full = static_cast<int>(std::min(1.0, amount / whole) * bar);
    drawn = fmt::format(" [{}{}]", std::string(static_cast<std::size_t>(full), '#'),
                        std::string(static_cast<std::size_t>(bar - full), ' '));
  }
  // The tail is ASCII, and nothing stands before it where it alone is too long.
  if (room < 0) return tail.substr(0, static_cast<std::size_t>(std::max(0, columns)));
  return head.text + drawn + tail;
}

}  // namespace brim
