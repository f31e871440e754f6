// SPDX-License-Identifier: Apache-2.0
#pragma once
// The journal's directory on disk: entry files that appear whole or not at all, and the writer
// lock. Entry files are named by a rising number, so that their order is that of the changes.

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

class JournalDirectory {
 public:
  // Creates it (mode 0700) with its parents. `denied` where others could write in it.
  [[nodiscard]] static Result<JournalDirectory> open(const std::string& path);
  // False only where there is certainly none; creates nothing.
  [[nodiscard]] static bool may_exist(const std::string& path);
  // Whether there is one that holds entries. Creates nothing; false where this user can't see it.
  [[nodiscard]] static bool has_entries(const std::string& path);

  // `denied`, naming the holder's pid, while another holds the lock. Idempotent. The lock ends with
  // the process (or unlock), also by SIGKILL.
  [[nodiscard]] Result<void> lock();
  void unlock();
  [[nodiscard]] bool locked() const { return static_cast<bool>(lock_); }

  struct Listing {
    std::map<std::uint64_t, std::string> entries;  // file name by number
    std::vector<std::string> temporary;            // left by an interrupted write
    std::vector<std::string> foreign;              // none of ours
  };
  [[nodiscard]] Result<Listing> list() const;
  // At most 64 KiB; never follows a link.
  [[nodiscard]] Result<std::string> read(const std::string& name) const;
  // Replaces or creates entry `number`: temporary file, fsync, rename, fsync of the directory.
  // After an error the old content (or absence) still stands, and nothing else is left behind;
  // except that an entry may be there that the directory's fsync failed for.
  [[nodiscard]] Result<void> write(std::uint64_t number, std::string_view text) const;
  [[nodiscard]] Result<void> remove(const std::string& name) const;
  [[nodiscard]] std::string place(std::string_view name) const;
  [[nodiscard]] static std::string entry_name(std::uint64_t number);

 private:
  JournalDirectory() = default;
  std::string path_;
  Fd directory_;
  Fd lock_;
};

}  // namespace brim::host
