// SPDX-License-Identifier: Apache-2.0
// What libarchive does for traces.

#include "image/trace_input.h"

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <archive.h>
#include <fmt/format.h>

namespace brim::image {
namespace {

struct Compression {
  std::string_view first_bytes;
  std::string_view name;
  int (*support)(archive*);
};

// RFC 1952 (with deflate, the only method there is), the .xz file format 1.1, RFC 8878.
constexpr std::array<Compression, 3> kCompressions = {{
    {"\x1f\x8b\x08", "gzip", ::archive_read_support_filter_gzip},
    {{"\xfd"
      "7zXZ\0",
      6},
     "xz",
     ::archive_read_support_filter_xz},
    {"\x28\xb5\x2f\xfd", "zstd", ::archive_read_support_filter_zstd},
}};
constexpr std::size_t kLongestFirstBytes = 6;

class Decompression final : public ByteSource {
 public:
  Decompression(TraceInput input, const Compression& compression)
      : input_(std::move(input)),
        compression_(compression),
        archive_(::archive_read_new(), ::archive_read_free) {}

  Result<void> open() {
    // A warning: libarchive was built without it, and would start a program of that name.
    if (compression_.support(archive_.get()) != ARCHIVE_OK)
      return fail(ErrorCode::missing,
                  fmt::format("libarchive is built without {}", compression_.name), input_.name());
    ::archive_read_support_format_raw(archive_.get());
    ::archive_read_support_format_empty(archive_.get());
    if (::archive_read_open(archive_.get(), this, nullptr, give, nullptr) != ARCHIVE_OK)
      return fail(failure());
    archive_entry* entry = nullptr;
    const int found = ::archive_read_next_header(archive_.get(), &entry);
    // What it does not take for compressed it would hand through as it is.
    if (::archive_filter_code(archive_.get(), 0) == ARCHIVE_FILTER_NONE) return fail(failure());
    empty_ = found == ARCHIVE_EOF;
    if (!empty_ && found != ARCHIVE_OK) return fail(failure());
    return {};
  }

  Result<std::size_t> read(std::span<char> to) override {
    if (empty_) return std::size_t{0};
    const la_ssize_t got = ::archive_read_data(archive_.get(), to.data(), to.size());
    if (got < 0) return fail(failure());
    return static_cast<std::size_t>(got);
  }

 private:
  // archive_read_callback: lends what is in the window until it is called again.
  static la_ssize_t give(archive* to, void* self, const void** bytes) {
    auto& decompression = *static_cast<Decompression*>(self);
    TraceInput& input = decompression.input_;
    input.consume(std::exchange(decompression.lent_, 0));
    if (const Result<void> there = input.require(1); !there) {
      decompression.not_read_ = there.error();
      ::archive_set_error(to, EIO, "not read");
      return ARCHIVE_FATAL;
    }
    *bytes = input.window().data();
    decompression.lent_ = input.window().size();
    return static_cast<la_ssize_t>(decompression.lent_);
  }

  [[nodiscard]] Error failure() const {
    if (not_read_) return *not_read_;
    const char* why = ::archive_error_string(archive_.get());
    return {ErrorCode::bad_input,
            fmt::format("compressed ({}), but damaged or cut off: {}", compression_.name,
                        why != nullptr ? why : "libarchive does not say where"),
            input_.name()};
  }

  TraceInput input_;
  const Compression& compression_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  std::size_t lent_ = 0;
  bool empty_ = false;
  std::optional<Error> not_read_;
};

}  // namespace

Result<TraceInput> decompressed(TraceInput input, std::size_t buffer_size) {
  BRIM_CHECK(input.require(kLongestFirstBytes));
  for (const Compression& compression : kCompressions) {
    if (!input.window().starts_with(compression.first_bytes)) continue;
    std::string name = input.name();
    auto source = std::make_unique<Decompression>(std::move(input), compression);
    BRIM_CHECK(source->open());
    TraceInput result(std::move(source), std::move(name), buffer_size);
    result.decompressed_ = true;
    return result;
  }
  return input;
}

}  // namespace brim::image
