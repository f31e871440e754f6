// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the live sharing tests stand on: a child process with memory of several kinds that waits to
// be told what to do, swap and KSM switched on for a test and put back after it, and the rule that
// a test which can't run is skipped with its reason, and fails under CI=true.

#include "base/units.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

// Leaves the test: skipped with the reason, or failed where everything is expected to be there.
#define BRIM_NEEDS(condition, reason)                                                   \
  if (!(condition)) {                                                                   \
    if (const char* ci = std::getenv("CI"); ci != nullptr && std::string(ci) == "true") \
      FAIL() << "needed under CI=true: " << (reason);                                   \
    GTEST_SKIP() << (reason);                                                           \
  }                                                                                     \
  static_assert(true)

namespace brim::live {

inline std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
inline bool write_text(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return written;
}

// Every "Name: number" and "Name number" line of a pseudo file.
inline std::map<std::string, std::uint64_t> read_numbers(const std::string& path) {
  std::map<std::string, std::uint64_t> numbers;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t end = line.find_first_of(": \t");
    if (end == std::string::npos) continue;
    const std::size_t digits = line.find_first_of("0123456789", end);
    if (digits == std::string::npos) continue;
    numbers[line.substr(0, end)] = std::strtoull(line.c_str() + digits, nullptr, 10);
  }
  return numbers;
}

// A value of a pseudo file, put back at the end.
class Setting {
 public:
  Setting(std::string path, const std::string& value)
      : path_(std::move(path)), old_(read_text(path_)) {
    set_ = write_text(path_, value);
  }
  ~Setting() {
    // "always [madvise] never": the chosen one is in brackets.
    const std::size_t open = old_.find('[');
    if (open != std::string::npos) old_ = old_.substr(open + 1, old_.find(']') - open - 1);
    if (set_) write_text(path_, old_);
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  [[nodiscard]] bool set() const { return set_; }

 private:
  std::string path_;
  std::string old_;
  bool set_ = false;
};

// ksmd going round quickly, merging at once; everything as it was at the end.
class KsmRunning {
 public:
  KsmRunning()
      : pages_(kDirectory + "pages_to_scan", "20000"),
        sleep_(kDirectory + "sleep_millisecs", "5"),
        run_(kDirectory + "run", "1") {}
  [[nodiscard]] bool works() const { return run_.set() && pages_.set(); }

 private:
  static inline const std::string kDirectory = "/sys/kernel/mm/ksm/";
  Setting pages_;
  Setting sleep_;
  Setting run_;
};

// A swap file of 64 MiB, off and deleted at the end.
class SwapFile {
 public:
  SwapFile() {
    std::string pattern = "/var/tmp/brim-swap-XXXXXX";
    const int fd = ::mkstemp(pattern.data());
    if (fd < 0) return;
    path_ = pattern;
    std::vector<char> block(1 << 20);
    for (int i = 0; i < 64; ++i) {
      if (::write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size())) break;
    }
    ::fsync(fd);
    ::close(fd);
    const std::string make = "mkswap " + path_ + " >/dev/null 2>&1";
    on_ = std::system(make.c_str()) == 0 && ::swapon(path_.c_str(), 0) == 0;
  }
  ~SwapFile() {
    if (on_) ::swapoff(path_.c_str());
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  SwapFile(const SwapFile&) = delete;
  SwapFile& operator=(const SwapFile&) = delete;
  [[nodiscard]] bool works() const { return on_; }

 private:
  std::string path_;
  bool on_ = false;
};

// A child that prepares its memory, says so, and then does what it is told a letter at a time; it
// is killed at the end, and dies with the test.
class Child {
 public:
  // `prepare` runs in the child; `obey` for each letter.
  explicit Child(
      const std::function<void()>& prepare, const std::function<void(char)>& obey = [](char) {}) {
    int to[2];
    int from[2];
    // An exec closes the child's ends, so that nobody waits for the new program to answer.
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(to[1]);
      ::close(from[0]);
      prepare();
      for (char letter = 'r'; ::write(from[1], &letter, 1) == 1;) {
        if (::read(to[0], &letter, 1) != 1) break;
        obey(letter);
      }
      ::_exit(0);
    }
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    from_ = from[0];
    wait_for_answer();
  }
  ~Child() {
    stop();
    ::close(to_);
    ::close(from_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void tell(char letter) {
    if (::write(to_, &letter, 1) == 1) wait_for_answer();
  }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] std::string file(const std::string& name) const {
    return "/proc/" + std::to_string(pid_) + "/" + name;
  }

 private:
  // Also returns when the child is gone, or exec'd (the pipe is closed).
  void wait_for_answer() const {
    char answer = 0;
    if (::read(from_, &answer, 1) < 0) return;
  }
  pid_t pid_ = 0;
  int to_ = -1;
  int from_ = -1;
};

// Anonymous memory of the calling process; not populated.
inline std::byte* map_anonymous(std::size_t bytes) {
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
}

// Page `i` of content number `content`: no two contents are alike, none compresses to zero.
inline void fill_page(std::byte* page, std::uint64_t content) {
  std::uint64_t state = content * 0x9e3779b97f4a7c15ULL + 1;
  for (std::size_t i = 0; i < kPageSize; i += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::memcpy(page + i, &state, 8);
  }
}

// Waits for a condition, at most this long.
inline bool eventually(const std::function<bool()>& holds, int seconds = 30) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

inline std::uint64_t merged_pages(int pid) {
  return std::strtoull(read_text("/proc/" + std::to_string(pid) + "/ksm_merging_pages").c_str(),
                       nullptr, 10);
}

}  // namespace brim::live
