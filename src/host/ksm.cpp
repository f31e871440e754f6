// SPDX-License-Identifier: Apache-2.0
#include "host/ksm.h"

#include "host/files.h"
#include "host/process.h"
#include "host/process_text.h"

#include <charconv>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr std::string_view kDirectory = "/sys/kernel/mm/ksm";

std::string file_named(std::string_view name) { return fmt::format("{}/{}", kDirectory, name); }

Result<void> set(const Host& host, std::string_view name, std::uint64_t& out) {
  BRIM_TRY(out, host.read_number(file_named(name)));
  return {};
}

// The value of a file that this kernel may not have.
template <class T>
Result<std::optional<T>> if_present(Result<T> value) {
  if (value) return std::optional<T>(std::move(*value));
  if (value.error().code == ErrorCode::missing) return std::optional<T>();
  return fail(std::move(value).error());
}

Result<void> set(const Host& host, std::string_view name, std::optional<std::uint64_t>& out) {
  BRIM_TRY(out, if_present(host.read_number(file_named(name))));
  return {};
}

Result<void> set(const Host& host, std::string_view name, std::optional<bool>& out) {
  BRIM_TRY(const std::optional<std::uint64_t> number,
           if_present(host.read_number(file_named(name))));
  if (number) out = *number != 0;
  return {};
}

// general_profit goes below 0 where KSM's own records cost more than the pages they freed.
Result<void> set(const Host& host, std::string_view name, std::optional<std::int64_t>& out) {
  BRIM_TRY(const std::optional<std::string> text, if_present(host.read_value(file_named(name))));
  if (!text) return {};
  std::int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || stop != end)
    return fail(ErrorCode::io, fmt::format("holds '{}', expected a whole number", *text),
                host.place(file_named(name)));
  out = number;
  return {};
}

Result<void> set_copies(const Host& host, std::optional<std::uint64_t>& out) {
  BRIM_TRY(const std::optional<std::string> text, if_present(host.read_file("/proc/vmstat")));
  if (text) out = number_of(*text, "cow_ksm");
  return {};
}

Result<void> set_run(const Host& host, int& out) {
  BRIM_TRY(const std::uint64_t number, host.read_number(file_named("run")));
  if (number > 2)
    return fail(ErrorCode::io, fmt::format("holds {}, expected 0, 1 or 2", number),
                host.place(file_named("run")));
  out = static_cast<int>(number);
  return {};
}

Result<void> read_knobs(const Host& host, Ksm& ksm) {
  BRIM_CHECK(set_run(host, ksm.run));
  BRIM_CHECK(set(host, "pages_to_scan", ksm.pages_to_scan));
  BRIM_CHECK(set(host, "sleep_millisecs", ksm.sleep_millisecs));
  BRIM_CHECK(set(host, "merge_across_nodes", ksm.merge_across_nodes));
  BRIM_CHECK(set(host, "max_page_sharing", ksm.max_page_sharing));
  BRIM_CHECK(set(host, "use_zero_pages", ksm.use_zero_pages));
  BRIM_CHECK(set(host, "smart_scan", ksm.smart_scan));
  BRIM_CHECK(
      set(host, "stable_node_chains_prune_millisecs", ksm.stable_node_chains_prune_millisecs));
  BRIM_TRY(const std::optional<std::string> advisor,
           if_present(host.read_value(file_named("advisor_mode"))));
  if (advisor) ksm.advisor_mode = std::string(chosen_word(*advisor));
  return {};
}

Result<void> read_counters(const Host& host, Ksm& ksm) {
  BRIM_CHECK(set(host, "pages_shared", ksm.pages_shared));
  BRIM_CHECK(set(host, "pages_sharing", ksm.pages_sharing));
  BRIM_CHECK(set(host, "pages_unshared", ksm.pages_unshared));
  BRIM_CHECK(set(host, "pages_volatile", ksm.pages_volatile));
  BRIM_CHECK(set(host, "full_scans", ksm.full_scans));
  BRIM_CHECK(set(host, "stable_node_chains", ksm.stable_node_chains));
  BRIM_CHECK(set(host, "stable_node_dups", ksm.stable_node_dups));
  BRIM_CHECK(set(host, "ksm_zero_pages", ksm.ksm_zero_pages));
  BRIM_CHECK(set(host, "pages_scanned", ksm.pages_scanned));
  BRIM_CHECK(set(host, "pages_skipped", ksm.pages_skipped));
  BRIM_CHECK(set(host, "general_profit", ksm.general_profit_bytes));
  return set_copies(host, ksm.copies_on_write);
}

}  // namespace

Result<Ksm> read_ksm(const Host& host) {
  if (!host.exists(kDirectory))
    return fail(ErrorCode::missing, "this kernel has no KSM; it needs CONFIG_KSM",
                host.place(kDirectory));
  Ksm ksm;
  BRIM_CHECK(read_knobs(host, ksm));
  BRIM_CHECK(read_counters(host, ksm));
  return ksm;
}

Result<std::optional<int>> find_mergeable_process(const Host& host) {
  BRIM_TRY(const std::vector<int> pids, list_pids(host));
  for (const int pid : pids) {
    if (host.live() && pid == ::getpid()) continue;
    const auto process = Process::open(host, pid);
    if (!process) continue;
    const auto entries = process->smaps();
    if (!entries) continue;  // gone, or out of reach
    for (const SmapsEntry& entry : *entries)
      if (entry.has_flag("mg")) return pid;
  }
  return std::optional<int>();
}

}  // namespace brim::host
