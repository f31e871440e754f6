// SPDX-License-Identifier: Apache-2.0
#pragma once
// The bytes of a trace, decompressed where they must be, through one buffer: as a window of them
// that readers of records look through, or as lines.
//
// Plain reads, not a mapping: copying into a buffer that stays in the cache costs less than the
// page faults of a mapping do, and a pipe works alike.

#include "base/fd.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <endian.h>

namespace brim::image {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Into the front of `to`, which is not empty: as many as there are at once. 0: the end.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<char> to) = 0;
};

[[nodiscard]] std::unique_ptr<ByteSource> file_source(Fd fd, std::string name);
// Of bytes that outlive it.
[[nodiscard]] std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> bytes);

inline constexpr std::size_t kLongestLine = 1 << 20;

class TraceInput {
 public:
  // One long line and what ends it.
  static constexpr std::size_t kLargestWindow = kLongestLine + 1;

  // `name` is what errors call the file. The buffer grows when nothing of it can be consumed.
  TraceInput(std::unique_ptr<ByteSource> source, std::string name, std::size_t buffer_size);

  [[nodiscard]] const std::string& name() const { return name_; }
  // "FILE at byte 48".
  [[nodiscard]] std::string place(std::uint64_t byte) const;

  // What was read and is not consumed.
  [[nodiscard]] std::string_view window() const { return {buffer_.data() + at_, end_ - at_}; }
  void consume(std::size_t bytes) { at_ += bytes; }
  // Where the window begins.
  [[nodiscard]] std::uint64_t position() const { return base_ + at_; }

  // Reads on: the window gets longer, and is elsewhere. False at the end. A window must not be
  // kLargestWindow long.
  [[nodiscard]] Result<bool> more();
  // A byte that the file does not have, at the end.
  void append(char byte);

  // The window has become so many bytes long, or holds all that is left.
  [[nodiscard]] Result<void> require(std::size_t bytes);

 private:
  friend Result<TraceInput> decompressed(TraceInput input, std::size_t buffer_size);

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  bool decompressed_ = false;
  bool ended_ = false;
  std::vector<char> buffer_;
  std::size_t at_ = 0;  // the window: [at_, end_) of the buffer
  std::size_t end_ = 0;
  std::uint64_t base_ = 0;  // where the buffer begins
};

// What the file holds: decompressed, where its first bytes are those of a compressed file.
[[nodiscard]] Result<TraceInput> decompressed(TraceInput input, std::size_t buffer_size);

// The whole records that the window begins with, one at least; empty at the end. A part of one
// there is an error.
[[nodiscard]] Result<std::string_view> whole_records(TraceInput& input, std::size_t record_size);

// The eight bytes there, of a record in little-endian.
inline std::uint64_t number_in_record(const char* at) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return le64toh(value);
}

class TraceLines {
 public:
  explicit TraceLines(TraceInput input) : input_(std::move(input)) {}

  // The next line, without the "\n" or "\r\n" that ends it: valid until fill(). False where the
  // window holds no whole line: fill() then reads on, and says whether there is another.
  [[nodiscard]] bool next(std::string_view& line) {
    const std::string_view window = input_.window();
    const void* found = std::memchr(window.data(), '\n', window.size());
    if (found == nullptr) return false;
    const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - window.data());
    input_.consume(length + 1);
    ++number_;
    line = window.substr(0, length);
    if (length > 0 && line.back() == '\r') line.remove_suffix(1);
    return true;
  }
  [[nodiscard]] Result<bool> fill();

  // Of the line that next() gave last, from 1.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  // "FILE:12".
  [[nodiscard]] std::string place(std::uint64_t number) const;

 private:
  TraceInput input_;
  std::uint64_t number_ = 0;
};

}  // namespace brim::image
