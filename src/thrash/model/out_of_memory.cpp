// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/out_of_memory.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace brim::thrash::model {
namespace {

ThreadNumber worst(std::span<const ProcessMemory> processes) {
  return std::ranges::max_element(processes, {}, badness)->process;
}

constexpr std::array kVictims = std::to_array<VictimPolicy>({
    {"largest", "The one with most memory, in frames and on the device.", largest},
    {"linux-2.6", "By the size of its address space, less for one that has run for long.", worst},
});

}  // namespace

std::span<const VictimPolicy> victim_policies() { return kVictims; }

const VictimPolicy* find_victim_policy(std::string_view name) {
  const auto* const found = std::ranges::find(kVictims, name, &VictimPolicy::name);
  return found == kVictims.end() ? nullptr : found;
}

double badness(const ProcessMemory& process) {
  using Unit8s = std::chrono::duration<std::int64_t, std::ratio<8>>;
  using Unit1024s = std::chrono::duration<std::int64_t, std::ratio<1024>>;
  const auto root = [](double value) { return std::floor(std::sqrt(value)); };
  const auto work = static_cast<double>(std::chrono::floor<Unit8s>(process.user_time).count());
  const auto age = static_cast<double>(std::chrono::floor<Unit1024s>(process.running_for).count());
  return static_cast<double>(process.size) / std::max(1.0, root(work)) /
         std::max(1.0, root(root(age)));
}

}  // namespace brim::thrash::model
