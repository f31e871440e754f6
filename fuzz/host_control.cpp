// SPDX-License-Identifier: Apache-2.0
// What other programs and users write and brim reads to learn of, talk to and restore a machine:
// QEMU's command line, what a monitor sends, and the entries of the journal. The first byte chooses
// which. Beyond not failing, each parser must keep what its header promises.
#include "base/fd.h"
#include "base/json_text.h"
#include "base/result.h"
#include "host/journal_entry.h"
#include "host/qemu.h"
#include "host/qemu_options.h"
#include "host/qmp.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using brim::host::JournalEntry;
using brim::host::JsonObjectStream;

std::vector<std::string> split_at_zeros(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

void fuzz_arguments(std::string_view text) {
  std::vector<std::string> words = split_at_zeros(text);
  static_cast<void>(brim::host::parse_qemu_arguments(words));
  words.insert(words.begin(), "/usr/bin/qemu-system-x86_64");
  const auto arguments = brim::host::parse_qemu_arguments(words);
  BRIM_ASSERT(arguments.has_value() && arguments->memory.has_value());
  BRIM_ASSERT(arguments->monitors.size() == arguments->qmp_sockets.size());
  for (std::size_t i = 0; i < arguments->monitors.size(); ++i)
    BRIM_ASSERT(!arguments->monitors[i].path.empty() &&
                arguments->monitors[i].path == arguments->qmp_sockets[i]);
  bool shared = false;
  bool merge = true;
  for (const auto& block : arguments->ram_blocks()) {
    BRIM_ASSERT(block.is_ram);
    shared = shared || block.share;
    merge = merge && block.merge;
  }
  BRIM_ASSERT(arguments->shared == shared && arguments->merge == merge);
}

// A bare number means `unit`; a suffix means the same whatever the unit.
void fuzz_size(std::string_view text) {
  const auto bytes = brim::host::parse_qemu_size(text, brim::Bytes(1));
  const auto mebibytes = brim::host::parse_qemu_size(text, brim::mebibytes(1));
  BRIM_ASSERT(bytes || !mebibytes);
  if (bytes && mebibytes) BRIM_ASSERT(*bytes <= *mebibytes);
}

struct Cut {
  std::vector<std::string> objects;
  bool whole = true;  // no error
};

// `step` bytes at a time.
Cut cut(std::string_view text, std::size_t step) {
  JsonObjectStream stream;
  Cut result;
  while (!text.empty() && result.whole) {
    result.whole = stream.add(text.substr(0, step)).has_value();
    text.remove_prefix(std::min(step, text.size()));
    while (auto object = stream.take()) result.objects.push_back(*object);
  }
  return result;
}

// How a stream is cut into parts says nothing about what it holds.
void fuzz_stream(std::string_view text) {
  const Cut at_once = cut(text, text.size());
  const Cut by_byte = cut(text, 1);
  BRIM_ASSERT(at_once.objects == by_byte.objects && at_once.whole == by_byte.whole);
  for (const std::string& object : at_once.objects) BRIM_ASSERT(object.starts_with('{'));
  // One whole JSON object comes out as it went in.
  const auto parsed = brim::parse_json(text);
  if (parsed && parsed->is_object() && at_once.whole) BRIM_ASSERT(at_once.objects.size() == 1);
}

// A peer that has sent all of `text` before the first command and reads nothing.
void fuzz_monitor(std::string_view text) {
  constexpr std::size_t kFitsASocket = 64 << 10;
  if (text.size() > kFitsASocket) return;
  std::array<int, 2> ends{};
  BRIM_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) ==
              0);
  const brim::Fd peer(ends[1]);
  BRIM_ASSERT(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(text.size()));
  ::shutdown(peer.get(), SHUT_WR);
  constexpr std::chrono::milliseconds kPatience(1000);
  auto monitor = brim::host::Qmp::negotiate(ends[0], "fuzz", kPatience);
  if (!monitor) return;
  static_cast<void>(monitor->execute("query-memdev", kPatience));
  static_cast<void>(monitor->wait_for_event("STOP", kPatience));
  BRIM_ASSERT(monitor->events().size() <= brim::host::Qmp::kMaximumEvents);
}

auto members(const JournalEntry& entry) {
  return std::tie(entry.path, entry.old_value, entry.asked_value, entry.new_value, entry.boot_id,
                  entry.pid, entry.start_ticks, entry.root);
}

// What is accepted is what the journal itself could have written.
void fuzz_entry(std::string_view text) {
  const auto entry = brim::host::parse_entry(text, "entry");
  if (!entry) return;
  BRIM_ASSERT(entry->path.starts_with('/') && entry->pid > 0);
  BRIM_ASSERT(brim::host::written_by(*entry, entry->asked_value));
  const auto written = brim::host::format_entry(*entry);
  BRIM_ASSERT(written.has_value());
  const auto again = brim::host::parse_entry(*written, "entry");
  BRIM_ASSERT(again.has_value() && members(*again) == members(*entry));
}

// Two values, apart at the first zero byte.
void fuzz_values(std::string_view text) {
  const std::size_t middle = std::min(text.find('\0'), text.size());
  const std::string_view first = text.substr(0, middle);
  const std::string_view second = text.substr(std::min(middle + 1, text.size()));
  BRIM_ASSERT(brim::host::same_value(first, first));
  BRIM_ASSERT(brim::host::same_value(first, second) == brim::host::same_value(second, first));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr std::array<void (*)(std::string_view), 6> kParsers = {
      fuzz_arguments, fuzz_size, fuzz_stream, fuzz_monitor, fuzz_entry, fuzz_values};
  kParsers[data[0] % kParsers.size()](text);
  return 0;
}
