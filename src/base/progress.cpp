// SPDX-License-Identifier: Apache-2.0
#include "base/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace brim {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);

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

void Progress::set_label(std::string label) {
  const std::lock_guard lock(mutex_);
  label_ = std::move(label);
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
  std::string tail;
  if (total > 0) {
    const double fraction = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    tail += fmt::format(" {:3.0f} %", fraction * 100);
  } else {
    tail += fmt::format(" {}", done);
  }
  if (unit_bytes > 0 && seconds > 0.2) {
    const double rate = static_cast<double>(done * unit_bytes) / seconds;
    tail += fmt::format("  {}/s", human_bytes(Bytes(static_cast<std::uint64_t>(rate))));
  }
  if (total > done && done > 0 && seconds > 1) {
    const double left = seconds * static_cast<double>(total - done) / static_cast<double>(done);
    tail += fmt::format("  {:.0f} s left", left);
  }
  const int room = columns - static_cast<int>(tail.size());
  std::string head = label.substr(0, static_cast<std::size_t>(std::max(0, room)));
  const int bar = std::min(30, room - static_cast<int>(head.size()) - 3);
  if (total > 0 && bar >= 5) {
    const auto full = static_cast<int>(std::min<std::uint64_t>(
        static_cast<std::uint64_t>(bar), done * static_cast<std::uint64_t>(bar) / total));
    head += fmt::format(" [{}{}]", std::string(static_cast<std::size_t>(full), '#'),
                        std::string(static_cast<std::size_t>(bar - full), ' '));
  }
  return (head + tail).substr(0, static_cast<std::size_t>(std::max(0, columns)));
}

}  // namespace brim
