// SPDX-License-Identifier: Apache-2.0
// Anonymous memory of the whole command `brim share scan --image` at its peak, over an image of
// 16 GiB of distinct pages. Only RssAnon counts: the image's own pages, mapped, are the page
// cache's.

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

// A GiB at a time: the mapping of what is written counts as memory of this program.
bool make_image(const std::string& path, std::size_t size) {
  const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || ::posix_fallocate(file.get(), 0, static_cast<off_t>(size)) != 0) return false;
  for (std::size_t at = 0; at < size; at += kGib) {
    void* mapping = ::mmap(nullptr, kGib, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(),
                           static_cast<off_t>(at));
    if (mapping == MAP_FAILED) return false;
    fill_pages(std::span(static_cast<std::byte*>(mapping), kGib), at + 1, 1);
    ::munmap(mapping, kGib);
  }
  return true;
}

}  // namespace

bool measure_command_memory(const BenchOptions& options) {
  const std::string path = fmt::format("{}/brim-bench-{}-memory", options.folder, ::getpid());
  const std::size_t size = options.memory_gib * kGib;
  const bool made = make_image(path, size);
  const auto peak = made ? peak_of_scan(options.program, path) : std::nullopt;
  ::unlink(path.c_str());
  if (!peak) {
    fmt::print("memory: {}: NOT MEASURED\n",
               made ? fmt::format("{} can't be run, or fails", options.program)
                    : fmt::format("{} has no room for an image of {} GiB", options.folder,
                                  options.memory_gib));
    return false;
  }
  const double index = static_cast<double>(size) / kPageSize * kIndexBytesAPage;
  fmt::print("memory: {} GiB of distinct pages, {:.0f} MB anonymous at the peak\n",
             options.memory_gib, static_cast<double>(*peak) / 1e6);
  return show(fmt::format("memory: MB beside {:.0f} of index", index / 1e6),
              (static_cast<double>(*peak) - index) / 1e6, Bound::at_most, 200);
}

}  // namespace brim::bench
