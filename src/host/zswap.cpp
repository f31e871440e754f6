// SPDX-License-Identifier: Apache-2.0
#include "host/zswap.h"

#include <fmt/format.h>

namespace brim::host {
namespace {

constexpr char kParameters[] = "/sys/module/zswap/parameters";

bool is_a_word(const std::string& text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_()") == std::string::npos;
}

}  // namespace

Result<std::vector<KernelSetting>> zswap_settings(const Host& host, const ZswapWish& wish) {
  const std::string enabled = fmt::format("{}/enabled", kParameters);
  if (!host.exists(enabled))
    return fail(ErrorCode::missing, "this kernel has no zswap (CONFIG_ZSWAP)", host.place(enabled));
  if (!is_a_word(wish.compressor))
    return fail(ErrorCode::bad_input,
                fmt::format("'{}' is no compressor's name, as lzo, lz4 or zstd", wish.compressor));
  if (wish.maximum_pool_percent &&
      (*wish.maximum_pool_percent < 1 || *wish.maximum_pool_percent > 100))
    return fail(ErrorCode::bad_input, fmt::format("zswap can't take {} % of memory; 1 to 100",
                                                  *wish.maximum_pool_percent));
  std::vector<KernelSetting> settings;
  if (!wish.compressor.empty())
    settings.push_back({fmt::format("{}/compressor", kParameters), wish.compressor});
  if (wish.maximum_pool_percent)
    settings.push_back({fmt::format("{}/max_pool_percent", kParameters),
                        std::to_string(*wish.maximum_pool_percent)});
  settings.push_back({enabled, "Y"});
  for (const KernelSetting& setting : settings)
    if (!host.exists(setting.path))
      return fail(ErrorCode::missing, "this kernel's zswap has no such setting",
                  host.place(setting.path));
  return settings;
}

}  // namespace brim::host
