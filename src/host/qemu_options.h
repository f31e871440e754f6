// SPDX-License-Identifier: Apache-2.0
#pragma once
// QEMU's option syntax: "type,key=value,flag,key=a,,b" and, since QEMU 6.0, JSON objects in its
// place. Nothing here knows what an option means. Source: QEMU's util/keyval.c, util/qemu-option.c.

#include "base/units.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace brim::host {

class QemuOptions {
 public:
  // `implied_key` names a first item without "="; "" if there is none. JSON that doesn't parse, or
  // is no object, gives no options: QEMU would have refused to start. JSON objects inside an object
  // are flattened with dots ("memory.size"), as in the key=value form.
  [[nodiscard]] static QemuOptions parse(std::string_view text, std::string_view implied_key);

  // Of a key given twice the last one counts, as for QEMU.
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const;
  [[nodiscard]] std::string get_or(std::string_view key, std::string_view fallback) const;
  // on/yes/true/y, also a bare "key" and, as older forms, "nokey".
  [[nodiscard]] bool flag(std::string_view key, bool fallback) const;

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

// "128", "2G", "1.5G", "2097152k", "0x8000": as QEMU reads sizes, a bare number in `unit`. Nothing
// where it is no size or doesn't fit 64 bits.
[[nodiscard]] std::optional<Bytes> parse_qemu_size(std::string_view text, Bytes unit);

}  // namespace brim::host
