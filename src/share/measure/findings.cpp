// SPDX-License-Identifier: Apache-2.0
#include "share/measure/findings.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include <fmt/format.h>

namespace brim::share {
namespace {

Estimate exact(std::uint64_t value) { return Estimate{static_cast<double>(value), std::nullopt}; }

void identify(SubjectResult& out, const Subject& subject) {
  out.name = subject.name();
  out.kind = subject.kind();
  out.identified_by = subject.identified_by();
  out.pid = subject.pid();
  out.memory = subject.process_memory();
}

void fill_savings(SubjectResult& out, const ContentSums& sums, std::uint64_t used, double p) {
  const Savings savings = savings_of(sums, used, p);
  out.used_pages = exact(used);
  out.intra_saving_pages = savings.intra;
  out.inter_saving_pages = savings.inter;  // contents that others have too
  out.distinct_pages.value = static_cast<double>(used) - savings.intra.value;
  if (savings.intra.interval)
    out.distinct_pages.interval = Interval{static_cast<double>(used) - savings.intra.interval->high,
                                           static_cast<double>(used) - savings.intra.interval->low};
}

void fill_potential(Potential& out, const ContentSums& sums, std::uint64_t zero, std::uint64_t used,
                    double p) {
  const Savings savings = savings_of(sums, used, p);
  out.zero_pages = exact(zero);
  out.used_pages = exact(used);
  out.minimum_pages = savings.minimum;
  out.intra_saving_pages = savings.intra;
  out.inter_saving_pages = savings.inter;
}

// Whole numbers in the proportion of `weights` that add up to `total` (largest remainder).
std::vector<std::uint64_t> apportion(const std::vector<double>& weights, std::uint64_t total) {
  std::vector<std::uint64_t> out(weights.size());
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sum <= 0 || total == 0) return out;
  std::vector<std::pair<double, std::size_t>> remainders;
  std::uint64_t given = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double share = weights[i] / sum * static_cast<double>(total);
    out[i] = static_cast<std::uint64_t>(share);
    given += out[i];
    if (weights[i] > 0) remainders.emplace_back(share - std::floor(share), i);
  }
  std::sort(remainders.begin(), remainders.end(), [](const auto& a, const auto& b) {
    return std::pair(-a.first, a.second) < std::pair(-b.first, b.second);
  });
  for (std::size_t i = 0; given < total; i = (i + 1) % remainders.size(), ++given)
    ++out[remainders[i].second];
  return out;
}

// Frames that were charged, by subject and cause. Under sampling the charges of certain contents
// are exact, and the rest is shared out in the proportion of the sampled ones, so that all add up
// to `unrealized`.
void fill_causes(const Findings& findings, std::uint64_t unrealized, ScanResult& result) {
  const std::vector<SubjectTally>& tallies = findings.tally.subjects;
  std::uint64_t certain = 0;
  std::vector<double> weights;
  for (const SubjectTally& subject : tallies)
    for (std::size_t c = 0; c < kCauseCount; ++c) {
      certain += subject.certain_charges[c];
      weights.push_back(static_cast<double>(subject.sampled_charges[c]));
    }
  const std::vector<std::uint64_t> sampled =
      apportion(weights, unrealized > certain ? unrealized - certain : 0);
  result.unrealized_pages = 0;
  for (std::size_t s = 0; s < tallies.size(); ++s)
    for (std::size_t c = 0; c < kCauseCount; ++c) {
      const std::uint64_t pages = tallies[s].certain_charges[c] + sampled[s * kCauseCount + c];
      result.results.front().subjects[s].unrealized_by_cause[c] = pages;
      result.unrealized_by_cause[c] += pages;
      result.unrealized_pages += pages;
    }
}

void note_facts(const Findings& findings, ScanResult& result) {
  bool any_live = false;
  for (const auto& subject : findings.subjects) {
    if (subject->kind() == SubjectKind::image) continue;
    any_live = true;
    if (!subject->has_facts() && result.why_no_facts.empty()) {
      result.why_no_facts = subject->why_no_facts();
      if (result.why_no_facts.empty()) result.why_no_facts = "the host doesn't tell";
    }
  }
  if (!any_live) result.why_no_facts = "memory images don't tell which host frames held them";
  result.has_facts = any_live && result.why_no_facts.empty();
}

}  // namespace

