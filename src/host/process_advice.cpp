// SPDX-License-Identifier: Apache-2.0
#include "host/process_advice.h"

#include "base/fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr int kWillNeed = 3;  // MADV_WILLNEED
constexpr int kPageOut = 21;  // MADV_PAGEOUT, Linux 5.4
// A call takes 2 GiB at most (MAX_RW_COUNT) and so many ranges.
constexpr std::uint64_t kMostBytes = 1ULL << 30;
constexpr std::size_t kMostRanges = 512;

bool is_own_memory(const Mapping& mapping) {
  if (!mapping.writable || mapping.path == "[vvar]" || mapping.path == "[vsyscall]") return false;
  return (mapping.anonymous() && !mapping.shared) || mapping.path.starts_with("/memfd:");
}

std::vector<iovec> own_ranges(const std::vector<Mapping>& mappings) {
  std::vector<iovec> ranges;
  for (const Mapping& mapping : mappings) {
    if (!is_own_memory(mapping)) continue;
    for (std::uint64_t at = mapping.start; at < mapping.end; at += kMostBytes) {
      const std::uint64_t length = std::min(kMostBytes, mapping.end - at);
      // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of another process
      ranges.push_back({reinterpret_cast<void*>(at), length});
    }
  }
  return ranges;
}

// How many from `first` go into one call.
std::size_t batch_at(const std::vector<iovec>& ranges, std::size_t first) {
  std::uint64_t sum = 0;
  std::size_t count = 0;
  while (first + count < ranges.size() && count < kMostRanges) {
    sum += ranges[first + count].iov_len;
    if (count > 0 && sum > kMostBytes) break;
    ++count;
  }
  return count;
}

// Those of a batch that were done whole, by the bytes the kernel says it came to.
std::size_t done_of(const std::vector<iovec>& ranges, std::size_t first, std::uint64_t bytes) {
  std::size_t count = 0;
  while (first + count < ranges.size() && bytes >= ranges[first + count].iov_len &&
         ranges[first + count].iov_len > 0) {
    bytes -= ranges[first + count].iov_len;
    ++count;
  }
  return count;
}

Result<Bytes> advise(const Process& process, int advice, std::string_view tried) {
  BRIM_TRY(const std::vector<Mapping> mappings, process.maps());
  const std::vector<iovec> ranges = own_ranges(mappings);
  const Fd descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process.pid(), 0)));
  if (!descriptor) return fail(process.failure(errno, tried, ""));
  BRIM_CHECK(process.check_alive());
  std::uint64_t done = 0;
  for (std::size_t first = 0; first < ranges.size();) {
    const std::size_t count = batch_at(ranges, first);
    const long advised =
        ::syscall(SYS_process_madvise, descriptor.get(), &ranges[first], count, advice, 0U);
    if (advised < 0 && errno == ENOSYS)
      return fail(ErrorCode::missing, "this kernel has no process_madvise (Linux 5.10)",
                  process.place(""));
    if (advised < 0 && (errno == EPERM || errno == EACCES || errno == ESRCH))
      return fail(process.failure(errno, tried, ""));
    if (advised < 0 && errno == EINTR) continue;
    const auto bytes = static_cast<std::uint64_t>(std::max(advised, 0L));
    done += bytes;
    // It stops at the first mapping that does not take the advice, as a locked one: left out.
    const std::size_t whole = done_of(ranges, first, bytes);
    first += whole < count ? whole + 1 : count;
  }
  return Bytes(done);
}

}  // namespace

Result<Bytes> page_out(const Process& process) { return advise(process, kPageOut, "page out"); }

Result<Bytes> prefetch(const Process& process) { return advise(process, kWillNeed, "prefetch"); }

Result<void> reclaim_group(const Host& host, const std::string& folder, Bytes bytes) {
  const std::string path = folder + "/memory.reclaim";
  if (!host.exists(path))
    return fail(ErrorCode::missing, "cgroups here have no memory.reclaim (version 2, Linux 5.19)",
                path);
  BRIM_TRY(const Fd file, host.open_file(path, O_WRONLY));
  const std::string text = std::to_string(bytes.count());
  // EAGAIN: it gave up less than that.
  if (::write(file.get(), text.data(), text.size()) < 0 && errno != EAGAIN)
    return fail(errno_error(errno, "reclaim", path));
  return {};
}

void stay_in_memory() {
  constexpr int kOnFault = 4;  // MCL_ONFAULT: what is touched, not all that is mapped
  (void)::mlockall(MCL_CURRENT | MCL_FUTURE | kOnFault);
}

}  // namespace brim::host
