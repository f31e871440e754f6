// SPDX-License-Identifier: Apache-2.0
#include "share/measure/scan_samples.h"

#include <string>

namespace brim::share {
namespace {

// Collects samples of one moment.
class Recorder {
 public:
  Recorder(std::vector<study::Sample>& samples, double t_seconds)
      : samples_(samples), t_seconds_(t_seconds) {}

  void set_subject(std::string subject) { subject_ = std::move(subject); }
  void add(const std::string& key, double value) {
    study::Sample sample;
    sample.metric = "share." + key;
    sample.subject = subject_;
    sample.t_seconds = t_seconds_;
    sample.value = value;
    samples_.push_back(std::move(sample));
  }
  void add(const std::string& key, std::uint64_t value) { add(key, static_cast<double>(value)); }
  void add(const std::string& key, const Estimate& estimate) {
    add(key, estimate.value);
    if (estimate.interval) {
      samples_.back().low = estimate.interval->low;
      samples_.back().high = estimate.interval->high;
    }
  }

 private:
  std::vector<study::Sample>& samples_;
  double t_seconds_;
  std::string subject_;
};

constexpr char kSmallSuffix[] = "_pages";

std::string suffix_of(const SizeResult& size) {
  return size.page_size_bytes == kPageSize ? kSmallSuffix : "_2m_pages";
}

void record_causes(Recorder& to, const std::array<std::uint64_t, kCauseCount>& pages) {
  for (std::size_t i = 0; i < kCauseCount; ++i)
    to.add("unrealized_" + std::string(name_of(static_cast<Cause>(i))) + "_pages", pages[i]);
}

void record_potential(Recorder& to, const SizeResult& size) {
  const std::string suffix = suffix_of(size);
  to.add("zero" + suffix, size.potential.zero_pages);
  to.add("used" + suffix, size.potential.used_pages);
  to.add("minimum" + suffix, size.potential.minimum_pages);
  to.add("intra_saving" + suffix, size.potential.intra_saving_pages);
  to.add("inter_saving" + suffix, size.potential.inter_saving_pages);
}

void record_real(Recorder& to, const ScanResult& result) {
  to.add("merged_pages", result.real.merged_pages);
  to.add("ksm_frames", result.real.ksm_frames);
  to.add("saved_pages", result.real.saved_pages);
  to.add("ksm_saved_pages", result.real.ksm_saved_pages);
  to.add("mergeable_saved_pages", result.real.mergeable_saved_pages);
  to.add("zero_merged_pages", result.real.zero_merged_pages);
  to.add("outside_pages", result.real.outside_pages);
  to.add("unrealized_pages", result.unrealized_pages);
  record_causes(to, result.unrealized_by_cause);
  if (result.efficiency_percent) to.add("efficiency_percent", *result.efficiency_percent);
}

void record_subject(Recorder& to, const SubjectResult& subject, const std::string& suffix,
                    bool has_facts) {
  to.set_subject(subject.name);
  to.add("zero" + suffix, subject.zero_pages);
  to.add("used" + suffix, subject.used_pages);
  to.add("distinct" + suffix, subject.distinct_pages);
  to.add("intra_saving" + suffix, subject.intra_saving_pages);
  to.add("inter_saving" + suffix, subject.inter_saving_pages);
  if (suffix == kSmallSuffix) {
    to.add("unread_swapped_pages", subject.unread.swapped);
    to.add("unread_absent_pages", subject.unread.absent);
    to.add("unread_denied_pages", subject.unread.denied);
  }
  if (subject.memory) {
    to.add("rss_bytes", subject.memory->rss_bytes);
    to.add("pss_bytes", subject.memory->pss_bytes);
    to.add("swap_bytes", subject.memory->swap_bytes);
    if (subject.memory->ksm_bytes) to.add("ksm_bytes", *subject.memory->ksm_bytes);
  }
  if (!has_facts || subject.kind == SubjectKind::image) return;
  to.add("merged_pages", subject.merged_pages);
  to.add("shared_pages", subject.shared_pages);
  to.add("proportional_saved_pages", subject.proportional_saved_pages);
}

}  // namespace

std::vector<study::Sample> scan_samples(const ScanResult& result, const LookFigures& look,
                                        const host::Ksm* ksm) {
  std::vector<study::Sample> samples;
  Recorder to(samples, look.t_seconds);
  for (const SizeResult& size : result.results) record_potential(to, size);
  if (result.has_facts) record_real(to, result);
  if (result.hidden_by_huge_pages)
    to.add("hidden_by_huge_pages_percent", *result.hidden_by_huge_pages * 100);
  if (result.beyond) {
    if (result.beyond->patching)
      to.add("patch_saving_pages", result.beyond->patching->saving_pages);
    to.add("lz4_saving_pages", result.beyond->lz4_saving_pages);
    to.add("zstd_saving_pages", result.beyond->zstd_saving_pages);
  }
  if (!look.first) {
    to.add("churn_pages", look.churned_pages);
    if (look.compared_pages > 0)
      to.add("churn_percent", 100.0 * static_cast<double>(look.churned_pages) /
                                  static_cast<double>(look.compared_pages));
  }
  if (ksm != nullptr) {
    to.add("ksm_pages_shared", ksm->pages_shared);
    to.add("ksm_pages_sharing", ksm->pages_sharing);
    to.add("ksm_pages_unshared", ksm->pages_unshared);
    to.add("ksm_pages_volatile", ksm->pages_volatile);
    to.add("ksm_full_scans", ksm->full_scans);
  }
  to.add("scan_seconds", result.seconds);
  to.add("bytes_read", result.bytes_read);
  to.add("index_bytes", result.index_bytes);
  const SizeResult& first = result.results.front();
  for (const SubjectResult& subject : first.subjects)
    record_subject(to, subject, suffix_of(first), result.has_facts);
  return samples;
}

}  // namespace brim::share
