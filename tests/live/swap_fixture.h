// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the live tests of swap stand on: small areas and groups of brim's own, a consumer of memory
// that checks what it gets back, and the rule that the machine is as before at the end.

#include "host/limited_group.h"
#include "host/scratch_directory.h"
#include "host/swap_area.h"
#include "host/swap_table.h"
#include "host/system.h"
#include "share_child.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#define BRIM_NEEDS_VALUE(result)                                      \
  BRIM_NEEDS((result) || (result).error().code != ErrorCode::missing, \
             error_line((result).error()));                           \
  ASSERT_TRUE(result) << error_line((result).error())

namespace brim::live {

using namespace std::chrono_literals;
using host::LimitedGroup;
using host::SwapArea;
using host::SwapOrder;

inline constexpr Bytes kLimit = mebibytes(64);
inline constexpr Bytes kDemand = mebibytes(128);
inline constexpr Bytes kAreaSize = mebibytes(256);
inline constexpr std::size_t kDemandPages = kDemand.count() / kPageSize;

// What must be as it was: areas in use, zram devices, brim's groups, zswap's settings.
inline std::string swap_state() {
  std::string state = read_text("/proc/swaps");
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& item : std::filesystem::directory_iterator("/sys/block", error))
    if (item.path().filename().string().starts_with("zram")) names.push_back(item.path());
  const auto host = host::Host::open("/");
  const auto cgroups = host::read_cgroups(*host);
  if (cgroups)
    for (const host::CgroupMount& mount : cgroups->mounts)
      for (const auto& item : std::filesystem::directory_iterator(mount.path, error))
        if (item.path().filename().string().starts_with(host::kLimitedGroupPrefix))
          names.push_back(item.path());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) state += name + "\n";
  for (const char* name : {"enabled", "compressor", "max_pool_percent"})
    state += read_text(std::string("/sys/module/zswap/parameters/") + name);
  return state;
}

// Memory that does not compress, filled page by page; whether it still holds what was written.
class Consumer {
 public:
  // In its group from before it has any memory; `done` pages are counted where others see it.
  explicit Consumer(const LimitedGroup& group)
      : shared_(static_cast<Shared*>(::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0))),
        child_(std::make_unique<Child>([&] { prepare(group); },
                                       [this](char letter) { obey(letter); })) {}
  ~Consumer() {
    child_.reset();
    ::munmap(shared_, sizeof(Shared));
  }
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  void fill() { child_->tell('f'); }
  std::size_t intact() {
    child_->tell('v');
    return shared_->intact;
  }
  // Does not answer any more: it counts until it is killed.
  void count_for_ever() const { ::kill(child_->pid(), SIGUSR1); }
  [[nodiscard]] std::uint64_t counted() const { return shared_->counted; }
  [[nodiscard]] bool in_group() const { return shared_->in_group; }
  [[nodiscard]] bool alive() const {
    int status = 0;
    return ::waitpid(child_->pid(), &status, WNOHANG) == 0;
  }

 private:
  struct Shared {
    bool in_group;
    std::size_t intact;
    volatile std::uint64_t counted;
  };
  void prepare(const LimitedGroup& group) {
    counter_ = &shared_->counted;
    ::signal(SIGUSR1, [](int) {
      for (;;) *counter_ = *counter_ + 1;
    });
    shared_->in_group = group.add(0).has_value();
  }
  void obey(char letter) {
    if (letter == 'f') {
      memory_ = map_anonymous(kDemand.count());
      ::madvise(memory_, kDemand.count(), MADV_NOHUGEPAGE);
      for (std::size_t page = 0; page < kDemandPages; ++page)
        fill_page(memory_ + page * kPageSize, page + 1);
    }
    if (letter == 'v') {
      std::vector<std::byte> expected(kPageSize);
      shared_->intact = 0;
      for (std::size_t page = 0; page < kDemandPages; ++page) {
        fill_page(expected.data(), page + 1);
        if (std::memcmp(expected.data(), memory_ + page * kPageSize, kPageSize) == 0)
          ++shared_->intact;
      }
    }
  }
  static inline volatile std::uint64_t* counter_ = nullptr;  // in the child
  Shared* shared_;
  std::byte* memory_ = nullptr;  // in the child
  std::unique_ptr<Child> child_;
};

class SwapLive : public testing::Test {
 protected:
  void SetUp() override {
    BRIM_NEEDS(::geteuid() == 0, "needs root");
    BRIM_NEEDS(host::read_swap_table(host_), "this kernel has no swap");
  }
  void TearDown() override {
    EXPECT_EQ(swap_state(), before_);
    std::error_code error;
    for (const char* folder : {"swap", "groups"})
      EXPECT_TRUE(!std::filesystem::exists(scratch_ / folder) ||
                  std::filesystem::is_empty(scratch_ / folder, error))
          << "a record is left";
  }
  [[nodiscard]] Result<SwapArea> make_file(SwapOrder order = SwapOrder::first) const {
    return SwapArea::create_file(host_, scratch_ / "swap",
                                 {scratch_.path(), kAreaSize, order, mebibytes(64)});
  }
  [[nodiscard]] Result<SwapArea> make_zram(SwapOrder order = SwapOrder::first) const {
    return SwapArea::create_zram(host_, scratch_ / "swap", {kAreaSize, "", order});
  }
  [[nodiscard]] Result<LimitedGroup> make_group(std::optional<Bytes> swap = {}) const {
    return LimitedGroup::create(host_, scratch_ / "groups", "live-" + std::to_string(::getpid()),
                                {kLimit, swap});
  }
  [[nodiscard]] int priority_of(const SwapArea& area) const {
    const auto entry = host::find_swap(host_, area.path());
    EXPECT_TRUE(entry && *entry) << area.path();
    return entry && *entry ? (*entry)->priority : 0;
  }
  const std::string before_ = swap_state();
  const host::ScratchDirectory scratch_{"/var/tmp"};
  const host::Host host_ = std::move(host::Host::open("/")).value();
};

}  // namespace brim::live
