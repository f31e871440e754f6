// SPDX-License-Identifier: Apache-2.0
// How near `share scan` of raw images in the page cache comes to the memory's own speed: ratios
// within one run to summing the same mapping, repetitions interleaved, medians.
//   share_scan_bench [--check] [--mib N] [--folder DIR]
// --check: exit 1 when a floor is missed. The images (N MiB, 1024 by default) are written to DIR
// (/dev/shm by default) and removed.
// LIMIT: memory for 16 GiB is not measured but follows from bytes a page at N MiB.

#include "base/fd.h"
#include "base/rng.h"
#include "base/text.h"
#include "share/measure/image_subject.h"
#include "share/measure/scan.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using brim::kPageSize;
constexpr int kRepetitions = 7;

struct Image {
  std::string path;
  const std::byte* bytes = nullptr;
  std::size_t size = 0;
};

// Every second page equals the page before where `half` is set.
Image make_image(const std::string& path, std::size_t size, bool half) {
  const brim::Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  std::array<std::uint64_t, kPageSize / 8> page{};
  brim::Rng rng(half ? 2 : 1);
  for (std::size_t at = 0; at < size; at += kPageSize) {
    if (!half || at / kPageSize % 2 == 0)
      for (std::uint64_t& word : page) word = rng.next();
    if (::write(file.get(), page.data(), kPageSize) != static_cast<ssize_t>(kPageSize)) return {};
  }
  void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file.get(), 0);
  if (mapping == MAP_FAILED) return {};
  return {path, static_cast<const std::byte*>(mapping), size};
}

std::uint64_t sum_words(const std::byte* bytes, std::size_t size) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(bytes);
  std::array<std::uint64_t, 16> sums{};
  for (std::size_t i = 0; i < size / 8; i += sums.size())
    for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += words[i + lane];
  std::uint64_t total = 0;
  for (const std::uint64_t sum : sums) total += sum;
  return total;
}

volatile std::uint64_t sink;

template <class Do>
double seconds(Do&& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Everything is measured over mappings whose pages are all mapped: the first use of a mapping costs
// page faults, the same for whoever comes first.
double sum_seconds(const Image& image, unsigned threads) {
  return seconds([&] {
    std::vector<std::jthread> workers;
    const std::size_t share = image.size / threads;
    for (unsigned t = 1; t < threads; ++t)
      workers.emplace_back(
          [&image, share, t] { sink = sum_words(image.bytes + t * share, share); });
    sink = sum_words(image.bytes, share);
  });
}

using Subjects = std::vector<std::unique_ptr<brim::share::Subject>>;

double scan_seconds(const Subjects& subjects, unsigned threads, bool confirm, double* index_bytes) {
  return seconds([&] {
    brim::Progress progress;
    const brim::Cancel cancel;
    brim::share::ScanOptions options;
    options.threads = threads;
    options.confirm = confirm;
    options.beyond = brim::share::Beyond::none;
    const auto result = brim::share::scan(subjects, options, brim::Rng(1), progress, cancel);
    if (result && index_bytes != nullptr)
      *index_bytes = static_cast<double>(result->index_bytes) /
                     result->results[0].potential.minimum_pages.value;
  });
}

double sha1_seconds(const Image& image) {
  return seconds([&] {
    std::vector<std::array<unsigned char, 20>> digests(image.size / kPageSize);
    for (std::size_t i = 0; i < digests.size(); ++i)
      EVP_Digest(image.bytes + i * kPageSize, kPageSize, digests[i].data(), nullptr, EVP_sha1(),
                 nullptr);
    std::sort(digests.begin(), digests.end());
    sink = digests.front()[0];
  });
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool show(const char* what, double value, double limit, bool at_least) {
  const bool held = at_least ? value >= limit : value <= limit;
  fmt::print("{:<44} {:8.2f}  {} {:5.2f}  {}\n", what, value, at_least ? ">=" : "<=", limit,
             held ? "held" : "MISSED");
  return held;
}

}  // namespace

int main(int argc, char** argv) {
  bool check = false;
  std::size_t mib = 1024;
  std::string folder = "/dev/shm";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--check") check = true;
    if (argument == "--mib" && i + 1 < argc) mib = brim::parse_number(argv[++i]).value_or(mib);
    if (argument == "--folder" && i + 1 < argc) folder = argv[++i];
  }
  const std::size_t size = std::max<std::size_t>(mib, 64) << 20;
  const std::string name = fmt::format("{}/brim-bench-{}", folder, ::getpid());
  const Image distinct = make_image(name + "-distinct", size, false);
  const Image half = make_image(name + "-half", size, true);
  if (distinct.bytes == nullptr || half.bytes == nullptr) {
    fmt::print(stderr, "{}: no room for two images of {} MiB\n", folder, size >> 20);
    ::unlink((name + "-distinct").c_str());
    ::unlink((name + "-half").c_str());
    return 3;
  }
  const auto distinct_subjects = brim::share::open_image_subjects(std::array{distinct.path});
  const auto half_subjects = brim::share::open_image_subjects(std::array{half.path});
  ::unlink(distinct.path.c_str());  // the mappings keep them
  ::unlink(half.path.c_str());
  if (!distinct_subjects || !half_subjects) {
    fmt::print(stderr, "the images can't be opened\n");
    return 3;
  }
  (void)scan_seconds(*distinct_subjects, 1, false, nullptr);  // maps their pages
  (void)scan_seconds(*half_subjects, 1, false, nullptr);
  double index_bytes = 0;
  std::vector<double> sum1, sum2, sum_half, scan1, scan2, scan_half, confirm_half, sha1;
  for (int i = 0; i < kRepetitions; ++i) {
    sum1.push_back(sum_seconds(distinct, 1));
    scan1.push_back(scan_seconds(*distinct_subjects, 1, false, &index_bytes));
    sum2.push_back(sum_seconds(distinct, 2));
    scan2.push_back(scan_seconds(*distinct_subjects, 2, false, nullptr));
    sum_half.push_back(sum_seconds(half, 1));
    scan_half.push_back(scan_seconds(*half_subjects, 1, false, nullptr));
    confirm_half.push_back(scan_seconds(*half_subjects, 1, true, nullptr));
    if (i < 3) sha1.push_back(sha1_seconds(distinct));
  }
  const double scan = median(scan1);
  fmt::print("{} MiB, sum {:.2f} GB/s\n", size >> 20,
             static_cast<double>(size) / median(sum1) / 1e9);
  bool held = show("scan / sum, 1 thread, distinct", median(sum1) / scan, 0.6, true);
  held &= show("scan / sum, 2 threads, distinct", median(sum2) / median(scan2), 0.6, true);
  held &= show("scan / sum, 1 thread, half duplicates", median(sum_half) / median(scan_half), 0.5,
               true);
  held &= show("scan --confirm / sum, half duplicates", median(sum_half) / median(confirm_half),
               0.35, true);
  held &= show("SHA-1 and sort / scan", median(sha1) / scan, 8, true);
  held &= show("index bytes a distinct page", index_bytes, 32, false);
  return check && !held ? 1 : 0;
}
