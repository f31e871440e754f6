// SPDX-License-Identifier: Apache-2.0
#pragma once
// A little memory that brim shares with a program it starts: what the program writes there brim
// reads without its help, also when the program waits for a page, stands still or is dead.
//
// A memfd(2): it has no name in any file system, so that nothing is left of it when both are gone.
// The program opens it through the maker's /proc/PID/fd. The maker touches all of it first, so that
// it is charged to his cgroup, and locks it in memory where he may (mlock(2)): then the program
// never waits for it, either. New memory is all zeros.

#include "base/fd.h"
#include "base/result.h"

#include <cstddef>
#include <string>

namespace brim::host {

class SharedMemory {
 public:
  // `size` > 0.
  [[nodiscard]] static Result<SharedMemory> create(std::size_t size);
  // What create() made in another process: its name() there. `bad_input` where it is smaller than
  // `size`.
  [[nodiscard]] static Result<SharedMemory> open(const std::string& name, std::size_t size);
  ~SharedMemory();
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&&) = delete;

  [[nodiscard]] void* data() const { return data_; }
  // "/proc/123/fd/7", as long as this process and this object live; of a maker alone.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool locked() const { return locked_; }

 private:
  SharedMemory() = default;
  [[nodiscard]] Result<void> map(std::size_t size);

  Fd file_;
  void* data_ = nullptr;
  std::size_t size_ = 0;
  std::string name_;
  bool locked_ = false;
};

// Waits until `word`, in shared memory, is no longer `value` (futex(2)). May come back early.
void wait_while(const volatile void* word, unsigned value);
// Wakes all that wait for it.
void wake_all(const volatile void* word);

}  // namespace brim::host
