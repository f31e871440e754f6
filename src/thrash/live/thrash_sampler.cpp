// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/thrash_sampler.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace brim::thrash::live {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;

constexpr std::string_view kGroup = "group";
// Over less time rates say nothing: processor time is in ticks of 10 ms.
constexpr double kLeastPassed = 0.05;

std::optional<double> number(const std::optional<std::uint64_t>& counter) {
  if (!counter) return std::nullopt;
  return static_cast<double>(*counter);
}
std::optional<double> number(const std::optional<Pages>& counter) {
  if (!counter) return std::nullopt;
  return static_cast<double>(counter->count());
}
template <class T>
std::optional<double> number(const Result<Quantity<T>>& counter) {
  if (!counter) return std::nullopt;
  return static_cast<double>(counter->count());
}
std::optional<double> number(const Result<std::chrono::nanoseconds>& counter) {
  if (!counter) return std::nullopt;
  return duration<double>(*counter).count();
}

// Those that went through zswap too; what it wrote back is in both.
std::optional<double> swapped(const std::optional<Pages>& area, const std::optional<Pages>& zswap,
                              const std::optional<Pages>& both) {
  if (!area) return std::nullopt;
  const std::uint64_t sum = area->count() + zswap.value_or(Pages(0)).count();
  return static_cast<double>(sum - std::min(sum, both.value_or(Pages(0)).count()));
}

std::uint64_t oom_kills_of(const host::PagingCounters& paging,
                           const std::optional<host::GroupReading>& group) {
  if (group && group->oom_kills) return *group->oom_kills;
  return paging.oom_kills.value_or(0);
}

}  // namespace

Result<ThrashSampler::Look> ThrashSampler::look(LiveConsumers& consumers) const {
  Look look;
  look.at = steady_clock::now();
  BRIM_TRY(look.processors, host::read_processor_times(host_));
  BRIM_TRY(look.paging, host::read_paging_counters(host_));
  BRIM_TRY(look.swap, host::read_swap_counters(host_));
  if (ground_.group() != nullptr) look.group = ground_.group()->read();
  look.consumers = consumers.totals();
  return look;
}

Result<void> ThrashSampler::begin(LiveConsumers& consumers) {
  BRIM_TRY(before_, look(consumers));
  first_oom_kills_ = oom_kills_of(before_->paging, before_->group);
  return {};
}

std::uint64_t ThrashSampler::oom_kills() const {
  std::optional<host::GroupReading> group;
  if (ground_.group() != nullptr) group = ground_.group()->read();
  const auto paging = host::read_paging_counters(host_);
  return oom_kills_of(paging ? *paging : host::PagingCounters(), group) - first_oom_kills_;
}

Result<void> ThrashSampler::sample(LiveConsumers& consumers, double t,
                                   const study::SampleSink& sink) {
  BRIM_TRY(Look now, look(consumers));
  const Writing writing{*before_, now, duration<double>(now.at - before_->at).count(), t, sink};
  tell_consumers(writing);
  if (writing.passed >= kLeastPassed) {
    tell_processors(writing);
    tell_system(writing);
  }
  if (now.group) tell_group(writing);
  before_ = std::move(now);
  return {};
}

void ThrashSampler::rate(const Writing& writing, std::string_view metric, std::string_view subject,
                         const std::optional<double>& before, const std::optional<double>& now,
                         std::string_view what) {
  if (before && now)
    writing.value(metric, subject, std::max(0.0, *now - *before) / writing.passed);
  else
    missing_.insert(fmt::format("{}: this kernel does not count it", what));
}

void ThrashSampler::tell_consumers(const Writing& writing) {
  const ConsumerTotals& now = writing.now.consumers;
  const ConsumerTotals& before = writing.before.consumers;
  writing.value("thrash.accesses", "", static_cast<double>(now.accesses));
  writing.value("thrash.consumers_running", "", static_cast<double>(now.running));
  writing.value("thrash.frozen_consumers", "", static_cast<double>(now.held));
  writing.value("thrash.blocked_consumers", "", static_cast<double>(now.waiting));
  if (writing.passed < kLeastPassed) return;
  const auto rate_of = [&](std::uint64_t then, std::uint64_t since) {
    return static_cast<double>(since - std::min(since, then)) / writing.passed;
  };
  writing.value("thrash.accesses_per_s", "", rate_of(before.accesses, now.accesses));
  writing.value("thrash.major_faults_per_s", "", rate_of(before.major_faults, now.major_faults));
  writing.value("thrash.minor_faults_per_s", "", rate_of(before.minor_faults, now.minor_faults));
}

// In ticks of 10 ms: nothing where none has passed.
void ThrashSampler::tell_processors(const Writing& writing) {
  const host::ProcessorTimes& now = writing.now.processors;
  const host::ProcessorTimes& before = writing.before.processors;
  const auto all = static_cast<double>((now.all - before.all).count());
  if (all <= 0) return;
  const auto tell = [&](std::string_view metric, host::ProcessorTime then,
                        host::ProcessorTime since) {
    writing.value(metric, "",
                  std::max(0.0, 100 * static_cast<double>((since - then).count()) / all));
  };
  tell("thrash.user_cpu_percent", before.user, now.user);
  tell("thrash.system_cpu_percent", before.system, now.system);
  tell("thrash.waiting_cpu_percent", before.waiting, now.waiting);
  tell("thrash.cpu_use_percent", before.busy, now.busy);
}