void name_apart(std::vector<SubjectResult>& subjects) {
  std::map<std::string, std::size_t> uses;
  for (const SubjectResult& subject : subjects) ++uses[subject.name];
  std::map<std::string, std::size_t> nth;
  for (SubjectResult& subject : subjects) {
    if (uses[subject.name] < 2) continue;
    const std::size_t number = ++nth[subject.name];
    subject.name += subject.pid ? fmt::format(" ({})", *subject.pid) : fmt::format(" #{}", number);
  }
}

SizeResult small_page_result(const Findings& findings) {
  SizeResult out;
  std::uint64_t zero = 0;
  std::uint64_t used = 0;
  const double p = findings.sample.p();
  for (std::size_t s = 0; s < findings.subjects.size(); ++s) {
    const SubjectTally& tally = findings.tally.subjects[s];
    SubjectResult& subject = out.subjects.emplace_back();
    identify(subject, *findings.subjects[s]);
    subject.pages = tally.pages;
    subject.zero_pages = exact(tally.zero_pages);
    fill_savings(subject, findings.figures.subjects[s], tally.pages - tally.zero_pages, p);
    subject.unread = findings.read.unread[s];
    subject.error = findings.read.errors[s];
    subject.padded_pages = findings.subjects[s]->padded_pages().count();
    subject.huge_pages_4k = tally.huge_pages_4k;
    subject.merged_pages = tally.merged_pages;
    subject.shared_pages = tally.shared_pages;
    subject.proportional_saved_pages = static_cast<double>(tally.saved_shares) * kShareUnit;
    zero += tally.zero_pages;
    used += tally.pages - tally.zero_pages;
  }
  name_apart(out.subjects);
  fill_potential(out.potential, findings.figures.all, zero, used, p);
  return out;
}

SizeResult huge_page_result(const Findings& findings) {
  SizeResult out;
  out.page_size_bytes = kHugePageSize;
  std::uint64_t zero = 0;
  std::uint64_t used = 0;
  for (std::size_t s = 0; s < findings.subjects.size(); ++s) {
    const HugeTally& tally = findings.tally.subjects[s].huge;
    SubjectResult& subject = out.subjects.emplace_back();
    identify(subject, *findings.subjects[s]);
    subject.pages = tally.pages;
    subject.zero_pages = exact(tally.zero_pages);
    fill_savings(subject, findings.figures.subjects[s], tally.pages - tally.zero_pages, 1);
    subject.unread.absent = tally.incomplete;
    subject.padded_pages = tally.padded;
    subject.error = findings.read.errors[s];
    zero += tally.zero_pages;
    used += tally.pages - tally.zero_pages;
  }
  name_apart(out.subjects);
  fill_potential(out.potential, findings.figures.all, zero, used, 1);
  return out;
}

void fill_real_sharing(const Findings& findings, ScanResult& result) {
  const LookTally& tally = findings.tally;
  note_facts(findings, result);
  result.real = tally.real;

  // Distinct contents among pages with facts: images beside live subjects take no part here.
  double contents = static_cast<double>(tally.facts_contents_certain) +
                    static_cast<double>(tally.facts_contents_sampled) / findings.sample.p();
  // When all pages have facts, the better estimate of the same number.
  const Potential& all = result.results.front().potential;
  const bool everywhere = static_cast<double>(tally.facts_pages) == all.used_pages.value;
  if (everywhere && !findings.sample.all()) contents = all.minimum_pages.value;
  const double potential = std::max(0.0, static_cast<double>(tally.facts_pages) - contents);
  const double unrealized = std::max(0.0, static_cast<double>(tally.facts_frames) - contents);
  fill_causes(findings, static_cast<std::uint64_t>(std::llround(unrealized)), result);
  if (result.has_facts && potential > 0)
    result.efficiency_percent =
        std::min(100.0, 100.0 * static_cast<double>(tally.real.mergeable_saved_pages) / potential);
}

void fill_matrix(const Findings& findings, ScanResult& result) {
  if (findings.figures.shared_contents.empty()) return;
  const std::size_t n = findings.subjects.size();
  const double p = findings.sample.p();
  result.matrix.subjects = n;
  for (std::size_t cell = 0; cell < n * n; ++cell) {
    result.matrix.shared_contents.push_back(findings.figures.shared_contents[cell].total(p));
    result.matrix.pages_of_row_in_column.push_back(findings.figures.pages_of_row[cell].total(p));
  }
  for (std::size_t s = 0; s < n; ++s) {
    const SubjectResult& subject = result.results.front().subjects[s];
    result.matrix.shared_contents[s * n + s] = subject.distinct_pages.value;
    result.matrix.pages_of_row_in_column[s * n + s] = subject.used_pages.value;
  }
}

}  // namespace brim::share
