// SPDX-License-Identifier: Apache-2.0
#include "share/measure/subject.h"

namespace brim::share {

std::string_view name_of(SubjectKind kind) {
  switch (kind) {
    case SubjectKind::vm:
      return "vm";
    case SubjectKind::process:
      return "process";
    case SubjectKind::image:
      return "image";
  }
  return "image";
}

std::string_view name_of(Cause cause) {
  switch (cause) {
    case Cause::shared_mapping:
      return "shared_mapping";
    case Cause::file_backed:
      return "file_backed";
    case Cause::not_mergeable:
      return "not_mergeable";
    case Cause::ksm_off:
      return "ksm_off";
    case Cause::max_page_sharing:
      return "max_page_sharing";
    case Cause::changing:
      return "changing";
    case Cause::huge_page:
      return "huge_page";
    case Cause::not_scanned_yet:
      return "not_scanned_yet";
    case Cause::other:
      return "other";
  }
  return "other";
}

std::string_view action_for(Cause cause) {
  switch (cause) {
    case Cause::shared_mapping:
      return "Give the guest private memory (share=off); KSM never merges shared memory.";
    case Cause::file_backed:
      return "Nothing on the host frees it: KSM takes anonymous memory only; map the same file "
             "in all to share its page cache.";
    case Cause::not_mergeable:
      return "Register the memory with KSM: start QEMU with -machine mem-merge=on (its default), "
             "or the process under prctl(PR_SET_MEMORY_MERGE) or madvise(MADV_MERGEABLE). Memory "
             "of "
             "hugetlbfs KSM never takes: use ordinary memory, with transparent huge pages.";
    case Cause::ksm_off:
      return "Turn KSM on: echo 1 > /sys/kernel/mm/ksm/run.";
    case Cause::max_page_sharing:
      return "Raise /sys/kernel/mm/ksm/max_page_sharing (it can change only while nothing is "
             "merged), or accept it: it is one frame in every max_page_sharing pages.";
    case Cause::changing:
      return "Nothing: KSM does not merge pages that change between two of its rounds.";
    case Cause::huge_page:
      return "Let KSM reach it: it splits a huge page only to merge one of its pages; or turn "
             "transparent huge pages off for this memory.";
    case Cause::not_scanned_yet:
      return "Wait for a full scan, or raise /sys/kernel/mm/ksm/pages_to_scan or lower "
             "sleep_millisecs.";
    case Cause::other:
      return "Unknown: scan again later; smart_scan may be skipping the page.";
  }
  return "";
}

}  // namespace brim::share
