// SPDX-License-Identifier: Apache-2.0
#pragma once
// Traces of references to memory, as other programs write them, read once from front to end:
//   pages          a page number a line, decimal or 0x hexadecimal, then r (also where nothing is
//                  said) or w; empty lines and lines that begin with # are passed over
//   lackey         valgrind --tool=lackey --trace-mem=yes: data, and instructions where asked for.
//                  An access touches each page that it lies on, and a modification (M) counts once,
//                  as a write. Valgrind's own lines (==1== and --1-- and **1**) are passed over
//   csv            the first line names the columns, in any case of letters: page, or where there
//                  is none address (both decimal or 0x hexadecimal), and perhaps write (0 or 1,
//                  false or true, r or w, read or write, load or store; without it, all are reads).
//                  Comma, semicolon or tab, quotes allowed. Other columns are passed over
//   oracleGeneral  libCacheSim's records (oracleGeneralBin.h): an object is a page, all are reads,
//                  and the sizes are not looked at
//   champsim       ChampSim's records of one instruction (inc/trace_instruction.h): addresses that
//                  are not 0, what it loads before what it stores, and before both the instruction
//                  itself where asked for, as a read
// Each may be compressed (gzip, xz, zstd), which its first bytes say, not its name.
//
// Errors: bad_input that names the file, and the line or the byte, for anything wrong in it; bytes
// are then those of what the file decompresses to. What cannot be opened or read has the system's
// words. After an error a reader is of no more use. An empty file is a trace without references.
// Memory: a buffer of 252 KiB (1 MiB where there is so long a line), and what decompressing takes.
//
// LIMIT: a line is at most 1 MiB long. A field of a csv file cannot go on in the next line.
// LIMIT: an access of champsim has no size, and so lies on one page; so does a csv's address.
// LIMIT: damage that can be decompressed goes unseen in gzip, whose checksums libarchive 3.6 does
// not compare, and in zstd without a checksum. LIMIT: a trace that begins with the very bytes of a
// compressed file is taken for one.

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace brim::image {

enum class TraceFormat : std::uint8_t { pages, lackey, csv, oracle_general, champsim };
// "pages", "lackey", "csv", "oracleGeneral", "champsim".
[[nodiscard]] std::string_view name_of(TraceFormat format);
[[nodiscard]] std::optional<TraceFormat> trace_format(std::string_view name);

// For references of formats that do not record it. oracleGeneral's own records say -1, or the
// largest number, where an object is not asked for again.
inline constexpr std::int64_t kNoNext = std::numeric_limits<std::int64_t>::min();

struct TraceReference {
  std::uint64_t page = 0;       // its number, whatever that counts
  std::int64_t next = kNoNext;  // oracleGeneral: which reference is the next of the page, unchecked
  bool write = false;

  bool operator==(const TraceReference&) const = default;
};

struct TraceOptions {
  bool instructions = false;       // lackey, champsim: fetching one is a reference, too
  std::uint64_t page_size = 4096;  // bytes, of addresses; a power of two
};

class TraceReader {
 public:
  virtual ~TraceReader() = default;

  // The next references, from the front of `out`; fewer than fit only at the end, and 0 after it.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<TraceReference> out) = 0;

  // Where a reference was found, for an error that only the caller can see: "FILE:12" or "FILE at
  // byte 48". `reference` counts from 0 at the front of the trace and must be one of those that the
  // last read() gave.
  [[nodiscard]] virtual std::string place(std::uint64_t reference) const = 0;
};

// "-" is the standard input. Reads the first bytes, and of a csv the first line: waits for them
// where `path` is a pipe.
[[nodiscard]] Result<std::unique_ptr<TraceReader>> open_trace(const std::string& path,
                                                              TraceFormat format,
                                                              const TraceOptions& options);

}  // namespace brim::image
