// SPDX-License-Identifier: Apache-2.0
#pragma once
// The loads as text, and what the synthetic ones do to memory. The synthetic ones' code runs in a
// guest and as a process of the host (guests.kind = "process"); the other loads are programs of a
// guest's root file system (program_load.h).
//
// The synthetic ones are after Veiga, "Compartilhamento de memória entre máquinas virtuais" (UTFPR,
// 2015): a page-aligned buffer, buffer[i] = i mod 256, filled once; then for ever pages × write
// rate times { position = random; buffer[position] = position mod 256 }, and a pause of 10 s. So
// the study's writes change no byte: they only break what is merged. Its programs differ from its
// algorithm, and each is here as it really behaves:
//   algorithm  positions uniform over the buffer, from a seed;
//   linux      random() % size, never seeded: the same sequence in every guest. 31 bits: beyond
//              2 GiB nothing is written;
//   windows    a 15-bit rand(), never seeded: positions 0 to 32767, the first eight pages only.
// Around them stand contents that share otherwise, and writes that do change bytes.
//
// This file makes no system calls and knows no clock: the pause is for whoever runs the load
// (load_process.h). The same synthetic load does the same writes wherever it runs.

#include "base/result.h"
#include "base/units.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace brim::lab {

enum class LoadKind : std::uint8_t { synthetic, mariadb, compile };

enum class LoadWrites : std::uint8_t { algorithm, linux_program, windows_program };

enum class LoadContent : std::uint8_t {
  study,        // byte i is i mod 256: all pages of all machines are equal
  per_page,     // every page of its own, the same in every machine
  per_machine,  // one content throughout a machine, another in each
  unique,       // no page like any other, here or elsewhere
  zero          // written with zeros, so that they are there
};

// How many writes a cycle makes for each page of the buffer: 1/32.
struct WriteRate {
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
};

// MariaDB, and mariadb-slap with queries of its own making; Veiga's was 400 clients, 50 iterations
// and 5500 queries.
struct MariadbLoad {
  std::uint64_t clients = 8;
  std::uint64_t iterations = 2;            // 0: until it is stopped
  std::uint64_t queries = 200;             // an iteration, of all clients together
  Bytes buffer_pool_size = mebibytes(16);  // of InnoDB
};

// gcc over a C source tree of a fixed text, the objects linked to a program.
struct CompileLoad {
  std::uint64_t files = 8;
  std::uint64_t functions = 40;  // a file
  std::uint64_t iterations = 0;  // 0: until it is stopped
};

struct Load {
  LoadKind kind = LoadKind::synthetic;
  // Of the synthetic ones.
  Bytes bytes;  // of the buffer; 0: idle
  WriteRate write_rate;
  std::chrono::nanoseconds pause = std::chrono::seconds(10);  // between cycles
  LoadWrites writes = LoadWrites::algorithm;
  LoadContent content = LoadContent::study;
  bool changing = false;      // each write makes its byte one more, instead of what it was
  std::uint64_t seed = 1;     // of LoadWrites::algorithm
  std::uint64_t machine = 0;  // tells machines apart for per_machine and unique
  MariadbLoad mariadb;
  CompileLoad compile;
};

// "bytes=1GiB,write_rate=1/32,pause=10s,writes=linux,content=study,changing=no,seed=1,machine=0":
// any of these keys, each once, in any order; "idle" for none. A load of programs begins with its
// name: "mariadb,clients=8,iterations=2,queries=200,buffer_pool_size=16MiB",
// "compile,files=8,functions=40,iterations=0". An unknown key names the nearest known one.
[[nodiscard]] Result<Load> parse_load(std::string_view text);
// Text that parse_load() takes back.
[[nodiscard]] std::string format_load(const Load& load);

// Where a load writes next. Not thread-safe; the sequence is the object's own.
class WritePositions {
 public:
  virtual ~WritePositions() = default;
  // In [0, size). size > 0.
  virtual std::uint64_t next(std::uint64_t size) = 0;
};
[[nodiscard]] std::unique_ptr<WritePositions> write_positions(const Load& load);

// A load on its buffer.
class LoadedBuffer {
 public:
  // `buffer` must outlive this, be aligned to a page and as long as load.bytes.
  LoadedBuffer(const Load& load, std::span<std::byte> buffer);

  // Once, before the first cycle.
  void fill();
  // All writes of one cycle; how many those were.
  std::uint64_t cycle();
  [[nodiscard]] std::uint64_t writes_per_cycle() const;

 private:
  Load load_;
  std::span<std::byte> buffer_;
  std::unique_ptr<WritePositions> positions_;
};

}  // namespace brim::lab
