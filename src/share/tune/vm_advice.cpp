// SPDX-License-Identifier: Apache-2.0
#include "share/tune/vm_advice.h"

#include "base/text.h"
#include "share/tune/reckoning.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace brim::share::tune {
namespace {

double percent_of(Bytes part, Bytes whole) {
  return whole.count() == 0
             ? 0
             : 100 * static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

// What merging it saves, or would save. Nothing: nobody knows yet.
std::optional<Bytes> benefit_of(const Subject& subject, const ShareHistory& history) {
  if (subject.details->potential) return subject.details->potential;
  const bool scanned = std::any_of(
      history.subjects.begin(), history.subjects.end(), [&](const ShareHistory::Known& one) {
        return one.pid == subject.pid && one.start_ticks == subject.start_ticks &&
               one.settled.count() >= subject.resident.count() / 10 * 9;
      });
  if (!scanned || history.phase == Phase::scanning) return std::nullopt;
  return std::max(subject.details->saved, subject.merged);
}

std::string worth_reason(const Subject& subject, const ShareHistory& history,
                         const SharePolicy& policy) {
  if (!subject.details) return {};
  const auto benefit = benefit_of(subject, history);
  if (!benefit) return {};
  const Bytes all = subject.details->anonymous;
  const double share = percent_of(*benefit, all);
  const Bytes huge = subject.details->huge;
  if (percent_of(huge, all) >= 50 && share < policy.huge_worth_percent)
    return fmt::format(
        "{} of its {} are huge pages, which merging would break to save {} ({:.1f} %; "
        "share.huge_worth_percent is {:g})",
        human_bytes(huge), human_bytes(all), human_bytes(*benefit), share,
        policy.huge_worth_percent);
  if (all.count() > 0 && share < policy.least_benefit_percent)
    return fmt::format("merging saves {} of its {} ({:.1f} %; share.least_benefit_percent is {:g})",
                       human_bytes(*benefit), human_bytes(all), share,
                       policy.least_benefit_percent);
  return {};
}

// The group with most memory stays merged: the others would have to leave it.
std::string merged_group(const ShareSnapshot& snapshot, const SharePolicy& policy) {
  std::map<std::string, std::uint64_t> bytes;
  for (const Subject& subject : snapshot.subjects)
    if (takes_part(subject))
      bytes[std::string(trust_group_of(policy, subject.name))] += subject.resident.count();
  const auto largest = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return largest == bytes.end() ? std::string() : largest->first;
}

std::string group_words(std::string_view group) {
  return group.empty() ? "no trust group" : fmt::format("trust group '{}'", group);
}

std::string trust_reason(const Subject& subject, const std::string& merged,
                         const SharePolicy& policy) {
  if (policy.trust_groups.empty()) return {};
  const std::string_view group = trust_group_of(policy, subject.name);
  if (group == merged) return {};
  return fmt::format(
      "it is in {}, and KSM merges it with all of {}, the largest: who can time writes to merged "
      "pages learns their contents",
      group_words(group), group_words(merged));
}

std::string how_for(const Subject& subject) {
  if (!subject.machine)
    return "no madvise(MADV_MERGEABLE) in the program, or prctl(PR_SET_MEMORY_MERGE, 0)";
  return "libvirt: <memoryBacking><nosharepages/></memoryBacking>; QEMU: -machine mem-merge=off; "
         "from the VM's next start";
}

}  // namespace

std::vector<Advice> advise(const ShareSnapshot& snapshot, const ShareHistory& history,
                           const SharePolicy& policy) {
  std::vector<Advice> advice;
  const std::string merged = merged_group(snapshot, policy);
  for (const Subject& subject : snapshot.subjects) {
    if (!takes_part(subject)) continue;
    std::string reason = trust_reason(subject, merged, policy);
    if (reason.empty()) reason = worth_reason(subject, history, policy);
    if (reason.empty()) continue;
    advice.push_back({subject.pid, subject.name, std::move(reason), how_for(subject)});
  }
  return advice;
}

}  // namespace brim::share::tune
