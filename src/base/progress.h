// SPDX-License-Identifier: Apache-2.0
#pragma once
// A progress line on a terminal: label, bar, percentage, rate, time left. Prints nothing when the
// stream is not a terminal, and clears its line at the end. advance() may be called from any
// thread; it draws at most ten times a second.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>

namespace brim {

class Progress {
 public:
  // No output at all.
  Progress() = default;
  // `total` in the unit of advance(); 0 if unknown. `stream` must outlive this. `unit_bytes`: one
  // unit in bytes for the rate shown (0: show no rate).
  Progress(std::FILE* stream, std::string label, std::uint64_t total, std::uint64_t unit_bytes = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::uint64_t units);
  void set_total(std::uint64_t total) { total_.store(total); }
  // Clears the line; what follows is printed by the caller. Idempotent.
  void finish();

  [[nodiscard]] std::uint64_t done() const { return done_.load(); }

  // The line for a state, without escape sequences, at most `columns` wide. Pure, for tests.
  [[nodiscard]] static std::string line(const std::string& label, std::uint64_t done,
                                        std::uint64_t total, double seconds,
                                        std::uint64_t unit_bytes, int columns);

 private:
  void draw(std::chrono::steady_clock::time_point now);

  std::FILE* stream_ = nullptr;  // null: silent
  std::atomic<std::uint64_t> done_{0};
  std::atomic<std::uint64_t> total_{0};
  std::uint64_t unit_bytes_ = 0;
  std::mutex mutex_;  // guards what follows
  std::string label_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_draw_;
  bool drawn_ = false;
};

// Width of the terminal behind the stream, or `fallback` where it is none.
[[nodiscard]] int terminal_columns(std::FILE* stream, int fallback);
[[nodiscard]] bool is_terminal(std::FILE* stream);

}  // namespace brim
