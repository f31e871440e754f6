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

void record_causes(Recorder& to, const std::array<std::uint64_t, kCauseCount>& pages) {
  for (std::size_t i = 0; i < kCauseCount; ++i)
    to.add("unrealized_" + std::string(name_of(static_cast<Cause>(i))) + "_pages", pages[i]);
}

void record_potential(Recorder& to, const SizeResult& size) {
  const std::string suffix = size.page_size_bytes == kPageSize ? "_pages" : "_2m_pages";
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

void record_subject(Recorder& to, const SubjectResult& subject, bool has_facts) {
  to.set_subject(subject.name);
  to.add("zero_pages", subject.zero_pages);
  to.add("used_pages", subject.used_pages);
  to.add("distinct_pages", subject.distinct_pages);
  to.add("intra_saving_pages", subject.intra_saving_pages);
  to.add("inter_saving_pages", subject.inter_saving_pages);
  to.add("unread_swapped_pages", subject.unread.swapped);
  to.add("unread_absent_pages", subject.unread.absent);
  to.add("unread_denied_pages", subject.unread.denied);
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

std::vector<study::Sample> scan_samples(const ScanResult& result, const Look& look,
                                        const host::Ksm* ksm) {
  std::vector<study::Sample> samples;
  Recorder to(samples, look.t_seconds);
  for (const SizeResult& size : result.results) record_potential(to, size);
  if (result.has_facts) record_real(to, result);
  if (result.hidden_by_huge_pages)
    to.add("hidden_by_huge_pages_percent", *result.hidden_by_huge_pages * 100);
  if (result.beyond) {
    to.add("patch_saving_pages", result.beyond->patch_saving_pages);
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
  for (const SubjectResult& subject : result.results.front().subjects)
    record_subject(to, subject, result.has_facts);
  return samples;
}

}  // namespace brim::share