void ThrashSampler::tell_system(const Writing& writing) {
  const host::PagingCounters& paging = writing.now.paging;
  const host::PagingCounters& earlier = writing.before.paging;
  const host::SwapCounters& swap = writing.now.swap;
  const host::SwapCounters& then = writing.before.swap;
  const auto in_bytes = [](std::optional<double> kibibytes) {
    if (kibibytes) *kibibytes *= 1024;
    return kibibytes;
  };
  rate(writing, "thrash.counter_in_per_s", "", number(earlier.block_in_kibibytes),
       number(paging.block_in_kibibytes), "the system's page-ins");
  rate(writing, "thrash.counter_out_per_s", "", number(earlier.block_out_kibibytes),
       number(paging.block_out_kibibytes), "the system's page-outs");
  rate(writing, "thrash.block_read_bytes_per_s", "", in_bytes(number(earlier.block_in_kibibytes)),
       in_bytes(number(paging.block_in_kibibytes)), "block reads");
  rate(writing, "thrash.block_written_bytes_per_s", "",
       in_bytes(number(earlier.block_out_kibibytes)), in_bytes(number(paging.block_out_kibibytes)),
       "block writes");
  rate(writing, "thrash.pages_in_per_s", "", swapped(then.in, then.zswap_in, {}),
       swapped(swap.in, swap.zswap_in, {}), "pages swapped in");
  rate(writing, "thrash.pages_out_per_s", "",
       swapped(then.out, then.zswap_out, then.zswap_written_back),
       swapped(swap.out, swap.zswap_out, swap.zswap_written_back), "pages swapped out");
  rate(writing, "thrash.pages_scanned_per_s", "", number(earlier.scanned), number(paging.scanned),
       "pages scanned");
}

void ThrashSampler::tell_group(const Writing& writing) {
  const host::GroupReading& now = *writing.now.group;
  const auto tell = [&](std::string_view metric, const auto& reading, std::string_view what) {
    if (const auto value = number(reading))
      writing.value(metric, "", *value);
    else
      missing_.insert(fmt::format("{}: {}", what, error_line(reading.error())));
  };
  tell("thrash.resident_bytes", now.memory, "memory of the group");
  tell("thrash.swapped_bytes", now.swap, "swapped memory of the group");
  if (now.memory)
    writing.value("thrash.free_bytes", "",
                  static_cast<double>((plan_.limit - std::min(plan_.limit, *now.memory)).count()));
  if (writing.passed >= kLeastPassed) tell_group_work(writing);
}

void ThrashSampler::tell_group_work(const Writing& writing) {
  const host::GroupReading& now = *writing.now.group;
  const host::GroupReading& before = *writing.before.group;
  // Of a second; `scale` 100 for percent.
  const auto tell = [&](std::string_view metric, std::string_view subject, const auto& then,
                        const auto& since, double scale, std::string_view what) {
    const auto earlier = number(then);
    const auto later = number(since);
    if (earlier && later)
      writing.value(metric, subject, std::max(0.0, scale * (*later - *earlier) / writing.passed));
    else if (!since)
      missing_.insert(fmt::format("{}: {}", what, error_line(since.error())));
  };
  const auto all = duration<double>(writing.now.processors.all - writing.before.processors.all);
  const double processors = std::max(1.0, all.count() / writing.passed);
  tell("thrash.group_user_cpu_percent", "", before.user_time, now.user_time, 100 / processors,
       "processor time of the group");
  tell("thrash.group_system_cpu_percent", "", before.system_time, now.system_time, 100 / processors,
       "processor time of the group");
  tell("thrash.refaults_per_s", "", before.refaults_anonymous, now.refaults_anonymous, 1,
       "refaults of the group");
  tell("thrash.block_read_bytes_per_s", kGroup, before.read, now.read, 1, "I/O of the group");
  tell("thrash.block_written_bytes_per_s", kGroup, before.written, now.written, 1,
       "I/O of the group");
  if (!now.pressure) {
    missing_.insert(fmt::format("pressure of the group: {}", error_line(now.pressure.error())));
    return;
  }
  if (!before.pressure) return;
  const auto pressure = [&](std::string_view metric, std::uint64_t then, std::uint64_t since) {
    writing.value(metric, "", static_cast<double>(since - then) * 1e-4 / writing.passed);
  };
  pressure("thrash.pressure_some_percent", before.pressure->some.total_us,
           now.pressure->some.total_us);
  if (now.pressure->full && before.pressure->full)
    pressure("thrash.pressure_full_percent", before.pressure->full->total_us,
             now.pressure->full->total_us);
}

}  // namespace brim::thrash::live
