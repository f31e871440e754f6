// SPDX-License-Identifier: Apache-2.0
// A compressed kdump (makedumpfile; QEMU's kdump-zlib, -lzo, -snappy) through libkdumpfile in
// confined children: as many as there are processors, at most four, so that several threads
// decompress at once.

#include "image/extents.h"
#include "image/kdump_confinement.h"
#include "image/kdump_header.h"
#include "image/kdump_worker.h"
#include "image/readers.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

namespace brim::image {
namespace {

constexpr unsigned kMostWorkers = 4;

class KdumpImage final : public RamImage {
 public:
  using Workers = std::vector<std::unique_ptr<kdump::Worker>>;

  KdumpImage(ImageSource source, std::uint64_t size, kdump::DumpHeader header, Workers workers,
             std::vector<Extent> extents)
      : source_(std::move(source)),
        size_(size),
        header_(header),
        workers_(std::move(workers)),
        extents_(std::move(extents)) {
    for (const auto& worker : workers_) idle_.push_back(worker.get());
  }

  [[nodiscard]] ImageFormat format() const override { return ImageFormat::kdump; }
  [[nodiscard]] bool was_flattened() const override { return source_.was_flattened; }
  [[nodiscard]] std::span<const Extent> extents() const override { return extents_; }
  [[nodiscard]] Pages padded_pages() const override { return Pages(0); }

  Result<std::span<const std::byte>> read(GuestFrame first, Pages count, Scratch& scratch,
                                          std::vector<GuestFrame>& unavailable) const override {
    BRIM_ASSERT(holds(extents_, first, count));
    scratch.resize(bytes_of(count).count());
    kdump::Worker* worker = take();
    const Result<void> done = read_all(*worker, first, scratch, unavailable);
    give_back(worker);
    // A file that shrank makes libkdumpfile fail, or read zeros: say the cause.
    BRIM_CHECK(check_intact());
    if (!done) return fail(done.error());
    return std::span<const std::byte>(scratch);
  }

  // Pages are copies, so that the size after reading them tells.
  [[nodiscard]] Result<void> check_intact() const override {
    struct stat status = {};
    if (::fstat(source_.fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size >= size_) return {};
    return fail(ErrorCode::gone,
                fmt::format("shrank while being read, from {} to {} bytes", size_, size),
                source_.name);
  }

  [[nodiscard]] std::optional<Error> damage() const override {
    const std::lock_guard lock(damage_lock_);
    std::optional<Error> damage = damage_;
    if (header_.incomplete) {
      constexpr auto kIncomplete = "incomplete dump: its writer ran out of space";
      if (!damage) return Error{ErrorCode::bad_input, kIncomplete, source_.name};
      damage->what = fmt::format("{} ({})", kIncomplete, damage->what);
    }
    return damage;
  }

  [[nodiscard]] std::vector<std::string> notes() const override {
    if (!header_.split) return {};
    return {source_.name +
            " is one piece of a split dump: the pages in its other pieces are not read"};
  }

 private:
  Result<void> read_all(kdump::Worker& worker, GuestFrame first, std::span<std::byte> out,
                        std::vector<GuestFrame>& unavailable) const {
    while (!out.empty()) {
      const std::size_t batch = std::min(out.size(), kdump::kBatchPages * kPageSize);
      BRIM_CHECK(read_batch(worker, first, out.first(batch), unavailable));
      first += batch / kPageSize;
      out = out.subspan(batch);
    }
    return {};
  }

  // A page that can't be read costs itself only: the pages of its batch are then read one by one.
  Result<void> read_batch(kdump::Worker& worker, GuestFrame first, std::span<std::byte> out,
                          std::vector<GuestFrame>& unavailable) const {
    Result<void> done = worker.read(first, out, unavailable);
    if (done || worker.pid() < 0) return done;  // a child that has ended reads nothing more
    if (out.size() == kPageSize) {
      std::fill(out.begin(), out.end(), std::byte{0});
      unavailable.push_back(first);
      remember_damage(first, std::move(done).error());
      return {};
    }
    for (; !out.empty(); out = out.subspan(kPageSize), first += 1)
      BRIM_CHECK(read_batch(worker, first, out.first(kPageSize), unavailable));
    return {};
  }

  // Of the lowest page: whichever thread meets one first.
  void remember_damage(GuestFrame frame, Error error) const {
    const std::lock_guard lock(damage_lock_);
    if (damage_ && damaged_frame_ <= frame) return;
    damaged_frame_ = frame;
    damage_ = std::move(error);
  }

  kdump::Worker* take() const {
    std::unique_lock lock(idle_lock_);
    idle_changed_.wait(lock, [&] { return !idle_.empty(); });
    kdump::Worker* worker = idle_.back();
    idle_.pop_back();
    return worker;
  }

  void give_back(kdump::Worker* worker) const {
    {
      const std::lock_guard lock(idle_lock_);
      idle_.push_back(worker);
    }
    idle_changed_.notify_one();
  }

  ImageSource source_;
  std::uint64_t size_;
  kdump::DumpHeader header_;
  Workers workers_;
  std::vector<Extent> extents_;
  mutable std::mutex idle_lock_;
  mutable std::condition_variable idle_changed_;
  mutable std::vector<kdump::Worker*> idle_;  // pointers into workers_
  mutable std::mutex damage_lock_;
  mutable std::optional<Error> damage_;
  mutable GuestFrame damaged_frame_;
};

}  // namespace

Result<std::unique_ptr<RamImage>> open_kdump_image(ImageSource source) {
  struct stat status = {};
  if (::fstat(source.fd.get(), &status) != 0)
    return fail(errno_error(errno, "stat", std::move(source.name)));
  BRIM_TRY(const auto filter, kdump::make_filter());
  KdumpImage::Workers workers;
  const auto start_worker = [&]() -> Result<void> {
    BRIM_TRY(auto worker,
             kdump::Worker::start(source.fd.get(), source.name, filter, *source.cancel));
    workers.push_back(std::move(worker));
    return {};
  };
  // The others only when this one has found the dump to be worth it.
  BRIM_CHECK(start_worker());
  BRIM_CHECK(workers.front()->verify());
  BRIM_TRY(auto extents, workers.front()->extents());
  if (extents.empty())
    return fail(ErrorCode::bad_input, "a kdump without a page of memory", std::move(source.name));
  const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
  while (workers.size() < std::min(processors, kMostWorkers)) BRIM_CHECK(start_worker());
  const auto header = kdump::find_header(source.fd.get()).value_or(kdump::DumpHeader{});
  return std::make_unique<KdumpImage>(std::move(source), static_cast<std::uint64_t>(status.st_size),
                                      header, std::move(workers), std::move(extents));
}

}  // namespace brim::image
