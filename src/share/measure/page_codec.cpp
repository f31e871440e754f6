// SPDX-License-Identifier: Apache-2.0
#include "share/measure/page_codec.h"

#include <lz4.h>
#define ZSTD_STATIC_LINKING_ONLY  // names ZSTD_c_format; needs no symbol beyond the stable ones
#include "base/result.h"

#include <algorithm>
#include <array>

#include <zstd.h>

namespace brim::share {
namespace {

constexpr int kZstdLevel = 3;
// Enough for any 4 KiB page (ZSTD_compressBound and LZ4_compressBound are both below it).
constexpr std::size_t kOutputBytes = 2 * kPageSize;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

struct PageCodec::State {
  std::unique_ptr<ZSTD_CCtx, FreeContext> context{ZSTD_createCCtx()};
  std::array<std::byte, kOutputBytes> output;

  std::uint32_t compress(Page page) {
    const std::size_t size =
        ZSTD_compress2(context.get(), output.data(), output.size(), page.data(), page.size());
    if (ZSTD_isError(size) != 0) return kPageSize;
    return static_cast<std::uint32_t>(std::min<std::size_t>(size, kPageSize));
  }
};

PageCodec::PageCodec() : state_(std::make_unique<State>()) {
  ZSTD_CCtx* const context = state_->context.get();
  BRIM_ASSERT(context != nullptr);
  const std::array parameters = {
      std::pair{ZSTD_c_compressionLevel, kZstdLevel},
      std::pair{ZSTD_c_format, static_cast<int>(ZSTD_f_zstd1_magicless)},
      std::pair{ZSTD_c_contentSizeFlag, 0},
      std::pair{ZSTD_c_checksumFlag, 0},
      std::pair{ZSTD_c_dictIDFlag, 0},
      std::pair{ZSTD_c_deterministicRefPrefix, 1},  // side by side in memory or not
  };
  for (const auto& [parameter, value] : parameters) {
    BRIM_ASSERT(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0);
  }
}

PageCodec::~PageCodec() = default;
PageCodec::PageCodec(PageCodec&&) noexcept = default;
PageCodec& PageCodec::operator=(PageCodec&&) noexcept = default;

std::uint32_t PageCodec::lz4_size(Page page) {
  const int size = LZ4_compress_default(reinterpret_cast<const char*>(page.data()),
                                        reinterpret_cast<char*>(state_->output.data()),
                                        static_cast<int>(page.size()), kOutputBytes);
  return size <= 0
             ? kPageSize
             : std::min(static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(kPageSize));
}

std::uint32_t PageCodec::zstd_size(Page page) { return state_->compress(page); }

std::uint32_t PageCodec::patch_size(Page page, Page reference) {
  // The prefix holds for the next frame only.
  const std::size_t set =
      ZSTD_CCtx_refPrefix(state_->context.get(), reference.data(), reference.size());
  if (ZSTD_isError(set) != 0) return kPageSize;
  return state_->compress(page);
}

}  // namespace brim::share
