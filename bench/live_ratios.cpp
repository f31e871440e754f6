// SPDX-License-Identifier: Apache-2.0
// Scans of a live process with every column (pagemap, kpageflags, kpagecount, smaps, causes, hash,
// index) against bare reads of the same pages through /proc/PID/mem, one thread.

#include "base/fd.h"
#include "base/rng.h"
#include "host/host.h"
#include "host/ksm.h"
#include "host/page_map.h"
#include "host/process.h"
#include "ratios.h"
#include "share/measure/process_subject.h"
#include "share/measure/scan.h"

#include <array>
#include <csignal>
#include <optional>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::bench {
namespace {

enum class Memory : std::uint8_t { huge, small, merged, merged_with_other };

const char* name_of(Memory memory) {
  switch (memory) {
    case Memory::huge:
      return "2 MiB pages";
    case Memory::small:
      return "4 KiB pages";
    case Memory::merged:
      return "merged in pairs";
    case Memory::merged_with_other:
      return "merged with another's";
  }
  return "";
}
bool mergeable(Memory memory) {
  return memory == Memory::merged || memory == Memory::merged_with_other;
}

// A child with `size` bytes of pages, killed at the end.
class Child {
 public:
  Child(Memory memory, std::size_t size) : size_(size) {
    std::array<int, 2> ready{};
    if (::pipe(ready.data()) != 0) return;
    const Fd from(ready[0]);
    Fd to(ready[1]);
    pid_ = ::fork();
    if (pid_ == 0) live(memory, size, to.get());
    to = Fd();
    std::byte* base = nullptr;
    if (::read(from.get(), &base, sizeof base) == sizeof base) base_ = base;
  }
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] bool usable() const { return base_ != nullptr; }
  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] VirtualPage first_page() const {
    return VirtualPage(reinterpret_cast<std::uintptr_t>(base_) / kPageSize);
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  [[noreturn]] static void live(Memory memory, std::size_t size, int ready) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    void* mapping =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) ::_exit(1);
    ::madvise(mapping, size, memory == Memory::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    fill_pages(std::span(static_cast<std::byte*>(mapping), size), 1,
               memory == Memory::merged ? 2 : 1);
    if (mergeable(memory)) ::madvise(mapping, size, MADV_MERGEABLE);
    if (::write(ready, &mapping, sizeof mapping) != sizeof mapping) ::_exit(1);
    for (;;) ::pause();
  }

  int pid_ = -1;
  std::size_t size_;
  const std::byte* base_ = nullptr;
};

// Lets ksmd run as fast as it will, and puts its knobs back.
class KsmRun {
 public:
  explicit KsmRun(const host::Host& host) : host_(host) {
    for (Knob& knob : knobs_) {
      auto old = host.read_value(knob.path);
      if (!old) return;
      knob.old = *old;
    }
    for (const Knob& knob : knobs_)
      if (!host.write_file(knob.path, knob.value)) return;
    running_ = true;
  }
  ~KsmRun() {
    for (const Knob& knob : knobs_)
      if (!knob.old.empty()) (void)host_.write_file(knob.path, knob.old);
  }
  KsmRun(const KsmRun&) = delete;
  KsmRun& operator=(const KsmRun&) = delete;
  [[nodiscard]] bool running() const { return running_; }

 private:
  struct Knob {
    const char* path;
    const char* value;
    std::string old;
  };
  const host::Host& host_;
  bool running_ = false;
  std::array<Knob, 3> knobs_{{{"/sys/kernel/mm/ksm/sleep_millisecs", "1", {}},
                              {"/sys/kernel/mm/ksm/pages_to_scan", "20000", {}},
                              {"/sys/kernel/mm/ksm/run", "1", {}}}};
};

// True when most of what can merge in the child has.
bool merge(const host::Host& host, const Child& child) {
  const KsmRun ksm(host);
  if (!ksm.running()) return false;
  const auto process = host::Process::open(host, child.pid());
  if (!process) return false;
  for (int tenths = 0; tenths < 900; ++tenths) {
    const auto rollup = process->smaps_rollup();
    if (rollup && rollup->ksm_bytes.value_or(0) > child.size() / 10 * 9) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

// 1 MiB at a time, into the same buffer: larger or smaller reads are no faster.
double read_seconds(const host::ProcessMemoryFile& memory, const Child& child) {
  std::vector<std::byte> buffer(1 << 20);
  return seconds([&] {
    std::uint64_t page = child.first_page().number();
    const std::uint64_t end = page + child.size() / kPageSize;
    for (; page < end; page += buffer.size() / kPageSize) {
      const auto got = memory.read(VirtualPage(page), buffer);
      use(got ? got->count() : 0);
    }
  });
}

// Opening the subject (smaps) included. Nothing when the scan did not see the memory.
std::optional<double> scan_seconds(const host::Host& host, const Child& child) {
  bool whole = false;
  const double taken = seconds([&] {
    std::vector<std::unique_ptr<share::Subject>> subjects;
    auto subject = share::open_process_subject(host, child.pid());
    if (!subject) return;
    subjects.push_back(std::move(*subject));
    Progress progress;
    const Cancel cancel;
    share::ScanOptions options;
    options.threads = 1;
    options.beyond = share::Beyond::none;
    const auto result = share::scan(subjects, options, Rng(1), progress, cancel);
    whole = result && result->has_facts &&
            result->results[0].subjects[0].pages >= child.size() / kPageSize;
  });
  if (!whole) return std::nullopt;
  return taken;
}

bool measure(const host::Host& host, Memory memory, std::size_t size) {
  const Child child(memory, size);
  const auto process = host::Process::open(host, child.pid());
  if (!child.usable() || !process) return false;
  const auto file = host::ProcessMemoryFile::open(*process);
  if (!file) return false;
  std::optional<Child> other;
  if (memory == Memory::merged_with_other) other.emplace(memory, size);
  if (mergeable(memory) && !merge(host, child)) {
    fmt::print("live, {}: KSM did not merge it: NOT MEASURED\n", name_of(memory));
    return false;
  }
  std::vector<double> reads, scans;
  (void)read_seconds(*file, child);
  for (int i = 0; i < kRepetitions; ++i) {
    reads.push_back(read_seconds(*file, child));
    const auto scan = scan_seconds(host, child);
    if (!scan) {
      fmt::print("live, {}: the scan has no frames (root needed): NOT MEASURED\n", name_of(memory));
      return false;
    }
    scans.push_back(*scan);
  }
  return show(fmt::format("live, {}: scan / bare reads ({:.1f} GB/s)", name_of(memory),
                          static_cast<double>(size) / median(reads) / 1e9),
              median(reads) / median(scans), Bound::at_least, 0.5);
}

}  // namespace

bool measure_live(const BenchOptions& options) {
  const auto host = host::Host::open("/");
  if (!host) return false;
  const std::size_t size = options.live_mib << 20;
  bool held = measure(*host, Memory::huge, size);
  held &= measure(*host, Memory::small, size);
  if (!options.ksm) return held;
  held &= measure(*host, Memory::merged, size);
  held &= measure(*host, Memory::merged_with_other, size);
  return held;
}

}  // namespace brim::bench
