// SPDX-License-Identifier: Apache-2.0
// Scans of raw images in the page cache against summing the same mapping, in the same mapping
// state: "mapped" has every page in the page table before, "fresh" maps the file anew each time, so
// that both pay for having its pages mapped, each in its own way.

#include "base/fd.h"
#include "ratios.h"
#include "share/measure/image_subject.h"
#include "share/measure/scan.h"

#include <array>
#include <memory>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <unistd.h>

namespace brim::bench {
namespace {

using Subjects = std::vector<std::unique_ptr<share::Subject>>;

// A file of pages, mapped; removed at the end.
class Image {
 public:
  Image(std::string path, std::size_t size, std::size_t copies)
      : path_(std::move(path)),
        size_(size),
        file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (!file_ || ::posix_fallocate(file_.get(), 0, static_cast<off_t>(size)) != 0) return;
    void* mapping = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (mapping == MAP_FAILED) return;
    fill_pages(std::span(static_cast<std::byte*>(mapping), size), copies, copies);
    ::munmap(mapping, size);
    bytes_ = map();
    if (bytes_ != nullptr) use(sum_words(bytes_, size));
    auto opened = share::open_image_subjects(std::span(&path_, 1));
    if (opened) subjects_ = std::move(*opened);
  }
  ~Image() {
    if (bytes_ != nullptr) ::munmap(const_cast<std::byte*>(bytes_), size_);
    ::unlink(path_.c_str());
  }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  [[nodiscard]] bool usable() const { return bytes_ != nullptr && !subjects_.empty(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::byte* bytes() const { return bytes_; }
  [[nodiscard]] const Subjects& subjects() const { return subjects_; }
  [[nodiscard]] const std::byte* map() const {
    void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file_.get(), 0);
    return mapping == MAP_FAILED ? nullptr : static_cast<const std::byte*>(mapping);
  }

 private:
  std::string path_;
  std::size_t size_;
  Fd file_;
  const std::byte* bytes_ = nullptr;
  Subjects subjects_;
};

double sum_seconds(const Image& image, unsigned threads) {
  return seconds([&] {
    std::vector<std::jthread> workers;
    const std::size_t share = image.size() / threads;
    for (unsigned t = 1; t < threads; ++t)
      workers.emplace_back(
          [&image, share, t] { use(sum_words(image.bytes() + t * share, share)); });
    use(sum_words(image.bytes(), share));
  });
}

double fresh_sum_seconds(const Image& image) {
  const std::byte* bytes = image.map();
  if (bytes == nullptr) return 0;
  const double taken = seconds([&] { use(sum_words(bytes, image.size())); });
  ::munmap(const_cast<std::byte*>(bytes), image.size());
  return taken;
}

struct How {
  unsigned threads = 1;
  bool confirm = false;
};

double scan_seconds(const Subjects& subjects, How how, double* index_bytes = nullptr) {
  return seconds([&] {
    Progress progress;
    const Cancel cancel;
    share::ScanOptions options;
    options.threads = how.threads;
    options.confirm = how.confirm;
    options.beyond = share::Beyond::none;
    const auto result = share::scan(subjects, options, Rng(1), progress, cancel);
    if (result && index_bytes != nullptr)
      *index_bytes = static_cast<double>(result->index_bytes) /
                     result->results[0].potential.minimum_pages.value;
  });
}

double fresh_scan_seconds(const Image& image) {
  const auto subjects = share::open_image_subjects(std::span(&image.path(), 1));
  return subjects ? scan_seconds(*subjects, {}) : 1e9;
}

double sha1_seconds(const Image& image) {
  return seconds([&] {
    std::vector<std::array<unsigned char, 20>> digests(image.size() / kPageSize);
    for (std::size_t i = 0; i < digests.size(); ++i)
      EVP_Digest(image.bytes() + i * kPageSize, kPageSize, digests[i].data(), nullptr, EVP_sha1(),
                 nullptr);
    std::sort(digests.begin(), digests.end());
    use(digests.front()[0]);
  });
}

}  // namespace

bool measure_images(const BenchOptions& options) {
  const std::size_t size = options.mib << 20;
  const std::string name = fmt::format("{}/brim-bench-{}", options.folder, ::getpid());
  const Image distinct(name + "-distinct", size, 1);
  const Image half(name + "-half", size, 2);
  if (!distinct.usable() || !half.usable()) {
    fmt::print(stderr, "{}: no room for two images of {} MiB\n", options.folder, options.mib);
    return false;
  }
  (void)scan_seconds(distinct.subjects(), {});  // maps their pages
  (void)scan_seconds(half.subjects(), {});
  double index_bytes = 0;
  std::vector<double> sum1, sum2, sum_half, fresh_sum, scan1, scan2, scan_half, fresh_scan,
      confirm_half, sha1;
  for (int i = 0; i < kRepetitions; ++i) {
    sum1.push_back(sum_seconds(distinct, 1));
    scan1.push_back(scan_seconds(distinct.subjects(), {}, &index_bytes));
    sum2.push_back(sum_seconds(distinct, 2));
    scan2.push_back(scan_seconds(distinct.subjects(), {.threads = 2}));
    fresh_sum.push_back(fresh_sum_seconds(distinct));
    fresh_scan.push_back(fresh_scan_seconds(distinct));
    sum_half.push_back(sum_seconds(half, 1));
    scan_half.push_back(scan_seconds(half.subjects(), {}));
    confirm_half.push_back(scan_seconds(half.subjects(), {.confirm = true}));
    if (i < 3) sha1.push_back(sha1_seconds(distinct));
  }
  const double scan = median(scan1);
  const auto rate = [size](double time) { return static_cast<double>(size) / time / 1e9; };
  fmt::print("images: {} MiB, sum {:.2f} GB/s, SHA-1 and sort {:.2f} GB/s (the sum is {:.1f} x)\n",
             options.mib, rate(median(sum1)), rate(median(sha1)), median(sha1) / median(sum1));
  bool held = show("scan / sum, distinct, mapped", median(sum1) / scan, Bound::at_least, 0.6);
  held &= show("scan / sum, distinct, fresh", median(fresh_sum) / median(fresh_scan),
               Bound::at_least, 0.6);
  held &= show("scan / sum, distinct, mapped, 2 threads", median(sum2) / median(scan2),
               Bound::at_least, 0.6);
  held &= show("scan / sum, half duplicates, mapped", median(sum_half) / median(scan_half),
               Bound::at_least, 0.5);
  held &= show("scan --confirm / sum, half duplicates, mapped",
               median(sum_half) / median(confirm_half), Bound::at_least, 0.35);
  held &= show("SHA-1 and sort / scan (times as fast)", median(sha1) / scan, Bound::at_least, 8);
  held &= show("index bytes a distinct page", index_bytes, Bound::at_most, 32);
  return held;
}

}  // namespace brim::bench
