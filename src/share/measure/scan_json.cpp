// SPDX-License-Identifier: Apache-2.0
#include "share/measure/scan_json.h"

#include <cmath>

namespace brim::share {
namespace {

using nlohmann::json;

// Exact counts are whole numbers in the JSON; estimates are rounded to a tenth.
json number_of(const Estimate& estimate) {
  if (!estimate.interval) return static_cast<std::uint64_t>(std::llround(estimate.value));
  return std::round(estimate.value * 10) / 10;
}

void put(json& object, const std::string& key, const Estimate& estimate) {
  object[key] = number_of(estimate);
  if (estimate.interval)
    object[key + "_interval"] = {std::round(estimate.interval->low * 10) / 10,
                                 std::round(estimate.interval->high * 10) / 10};
}

json potential_json(const Potential& potential) {
  json object;
  put(object, "zero_pages", potential.zero_pages);
  put(object, "used_pages", potential.used_pages);
  put(object, "minimum_pages", potential.minimum_pages);
  put(object, "intra_saving_pages", potential.intra_saving_pages);
  put(object, "inter_saving_pages", potential.inter_saving_pages);
  return object;
}

json unread_json(const UnreadPages& unread) {
  return {{"swapped", unread.swapped}, {"absent", unread.absent}, {"denied", unread.denied}};
}

json memory_json(const ProcessMemory& memory) {
  json object = {{"rss_bytes", memory.rss_bytes},
                 {"pss_bytes", memory.pss_bytes},
                 {"swap_bytes", memory.swap_bytes},
                 {"anonymous_bytes", memory.anonymous_bytes},
                 {"anon_huge_bytes", memory.anon_huge_bytes}};
  object["ksm_bytes"] = memory.ksm_bytes ? json(*memory.ksm_bytes) : json(nullptr);
  return object;
}

json causes_json(const std::array<std::uint64_t, kCauseCount>& pages) {
  json list = json::array();
  for (std::size_t i = 0; i < kCauseCount; ++i) {
    const auto cause = static_cast<Cause>(i);
    list.push_back({{"cause", name_of(cause)}, {"pages", pages[i]}, {"action", action_for(cause)}});
  }
  return list;
}

json subject_json(const SubjectResult& subject, bool base_size, bool has_facts) {
  json object = {{"name", subject.name},
                 {"kind", name_of(subject.kind)},
                 {"identified_by", subject.identified_by},
                 {"pages", subject.pages},
                 {"unread_pages", unread_json(subject.unread)},
                 {"padded_pages", subject.padded_pages}};
  object["pid"] = subject.pid ? json(*subject.pid) : json(nullptr);
  put(object, "zero_pages", subject.zero_pages);
  put(object, "used_pages", subject.used_pages);
  put(object, "distinct_pages", subject.distinct_pages);
  put(object, "intra_saving_pages", subject.intra_saving_pages);
  put(object, "inter_saving_pages", subject.inter_saving_pages);
  object["error"] = subject.error ? json(error_line(*subject.error)) : json(nullptr);
  if (!base_size) return object;
  object["memory"] = subject.memory ? memory_json(*subject.memory) : json(nullptr);
  object["real"] = nullptr;
  if (has_facts && subject.kind != SubjectKind::image) {
    json unrealized = json::object();
    for (std::size_t i = 0; i < kCauseCount; ++i)
      unrealized[std::string(name_of(static_cast<Cause>(i)))] = subject.unrealized_by_cause[i];
    object["real"] = {
        {"merged_pages", subject.merged_pages},
        {"shared_pages", subject.shared_pages},
        {"huge_pages_4k", subject.huge_pages_4k},
        {"proportional_saved_pages", std::round(subject.proportional_saved_pages * 10) / 10},
        {"unrealized_pages_by_cause", unrealized}};
  }
  return object;
}

json size_json(const SizeResult& size, bool has_facts) {
  json object = {{"page_size_bytes", size.page_size_bytes},
                 {"potential", potential_json(size.potential)},
                 {"subjects", json::array()}};
  UnreadPages unread;
  std::uint64_t padded = 0;
  for (const SubjectResult& subject : size.subjects) {
    unread += subject.unread;
    padded += subject.padded_pages;
    object["subjects"].push_back(
        subject_json(subject, size.page_size_bytes == kPageSize, has_facts));
  }
  object["unread_pages"] = unread_json(unread);
  object["padded_pages"] = padded;
  return object;
}

json real_json(const RealSharing& real) {
  return {{"merged_pages", real.merged_pages},
          {"ksm_frames", real.ksm_frames},
          {"saved_pages", real.saved_pages},
          {"ksm_saved_pages", real.ksm_saved_pages},
          {"mergeable_saved_pages", real.mergeable_saved_pages},
          {"zero_merged_pages", real.zero_merged_pages},
          {"outside_pages", real.outside_pages}};
}

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json ksm_json(const Result<host::Ksm>& ksm) {
  if (!ksm) return {{"available", false}, {"reason", error_line(ksm.error())}};
  return {{"available", true},
          {"run", ksm->run},
          {"pages_to_scan", ksm->pages_to_scan},
          {"sleep_millisecs", ksm->sleep_millisecs},
          {"max_page_sharing", or_null(ksm->max_page_sharing)},
          {"use_zero_pages", or_null(ksm->use_zero_pages)},
          {"smart_scan", or_null(ksm->smart_scan)},
          {"advisor_mode", or_null(ksm->advisor_mode)},
          {"pages_shared", ksm->pages_shared},
          {"pages_sharing", ksm->pages_sharing},
          {"pages_unshared", ksm->pages_unshared},
          {"pages_volatile", ksm->pages_volatile},
          {"full_scans", ksm->full_scans},
          {"ksm_zero_pages", or_null(ksm->ksm_zero_pages)},
          {"general_profit_bytes", or_null(ksm->general_profit_bytes)},
          {"misleading_because",
           {"they count every mergeable process of the host, not only the subjects",
            "pages that changed or went away stay counted until ksmd comes round to them again",
            "pages_sharing counts mappings saved; a page shared by fork or page cache is not in it",
            "splitting huge pages while merging moves memory that the counters do not show"}}};
}

json groups_json(const ScanResult& result) {
  json list = json::array();
  const auto& subjects = result.results.front().subjects;
  for (const Group& group : result.groups) {
    json where = json::array();
    for (const auto& [subject, pages] : group.in)
      where.push_back({{"subject", subjects[subject].name}, {"pages", pages}});
    list.push_back({{"hash", group.hash},
                    {"copies", group.copies},
                    {"pattern", group.pattern.empty() ? json(nullptr) : json(group.pattern)},
                    {"in", where}});
  }
  return list;
}

json matrix_json(const ScanResult& result) {
  const Matrix& matrix = result.matrix;
  json names = json::array();
  for (const SubjectResult& subject : result.results.front().subjects)
    names.push_back(subject.name);
  json contents = json::array();
  json pages = json::array();
  for (std::size_t row = 0; row < matrix.subjects; ++row) {
    json content_row = json::array();
    json page_row = json::array();
    for (std::size_t column = 0; column < matrix.subjects; ++column) {
      const std::size_t at = row * matrix.subjects + column;
      content_row.push_back(std::round(matrix.shared_contents[at]));
      page_row.push_back(std::round(matrix.pages_of_row_in_column[at]));
    }
    contents.push_back(content_row);
    pages.push_back(page_row);
  }
  return {{"subjects", names}, {"shared_contents", contents}, {"pages_of_row_in_column", pages}};
}

json beyond_json(const BeyondIdentity& beyond) {
  json object = {{"sampled", beyond.sampled},
                 {"examined_contents", beyond.examined},
                 {"contents", beyond.contents},
                 {"references_gone", beyond.references_gone}};
  const auto fractional = [&object](const std::string& key, const Estimate& estimate) {
    object[key] = std::round(estimate.value * 10) / 10;
    if (estimate.interval)
      object[key + "_interval"] = {std::round(estimate.interval->low * 10) / 10,
                                   std::round(estimate.interval->high * 10) / 10};
  };
  fractional("lz4_saving_pages", beyond.lz4_saving_pages);
  fractional("zstd_saving_pages", beyond.zstd_saving_pages);
  for (const char* key : {"patchable_contents", "patch_saving_pages", "patch_then_lz4_saving_pages",
                          "patch_then_zstd_saving_pages"})
    object[key] = nullptr;
  if (!beyond.patching) return object;
  fractional("patchable_contents", beyond.patching->contents);
  fractional("patch_saving_pages", beyond.patching->saving_pages);
  fractional("patch_then_lz4_saving_pages", beyond.patching->then_lz4_saving_pages);
  fractional("patch_then_zstd_saving_pages", beyond.patching->then_zstd_saving_pages);
  return object;
}

json looks_json(const std::vector<LookFigures>& looks) {
  json list = json::array();
  for (const LookFigures& look : looks) {
    json entry = {{"t_seconds", std::round(look.t_seconds * 1000) / 1000},
                  {"potential", potential_json(look.potential)},
                  {"real", look.has_facts ? real_json(look.real) : json(nullptr)}};
    entry["unrealized_pages"] = look.has_facts ? json(look.unrealized_pages) : json(nullptr);
    entry["compared_pages"] = look.first ? json(nullptr) : json(look.compared_pages);
    entry["churned_pages"] = look.first ? json(nullptr) : json(look.churned_pages);
    list.push_back(entry);
  }
  return list;
}

}  // namespace

json scan_json(const ScanResult& result, const ScanContext& context) {
  json out = {{"schema", "brim.share.scan/1"}, {"provenance", "measured"},
              {"partial", result.partial},     {"host", context.host},
              {"options", context.options},    {"warnings", context.warnings},
              {"results", json::array()}};
  for (const SizeResult& size : result.results)
    out["results"].push_back(size_json(size, result.has_facts));
  out["real"] = result.has_facts ? real_json(result.real) : json(nullptr);
  out["real_unavailable_because"] = result.has_facts ? json(nullptr) : json(result.why_no_facts);
  out["efficiency_percent"] = or_null(result.efficiency_percent);
  out["unrealized"] = nullptr;
  if (result.has_facts)
    out["unrealized"] = {{"pages", result.unrealized_pages},
                         {"causes", causes_json(result.unrealized_by_cause)}};
  out["matrix"] = matrix_json(result);
  out["groups"] = groups_json(result);
  out["beyond"] = result.beyond ? beyond_json(*result.beyond) : json(nullptr);
  out["hidden_by_huge_pages_percent"] =
      result.hidden_by_huge_pages ? json(*result.hidden_by_huge_pages * 100) : json(nullptr);
  out["sampling"] = nullptr;
  if (result.sample)
    out["sampling"] = {{"share", *result.sample}, {"heavy_contents", result.heavy_contents}};
  out["confirmation"] = nullptr;
  if (context.options.value("confirm", false))
    out["confirmation"] = {{"confirmed_pages", result.confirmed_pages},
                           {"collisions", result.collisions},
                           {"changed_pages", result.changed_while_confirming},
                           {"unconfirmed_pages", result.unconfirmed_pages}};
  out["second_look"] = nullptr;
  if (result.changing_pages)
    out["second_look"] = {{"changing_pages", *result.changing_pages},
                          {"first_look_seconds", result.first_look_seconds},
                          {"second_look_seconds", result.second_look_seconds}};
  out["ksm"] = context.ksm != nullptr ? ksm_json(*context.ksm) : json(nullptr);
  out["looks"] = looks_json(context.looks);
  out["cost"] = {{"seconds", result.seconds},
                 {"bytes_read", result.bytes_read},
                 {"index_bytes", result.index_bytes}};
  return out;
}

Churn churn_between(const PageHashes& before, const PageHashes& after) {
  Churn churn;
  for (std::size_t subject = 0; subject < before.size() && subject < after.size(); ++subject) {
    auto old_page = before[subject].begin();
    for (const auto& [page, hash] : after[subject]) {
      while (old_page != before[subject].end() && old_page->first < page) ++old_page;
      if (old_page == before[subject].end()) break;
      if (old_page->first != page) continue;
      ++churn.compared;
      if (old_page->second != hash) ++churn.changed;
    }
  }
  return churn;
}

}  // namespace brim::share
