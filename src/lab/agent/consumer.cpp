// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/consumer.h"

#include "host/shared_memory.h"
#include "lab/agent/monotonic_time.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

#include <sys/mman.h>
#include <sys/resource.h>

namespace brim::lab {
namespace {

// Memory of a consumer; gone with the object.
class ConsumedMemory {
 public:
  static Result<ConsumedMemory> take(std::uint64_t bytes) {
    void* const at =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return fail(errno_error(errno, "take a consumer's memory", ""));
    return ConsumedMemory(std::span(static_cast<std::byte*>(at), bytes));
  }
  ~ConsumedMemory() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  }
  ConsumedMemory(ConsumedMemory&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  ConsumedMemory& operator=(ConsumedMemory&&) = delete;
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit ConsumedMemory(std::span<std::byte> bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes_;
};

// Noise at the start of each page, so much of it as is not to compress.
void fill_memory(std::span<std::byte> bytes, ConsumerFill fill, Rng rng) {
  if (fill == ConsumerFill::none) return;
  const std::size_t noisy = fill == ConsumerFill::incompressible ? kPageSize : kPageSize / 2;
  for (std::size_t page = 0; page < bytes.size(); page += kPageSize)
    for (std::size_t at = 0; at < noisy; at += sizeof(std::uint64_t)) {
      const std::uint64_t word = rng.next();
      std::memcpy(bytes.data() + page + at, &word, sizeof word);
    }
}

// A burst on its memory.
class Bursts {
 public:
  Bursts(const ConsumerLoad& load, AccessedPages& pages, std::span<std::byte> bytes,
         ConsumerPage& page)
      : load_(load),
        pages_(pages),
        bytes_(bytes),
        page_(page),
        rng_(Rng(load.seed).split("bytes")) {}

  void one() {
    const bool needs_time = pages_.needs_time();
    std::chrono::nanoseconds now{0};
    for (std::uint64_t i = 0; i < load_.accesses; ++i) {
      if (needs_time) now = std::chrono::nanoseconds(monotonic_now() - page_.start);
      access(pages_.next(now));
      // One writer: a plain store is enough.
      page_.accesses.store(++done_, std::memory_order_relaxed);
    }
    page_.bursts.fetch_add(1, std::memory_order_relaxed);
  }

 private:
  void access(std::uint64_t page) {
    const std::uint64_t drawn = rng_.next();
    // Volatile: the access is the load's point.
    volatile std::byte& at = bytes_[page * kPageSize + drawn % kPageSize];
    const bool write =
        load_.write_share >= 1 || (load_.write_share > 0 && rng_.chance(load_.write_share));
    // Never 0: kernels don't write pages of zeros to swap.
    if (write)
      at = static_cast<std::byte>(drawn >> 56U) | std::byte{1};
    else
      static_cast<void>(static_cast<std::byte>(at));
  }

  const ConsumerLoad& load_;
  AccessedPages& pages_;
  std::span<std::byte> bytes_;
  ConsumerPage& page_;
  Rng rng_;
  std::uint64_t done_ = 0;
};

Result<void> consume(const ConsumerLoad& load, AccessedPages& pages, ConsumerPage& page) {
  BRIM_TRY(const ConsumedMemory memory, ConsumedMemory::take(pages_of(load) * kPageSize));
  fill_memory(memory.bytes(), load.fill, Rng(load.seed).split("fill"));
  page.has_memory = true;
  Bursts bursts(load, pages, memory.bytes(), page);
  while (monotonic_now() < page.end) {
    bursts.one();
    sleep_until(monotonic_now() + load.pause.count());
  }
  return {};
}

}  // namespace

Result<void> run_consumer(const ConsumerLoad& load, ConsumerPage& page) {
  // Its tables are there before it locks what it has.
  const auto pages = accessed_pages(load, Rng(load.seed));
  page.locked = ::mlockall(MCL_CURRENT) == 0;
  page.ready = true;
  while (page.told == 0) host::wait_while(&page.told, 0);
  sleep_until(page.start);
  auto consumed = consume(load, *pages, page);
  if (!consumed) {
    const std::string why = error_line(consumed.error());
    why.copy(page.failed.data(), page.failed.size() - 1);
    return consumed;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  page.minor_faults = static_cast<std::uint64_t>(usage.ru_minflt);
  page.major_faults = static_cast<std::uint64_t>(usage.ru_majflt);
  page.ended = monotonic_now();
  return {};
}

void tell_consumer(ConsumerPage& page, std::int64_t start, std::int64_t end) {
  page.start = start;
  page.end = end;
  page.told = 1;
  host::wake_all(&page.told);
}

}  // namespace brim::lab
