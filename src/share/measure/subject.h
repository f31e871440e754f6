// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a scan reads: a VM, a process or an image, as numbered 4 KiB pages with, where the host can
// tell, the frame behind each page and why KSM could or could not merge it.
//
// A subject is cut into parts that are read independently and in any order; part boundaries are
// aligned to 2 MiB of the subject's own addresses, so that a 2 MiB block is never cut.
// Threads: read() and reread() may be called from several threads at once, each with its own
// reader.

#include "base/cancel.h"
#include "base/result.h"
#include "base/units.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::share {

enum class SubjectKind : std::uint8_t { vm, process, image };
[[nodiscard]] std::string_view name_of(SubjectKind kind);

// Why a frame that duplicates another is not merged with it; the order is the precedence: a frame
// gets the first that applies, because the earlier ones remain when the later ones are mended.
// docs/share.md says what frees each. `merged` and `unknown` are not causes.
enum class Cause : std::uint8_t {
  shared_mapping,    // MAP_SHARED, memfd with share=on, shmem: KSM never takes it
  file_backed,       // private mapping of a file, page cache: KSM never takes it
  not_mergeable,     // no madvise(MADV_MERGEABLE), or a kind KSM refuses (hugetlb, VM_IO ...)
  ksm_off,           // registered, but ksmd is not running
  max_page_sharing,  // already a KSM frame; another KSM frame holds the same content
  changing,          // content differed between two looks
  huge_page,         // part of a transparent huge page: KSM must split it first
  not_scanned_yet,   // ksmd has not been round often enough
  other,
};
inline constexpr std::size_t kCauseCount = 9;
[[nodiscard]] std::string_view name_of(Cause cause);
// The action that would free it, one sentence.
[[nodiscard]] std::string_view action_for(Cause cause);

// What the host knows of one present page. All zero for images.
struct PageFacts {
  std::uint64_t frame = 0;      // host frame number; 0: unknown (image, or no CAP_SYS_ADMIN)
  std::uint32_t map_count = 0;  // /proc/kpagecount; 0: unknown
  Cause cause = Cause::other;   // if it turns out to be a duplicate
  bool ksm = false;             // KPF_KSM: a merged frame
  bool zero_frame = false;      // the kernel's zero page or huge zero page
  bool huge = false;            // part of a transparent huge page (KPF_THP) or hugetlb
  bool mergeable = false;       // in memory registered with KSM
};

// Pages with consecutive numbers. `facts` is empty (nothing known) or has one entry a page.
struct PageBatch {
  std::uint64_t first_page = 0;      // address / 4 KiB in the subject's own address space
  std::span<const std::byte> bytes;  // kPageSize each
  std::span<const PageFacts> facts;
  bool known_zero = false;  // the bytes are zeros, told without reading them (a hole of a file)
  // Bit i: page i lies in the frame of the page before it, and so has its bytes. Batches of more
  // than 64 pages have none.
  std::uint64_t copies = 0;

  [[nodiscard]] std::size_t count() const { return bytes.size() / kPageSize; }
};

// Pages that were not read, and why.
struct UnreadPages {
  std::uint64_t swapped = 0;
  std::uint64_t absent = 0;  // never touched, or not mapped in this process
  std::uint64_t denied = 0;  // there, but unreadable (permission, hwpoison, filtered from a dump)

  UnreadPages& operator+=(const UnreadPages& other) {
    swapped += other.swapped;
    absent += other.absent;
    denied += other.denied;
    return *this;
  }
};

struct Part {
  std::uint64_t first_page = 0;
  std::uint64_t count = 0;  // pages of address space, present or not; at most kPartPages
};
inline constexpr std::uint64_t kPartPages = 16384;  // 64 MiB

// Called for each run of readable pages of a part, in ascending order; the batch is valid only
// during the call.
using BatchSink = std::function<void(const PageBatch&)>;

// One thread's buffers for one subject.
class SubjectReader {
 public:
  virtual ~SubjectReader() = default;
  // Reads one part. Errors: `gone` when the process exited, exec'd or its pid was reused, or the
  // file shrank; what was delivered before then stays delivered.
  virtual Result<UnreadPages> read(const Part& part, const BatchSink& sink) = 0;
  // One page again, for --confirm and patching. `gone` where it is not there any more; never brings
  // a swapped or untouched page in.
  virtual Result<void> reread(std::uint64_t page, std::span<std::byte, kPageSize> out) = 0;
  // The page's bytes where they can be looked at without copying them, valid as long as the reader;
  // null elsewhere. For --confirm.
  [[nodiscard]] virtual const std::byte* mapped([[maybe_unused]] std::uint64_t page) {
    return nullptr;
  }
};

// smaps figures of a live subject, in bytes, of the whole process when the subject was opened. For
// the report, beside what brim counted itself.
struct ProcessMemory {
  std::uint64_t rss_bytes = 0;
  std::uint64_t pss_bytes = 0;
  std::uint64_t swap_bytes = 0;
  std::uint64_t anonymous_bytes = 0;
  std::uint64_t anon_huge_bytes = 0;
  std::optional<std::uint64_t> ksm_bytes;  // smaps "KSM:", kernels that have it
};

class Subject {
 public:
  virtual ~Subject() = default;
  [[nodiscard]] virtual SubjectKind kind() const = 0;
  [[nodiscard]] virtual const std::string& name() const = 0;
  // How it is known to be what it is ("QMP query-memdev", "libvirt domain web1", "command line").
  [[nodiscard]] virtual std::string identified_by() const = 0;
  [[nodiscard]] virtual std::optional<int> pid() const { return std::nullopt; }
  // Non-empty, ascending, not overlapping.
  [[nodiscard]] virtual std::span<const Part> parts() const = 0;
  // An upper bound on readable pages, for progress and for sizing the index.
  [[nodiscard]] virtual Pages readable_pages() const = 0;
  [[nodiscard]] virtual Pages padded_pages() const { return Pages(0); }
  // What is wrong with what was read although the rest could be (a damaged dump). Ask after
  // reading.
  [[nodiscard]] virtual std::optional<Error> damage() const { return std::nullopt; }
  // What the user should know of it, a sentence each without full stop.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
  // Whether PageFacts::frame and the flags are filled; if not, why.
  [[nodiscard]] virtual bool has_facts() const = 0;
  [[nodiscard]] virtual std::string why_no_facts() const { return {}; }
  [[nodiscard]] virtual std::optional<ProcessMemory> process_memory() const { return std::nullopt; }
  [[nodiscard]] virtual Result<std::unique_ptr<SubjectReader>> reader() const = 0;
};

}  // namespace brim::share
