// SPDX-License-Identifier: Apache-2.0
#pragma once
// Memory of children with a known potential, as a VM's guest RAM would be, and what a scan of it
// must say.

#include "host/host.h"
#include "host/qemu.h"
#include "share/measure/process_subject.h"
#include "share/measure/scan.h"
#include "share_child.h"

#include <functional>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

namespace brim::live {

using share::Cause;

inline constexpr std::uint64_t kEqual =
    600;  // pages of one content in each child, more than a KSM chain
inline constexpr std::uint64_t kUnique = 300;  // in each child
inline constexpr std::uint64_t kZero = 200;
inline constexpr std::uint64_t kAll = kEqual + kUnique + kZero;
inline constexpr std::size_t kBytes = kAll * kPageSize;

inline void plant(std::byte* memory, std::uint64_t child) {
  std::memset(memory, 1, kBytes);  // present, zero pages too
  for (std::uint64_t page = 0; page < kAll; ++page) {
    std::byte* const at = memory + page * kPageSize;
    if (page < kEqual) {
      fill_page(at, 1);
    } else if (page < kEqual + kUnique) {
      fill_page(at, 1000 * (child + 1) + page);
    } else {
      std::memset(at, 0, kPageSize);
    }
  }
}

// Only the planted memory of a process, as a VM's guest RAM would be.
inline std::unique_ptr<share::Subject> planted_memory(int pid, const std::byte* memory) {
  const auto host = host::Host::open("/");
  const auto process = host::Process::open(*host, pid);
  host::VirtualMachine machine;
  machine.pid = pid;
  machine.start_ticks = process ? process->start_ticks() : 0;
  machine.name = "child";
  const auto start = reinterpret_cast<std::uint64_t>(memory);
  machine.ram = {
      {.start = start, .end = start + kBytes, .shared = false, .identified_by = "the test"}};
  auto subject = share::open_vm_subject(*host, machine);
  EXPECT_TRUE(subject.has_value()) << (subject ? "" : error_line(subject.error()));
  return subject ? std::move(*subject) : nullptr;
}

inline share::ScanResult scan(std::vector<std::unique_ptr<share::Subject>> subjects) {
  share::ScanOptions options;
  options.threads = 2;
  Progress silent;
  const Cancel cancel;
  auto result = share::scan(subjects, options, Rng(1), silent, cancel);
  EXPECT_TRUE(result.has_value()) << (result ? "" : error_line(result.error()));
  return result ? std::move(*result) : share::ScanResult{};
}

inline std::uint64_t under(const share::ScanResult& result, Cause cause) {
  return result.unrealized_by_cause[static_cast<std::size_t>(cause)];
}

inline void expect_planted_potential(const share::ScanResult& result) {
  ASSERT_EQ(result.results.size(), 1U);
  const share::Potential& potential = result.results[0].potential;
  EXPECT_EQ(potential.zero_pages.value, 2 * kZero);
  EXPECT_EQ(potential.used_pages.value, 2 * (kEqual + kUnique));
  EXPECT_EQ(potential.minimum_pages.value, 1 + 2 * kUnique);
  EXPECT_EQ(potential.intra_saving_pages.value, 2 * (kEqual - 1));
  EXPECT_EQ(potential.inter_saving_pages.value, 1);
  EXPECT_EQ(std::accumulate(result.unrealized_by_cause.begin(), result.unrealized_by_cause.end(),
                            std::uint64_t{0}),
            result.unrealized_pages);
  EXPECT_EQ(result.unrealized_pages + result.real.saved_pages, 2 * kEqual - 1);
}

class ShareKsm : public testing::Test {
 protected:
  void SetUp() override { BRIM_NEEDS(::geteuid() == 0, "needs root: page flags and KSM's knobs"); }
};

// Two children with planted memory that `map` makes in each of them, scanned.
inline share::ScanResult scan_two(
    std::byte* memory, const std::function<void()>& prepare_more = [] {}) {
  std::vector<std::unique_ptr<Child>> children;
  std::vector<std::unique_ptr<share::Subject>> subjects;
  for (std::uint64_t number = 0; number < 2; ++number) {
    children.push_back(std::make_unique<Child>([&] {
      ::madvise(memory, kBytes, MADV_NOHUGEPAGE);
      prepare_more();
      plant(memory, number);
    }));
    subjects.push_back(planted_memory(children.back()->pid(), memory));
    if (!subjects.back()) return {};
  }
  return scan(std::move(subjects));
}

}  // namespace brim::live
