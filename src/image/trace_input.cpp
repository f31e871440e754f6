// SPDX-License-Identifier: Apache-2.0
#include "image/trace_input.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::image {
namespace {

class FileSource final : public ByteSource {
 public:
  FileSource(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  Result<std::size_t> read(std::span<char> to) override {
    for (;;) {
      const ssize_t got = ::read(fd_.get(), to.data(), to.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return fail(errno_error(errno, "read", name_));
    }
  }

 private:
  Fd fd_;
  std::string name_;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Result<std::size_t> read(std::span<char> to) override {
    const std::size_t size = std::min(to.size(), bytes_.size());
    if (size > 0) std::memcpy(to.data(), bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return size;
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace

std::unique_ptr<ByteSource> file_source(Fd fd, std::string name) {
  return std::make_unique<FileSource>(std::move(fd), std::move(name));
}

std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> bytes) {
  return std::make_unique<MemorySource>(bytes);
}

TraceInput::TraceInput(std::unique_ptr<ByteSource> source, std::string name,
                       std::size_t buffer_size)
    : source_(std::move(source)), name_(std::move(name)), buffer_(buffer_size) {
  BRIM_ASSERT(buffer_size > 0 && buffer_size <= kLargestWindow);
}

std::string TraceInput::place(std::uint64_t byte) const {
  return fmt::format("{} at byte {}{}", name_, byte,
                     decompressed_ ? " of what it decompresses to" : "");
}

Result<bool> TraceInput::more() {
  if (ended_) return false;
  std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
  base_ += at_;
  end_ -= at_;
  at_ = 0;
  BRIM_ASSERT(end_ < kLargestWindow);
  if (end_ == buffer_.size()) buffer_.resize(std::min(2 * buffer_.size(), kLargestWindow));
  BRIM_TRY(const std::size_t got, source_->read(std::span(buffer_).subspan(end_)));
  end_ += got;
  ended_ = got == 0;
  return !ended_;
}

void TraceInput::append(char byte) {
  BRIM_ASSERT(ended_);
  buffer_.resize(end_);
  buffer_.push_back(byte);
  ++end_;
}

Result<void> TraceInput::require(std::size_t bytes) {
  while (window().size() < bytes) {
    BRIM_TRY(const bool read, more());
    if (!read) break;
  }
  return {};
}

Result<std::string_view> whole_records(TraceInput& input, std::size_t record_size) {
  if (input.window().size() < record_size) BRIM_CHECK(input.require(record_size));
  const std::string_view window = input.window();
  if (window.size() < record_size && !window.empty())
    return fail(ErrorCode::bad_input,
                fmt::format("ends within a record: {} of its {} bytes are there", window.size(),
                            record_size),
                input.place(input.position()));
  return window.substr(0, window.size() - window.size() % record_size);
}

Result<bool> TraceLines::fill() {
  for (std::size_t searched = 0;;) {
    const std::string_view window = input_.window();
    if (window.find('\n', searched) != std::string_view::npos) return true;
    if (window.size() > kLongestLine)
      return fail(ErrorCode::bad_input, "a line of more than 1 MiB: not a trace in this format",
                  place(number_ + 1));
    searched = window.size();
    BRIM_TRY(const bool read, input_.more());
    if (read) continue;
    if (searched == 0) return false;
    input_.append('\n');  // the last line has no end of its own
    return true;
  }
}

std::string TraceLines::place(std::uint64_t number) const {
  return fmt::format("{}:{}", input_.name(), number);
}

}  // namespace brim::image
