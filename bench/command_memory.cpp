// SPDX-License-Identifier: Apache-2.0
// Anonymous memory of the whole command `brim share scan --image` at its peak, over images of 1, 2
// and 4 GiB of distinct pages, and what follows from a straight line through them for 16 GiB.
// Only RssAnon counts: the image's own pages, mapped, are the page cache's.
// LIMIT: 16 GiB is extrapolated, not measured.

#include "base/fd.h"
#include "base/text.h"
#include "ratios.h"

#include <array>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;  // NOLINT(readability-redundant-declaration): not in every unistd.h

namespace brim::bench {
namespace {

constexpr double kIndexBytesAPage = 32;  // the floor for the index, see image_ratios.cpp
constexpr std::size_t kGib = std::size_t{1} << 30;

// 0 where there is none (the process has exited).
std::uint64_t anonymous_bytes(int pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    std::string_view rest = line;
    if (!rest.starts_with("RssAnon:")) continue;
    rest.remove_prefix(std::strlen("RssAnon:"));
    rest = rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
    return parse_number(rest.substr(0, rest.find(' '))).value_or(0) << 10;
  }
  return 0;
}

std::optional<std::uint64_t> peak_of_scan(const std::string& program, const std::string& image) {
  std::array<std::string, 8> words{program, "share",      "scan", "--image",
                                   image,   "--no-store", "-o",   "/dev/null"};
  std::array<char*, 9> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  pid_t pid = -1;
  if (::posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments.data(), environ) != 0)
    return std::nullopt;
  std::uint64_t peak = 0;
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    peak = std::max(peak, anonymous_bytes(pid));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return peak;
}

bool extend(int file, std::size_t from, std::size_t to) {
  if (::posix_fallocate(file, 0, static_cast<off_t>(to)) != 0) return false;
  void* mapping = ::mmap(nullptr, to - from, PROT_READ | PROT_WRITE, MAP_SHARED, file,
                         static_cast<off_t>(from));
  if (mapping == MAP_FAILED) return false;
  fill_pages(std::span(static_cast<std::byte*>(mapping), to - from), from + 1, 1);
  ::munmap(mapping, to - from);
  return true;
}

// Least squares, at `x`.
double line_at(std::span<const double> xs, std::span<const double> ys, double x) {
  double mean_x = 0;
  double mean_y = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    mean_x += xs[i] / static_cast<double>(xs.size());
    mean_y += ys[i] / static_cast<double>(xs.size());
  }
  double covariance = 0;
  double variance = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    covariance += (xs[i] - mean_x) * (ys[i] - mean_y);
    variance += (xs[i] - mean_x) * (xs[i] - mean_x);
  }
  return mean_y + covariance / variance * (x - mean_x);
}

}  // namespace

bool measure_command_memory(const BenchOptions& options) {
  const std::string path = fmt::format("{}/brim-bench-{}-memory", options.folder, ::getpid());
  const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  std::vector<double> sizes, peaks;
  std::string why;
  std::size_t size = 0;
  for (const std::size_t next : {kGib, 2 * kGib, 4 * kGib}) {
    if (!file || !extend(file.get(), size, next)) {
      why = fmt::format("{}: no room for an image of {} GiB", options.folder, next / kGib);
      break;
    }
    size = next;
    const auto peak = peak_of_scan(options.program, path);
    if (!peak) {
      why = fmt::format("{}: can't be run, or fails", options.program);
      break;
    }
    sizes.push_back(static_cast<double>(size));
    peaks.push_back(static_cast<double>(*peak));
    fmt::print("memory: {} GiB of distinct pages, {:.0f} MB anonymous at the peak\n", size / kGib,
               peaks.back() / 1e6);
  }
  ::unlink(path.c_str());
  if (!why.empty()) {
    fmt::print("{}: NOT MEASURED\n", why);
    return false;
  }
  constexpr double kTarget = 16.0 * kGib;
  const double all = line_at(sizes, peaks, kTarget);
  const double index = kTarget / kPageSize * kIndexBytesAPage;
  return show("memory: MB for 16 GiB (extrapolated) beside 134 of index", (all - index) / 1e6,
              Bound::at_most, 200);
}

}  // namespace brim::bench
